import { backOff, sleep, type Timers } from '../clock.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';

export interface LaneOptions {
  readonly timers: Timers;
  readonly random: () => number;
  readonly log: Log;
  /** Says the latest there is to say; rejects in time when it has no answer. */
  readonly send: () => Promise<unknown>;
}

/**
 * A way for one kind of report: one under way at a time; what becomes new meanwhile goes with the
 * next one, however much it is. What fails or is not answered in time is said again.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #abort = new AbortController();
  #retry = new AbortController();
  #waiting = false;
  #sending = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** There is something to say. */
  touch(): void {
    this.#waiting = true;
    if (!this.#sending) void this.#sendAll();
  }

  /** Does not wait any longer before what has failed is sent again. */
  retryNow(): void {
    this.#retry.abort();
  }

  close(): void {
    this.#abort.abort();
    this.#retry.abort();
  }

  async #sendAll(): Promise<void> {
    const { timers, random, log, send } = this.#options;
    const { signal } = this.#abort;
    this.#sending = true;
    for (let failed = 0; this.#waiting && !signal.aborted; ) {
      this.#waiting = false;
      try {
        await send();
        failed = 0;
      } catch (error) {
        this.#waiting = true;
        if (signal.aborted) break;
        if (failed === 0) log.warn({ reason: reasonOf(error) }, 'cannot report, trying again');
        this.#retry = new AbortController();
        await sleep(timers, backOff(failed++, limits.reportRetry, random), this.#retry.signal);
      }
    }
    this.#sending = false;
  }
}
