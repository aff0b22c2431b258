import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import type { Crew } from './crew.ts';
import { parseSection } from './names.ts';
import {
  type Bound,
  chooseEndings,
  exceeded,
  type OldWorker,
  type OldWorkerBounds,
  sumOf,
} from './old-worker-bounds.ts';
import type { Paths } from './paths.ts';
import { startOf } from './process.ts';
import { RuntimeSocket, WorkerGone } from './runtime.ts';
import { parseSessionList, type Session } from './tables.ts';

export interface OldWorkersOptions {
  readonly paths: Paths;
  readonly crew: Crew;
  readonly bounds: OldWorkerBounds;
  /** Unix milliseconds, for notices. Ages are measured by a clock that nobody sets. */
  readonly now: () => number;
  readonly log: Log;
  /** Reads what a worker has counted, before it ends. */
  readonly beforeEnd: () => Promise<void>;
}

/** A replaced worker since it was first seen as one, in milliseconds of `performance.now()`. */
interface Known {
  readonly pid: number;
  /** Tells the process from a later one with its pid. */
  readonly start: string;
  readonly since: number;
  /** When its sessions were read for the first time. */
  watchedSince: number | undefined;
  sessions: ReadonlyMap<string, Watched>;
}

/** A session and the last sign of life that was seen of it. */
interface Watched {
  /** When HAProxy would time it out; every byte moves that. */
  readonly expires: number;
  readonly silentSince: number;
}

/** HAProxy tells the time to a timeout in whole seconds. */
const expiryPrecision = 1_500;

/**
 * Bounds what replaced workers may hold: a reload leaves one behind for as long as it has sessions,
 * with its whole memory. HAProxy's own bound counts reloads, and would cut all sessions of a worker
 * for changes that have nothing to do with them.
 */
