import { backOff, sleep, type Timers } from '../clock.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Change, Range, Store } from '../store/store.ts';

/** What a part of the fleet stands on. */
export interface Surroundings {
  readonly store: Store;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back, for measuring how long something took. */
  readonly monotonic: () => number;
  readonly timers: Timers;
  /** 0 to 1, as Math.random gives it. */
  readonly random: () => number;
  readonly log: Log;
}

export interface Follower {
  /** The prefix as it stands: called first, and again whenever the thread was lost. */
  load(range: Range): void | Promise<void>;
  /** What one commit changed under the prefix, in order, each once. */
  change(revision: number, changes: readonly Change[]): void | Promise<void>;
}

/**
 * Reads a prefix and follows it until `signal` aborts. When the store is away or its history no
 * longer reaches back, reads the prefix again; keeps trying for as long as it takes.
 */
export async function follow(
  prefix: string,
  follower: Follower,
  { store, timers, random, log }: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      const range = await store.range(prefix);
      if (signal.aborted) return;
      await follower.load(range);
      for await (const event of store.watch(prefix, range.revision, signal)) {
        if (event.kind === 'compacted') break;
        await follower.change(event.revision, event.changes);
        failures = 0;
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, prefix }, 'cannot follow the store, trying again');
    }
    await sleep(timers, backOff(failures++, limits.followRetry, random), signal);
  }
}
