import { totalmem } from 'node:os';
import { limits } from '../../limits.ts';

/** Bounds on the workers that reloads have replaced and that still serve sessions. */
export interface OldWorkerBounds {
  /** Memory that all of them may use together. */
  readonly memoryBytes: number;
  /** How long one may go on after its reload. */
  readonly ageMs: number;
  /** A session without a byte for this long is idle. */
  readonly idleMs: number;
  /** From the end of its age until a worker's active sessions are closed too. */
  readonly graceMs: number;
  /** How many there may be. */
  readonly count: number;
}

/**
 * The bounds that an operator sets, and those that come with them.
 * @param memoryBytes undefined = a share of the machine's memory, or of its container's
 */
export function boundsFrom({
  memoryBytes,
  ageMs,
}: {
  readonly memoryBytes: number | undefined;
  readonly ageMs: number;
}): OldWorkerBounds {
  // 0 and figures above the machine's memory stand for no limit.
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return {
    memoryBytes: memoryBytes ?? memory * limits.oldWorkersShare,
    ageMs,
    idleMs: limits.oldWorkersIdle,
    graceMs: limits.oldWorkersGrace,
    count: limits.oldWorkersCount,
  };
}

/** One replaced worker. */
export interface OldWorker {
  readonly pid: number;
  readonly ageMs: number;
  /** Memory that its end frees. */
  readonly bytes: number;
  /** True when none of its sessions is active, as far as is known. */
  readonly isIdle: boolean;
}

export type Bound = 'memory' | 'age' | 'count';

/** A worker to end, with all its sessions. */
export interface Ending {
  readonly pid: number;
  readonly bound: Bound;
}

/** The bounds on all workers together that are exceeded; undefined: neither is. */
export function exceeded(
  workers: readonly OldWorker[],
  bounds: OldWorkerBounds,
): 'memory' | 'count' | undefined {
  if (workers.length > bounds.count) return 'count';
  return sumOf(workers) > bounds.memoryBytes ? 'memory' : undefined;
}

/**
 * Chooses the workers to end. For memory and count: as few as needed, those without active
 * sessions first, and among equals the oldest first. For age: an idle one at once, another one
 * after the grace.
 * @param workers the oldest first
 * @param hasWatched false until sessions were watched long enough to tell idle ones from active
 */
export function chooseEndings(
  workers: readonly OldWorker[],
  bounds: OldWorkerBounds,
  hasWatched: boolean,
): Ending[] {
  const endings: Ending[] = workers
    .filter(({ ageMs, isIdle }) => ageMs > bounds.ageMs + (isIdle ? 0 : bounds.graceMs))
    .map(({ pid }) => ({ pid, bound: 'age' }));
  const isEnding = ({ pid }: OldWorker) => endings.some((ending) => ending.pid === pid);
  const left = new Set(workers.filter((worker) => !isEnding(worker)));
  for (const worker of [...left].sort((a, b) => Number(b.isIdle) - Number(a.isIdle))) {
    const bound = hasWatched && exceeded([...left], bounds);
    if (!bound) break;
    endings.push({ pid: worker.pid, bound });
    left.delete(worker);
  }
  return endings;
}

/**
 * How long changes gather before a reload, in milliseconds. Each reload may leave one more worker
 * behind, so the more there are, the more changes share one.
 * @param replaced replaced workers that still run
 * @param sinceLast milliseconds since the last reload ended
 */
export function pauseBeforeReload(replaced: number, sinceLast: number): number {
  const { perWorker, max } = limits.reloadPause;
  return Math.max(limits.reloadGather, Math.min(max, perWorker * replaced) - sinceLast);
}

export function sumOf(workers: readonly OldWorker[]): number {
  return workers.reduce((sum, { bytes }) => sum + bytes, 0);
}