export class OldWorkers {
  readonly #options: OldWorkersOptions;
  /** A connection of its own: no change waits behind a list of sessions. */
  readonly #master: RuntimeSocket;
  #known = new Map<number, Known>();
  /** Since when memory or count is exceeded. */
  #exceededSince: number | undefined;
  #notices: { readonly at: number; readonly text: string }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: OldWorkersOptions) {
    this.#options = options;
    this.#master = new RuntimeSocket(options.paths.master);
  }

  /** Looks at the replaced workers from now on. */
  start(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look(), limits.oldWorkersEvery).unref();
  }

  /**
   * Ends a worker when there are so many that HAProxy's master could not list one more: then no
   * reload could be followed. Resolves when it has ended.
   */
  async makeRoom(): Promise<void> {
    const known = this.#survey();
    if (known.length < this.#options.bounds.count * 1.5) return;
    const victim = known.find((each) => this.#isIdle(each)) ?? known[0]!;
    await this.#readSessions(victim);
    await this.#end(victim, 'count');
    const deadline = performance.now() + limits.engineStop;
    while (isAlive(victim) && performance.now() < deadline) await delay(5);
  }

  /** What an operator should know, the latest first. */
  notices(): string[] {
    const since = this.#options.now() - limits.oldWorkersNotice;
    this.#notices = this.#notices.filter(({ at }) => at >= since);
    return this.#notices.map(({ text }) => text);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      await this.#enforce();
    } catch (error) {
      // The master is away during a reload; the next look finds it again.
      if (!(error instanceof WorkerGone)) {
        this.#options.log.warn({ reason: reasonOf(error) }, 'replaced workers cannot be bounded');
      }
    }
    this.start();
  }

  async #enforce(): Promise<void> {
    const { bounds } = this.#options;
    const known = this.#survey();
    const isOver = exceeded(this.#views(known), bounds) !== undefined;
    const isAged = ({ since }: Known) => performance.now() - since > bounds.ageMs;
    for (const each of known) {
      if (isOver || isAged(each)) await this.#readSessions(each);
    }
    // Only from here on every session has been read at least once.
    this.#exceededSince = isOver ? (this.#exceededSince ?? performance.now()) : undefined;
    const hasWatched = isOver && performance.now() - this.#exceededSince! >= bounds.idleMs;
    for (const { pid, bound } of chooseEndings(this.#views(known), bounds, hasWatched)) {
      await this.#end(this.#known.get(pid)!, bound);
    }
    for (const each of known) {
      if (isAged(each) && isAlive(each)) await this.#closeIdle(each);
    }
  }

  /** The workers that are alive, the oldest first. */
  #survey(): Known[] {
    const found = new Map<number, Known>();
    for (const { pid } of this.#options.crew.old) {
      const start = startOf(pid);
      if (start === undefined) continue;
      const before = this.#known.get(pid);
      const since = performance.now();
      const fresh = { pid, start, since, watchedSince: undefined, sessions: new Map() };
      found.set(pid, before?.start === start ? before : fresh);
    }
    this.#known = found;
    return [...found.values()].sort((a, b) => Number(a.start) - Number(b.start) || a.pid - b.pid);
  }

  #views(known: readonly Known[]): OldWorker[] {
    const now = performance.now();
    return known.map((each) => ({
      pid: each.pid,
      ageMs: now - each.since,
      bytes: memoryOf(each.pid),
      isIdle: this.#isIdle(each),
    }));
  }

  /** True when its sessions were watched for long enough, and none had a byte in that time. */
  #isIdle({ watchedSince, sessions }: Known): boolean {
    const before = performance.now() - this.#options.bounds.idleMs;
    if (watchedSince === undefined || watchedSince > before) return false;
    return [...sessions.values()].every(({ silentSince }) => silentSince <= before);
  }

  async #readSessions(known: Known): Promise<void> {
    const [text = ''] = await this.#run(known, ['show sess']);
    const now = performance.now();
    known.watchedSince ??= now;
    known.sessions = new Map(
      parseSessionList(text)
        .filter(({ frontend }) => parseSection(frontend)?.role === 'front')
        .map((session) => [session.id, watched(session, known.sessions.get(session.id), now)]),
    );
  }

  async #closeIdle(known: Known): Promise<void> {
    const before = performance.now() - this.#options.bounds.idleMs;
    const idle = [...known.sessions].filter(([, { silentSince }]) => silentSince <= before);
    if (idle.length === 0) return;
    await this.#run(
      known,
      idle.map(([id]) => `shutdown session ${id}`),
    );
    this.#note('age', known, { idle: idle.length, active: 0 });
  }

  /** @returns nothing of a worker that has ended meanwhile */
  async #run({ pid }: Known, commands: readonly string[]): Promise<string[]> {
    try {
      return await this.#master.run(commands.map((command) => `@!${pid} ${command}`));
    } catch (error) {
      if (error instanceof WorkerGone) return [];
      throw error;
    }
  }

  /** Ends a worker with all its sessions. */
  async #end(known: Known, bound: Bound): Promise<void> {
    await this.#options.beforeEnd();
    if (!isAlive(known)) return;
    const before = performance.now() - this.#options.bounds.idleMs;
    const silences = [...known.sessions.values()].map(({ silentSince }) => silentSince);
    const idle = silences.filter((silentSince) => silentSince <= before).length;
    this.#note(bound, known, { idle, active: silences.length - idle });
    try {
      process.kill(known.pid, 'SIGTERM');
    } catch (error) {
      // ESRCH: it has ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #note(bound: Bound, known: Known, closed: { readonly idle: number; readonly active: number }) {
    const { bounds, now, log } = this.#options;
    const workers = this.#known.size;
    const megabytes = megabytesOf(sumOf(this.#views([...this.#known.values()])));
    const ageSeconds = Math.round((performance.now() - known.since) / 1_000);
    log.warn({ bound, pid: known.pid, ageSeconds, workers, megabytes, closed }, 'sessions closed');
    const reasons = {
      memory: `replaced workers used ${megabytes} MB of ${megabytesOf(bounds.memoryBytes)} MB`,
      age: `their listener was reloaded ${ageSeconds} s ago, of ${bounds.ageMs / 1_000} s`,
      count: `${workers} replaced workers were running, of ${bounds.count}`,
    };
    const at = now();
    const time = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
    const sessions = `${closed.idle} idle and ${closed.active} active sessions`;
    const text = `${time}: ${sessions} of before a reload were closed: ${reasons[bound]}`;
    this.#notices = [{ at, text }, ...this.#notices].slice(0, limits.oldWorkersNotices);
  }
}

function isAlive({ pid, start }: Known): boolean {
  return startOf(pid) === start;
}

function watched({ leftMs }: Session, before: Watched | undefined, now: number): Watched {
  // One without a timeout is waiting for its server: that is no idleness.
  const expires = now + (leftMs ?? Number.POSITIVE_INFINITY);
  const isSilent = before !== undefined && expires - before.expires < expiryPrecision;
  return isSilent ? before : { expires, silentSince: now };
}

/** Memory that is a process's own: what its end frees. 0 when it has ended. */
function memoryOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return 1_024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
  } catch {
    // No such process.
    return 0;
  }
}

function megabytesOf(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
