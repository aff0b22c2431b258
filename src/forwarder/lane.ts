import { backOff, sleep, type Timers } from '../clock.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';

export interface LaneOptions {
  readonly timers: Timers;
  readonly random: () => number;
  readonly log: Log;
  /** Says the latest there is to say. */
  readonly send: () => Promise<void>;
}

/**
 * A way for one kind of report: one under way at a time; what becomes new meanwhile goes with the
 * next one, however much it is. What fails or is not answered in time is said again.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #abort = new AbortController();
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

  close(): void {
    this.#abort.abort();
  }

  async #sendAll(): Promise<void> {
    const { timers, random, log, send } = this.#options;
    const { signal } = this.#abort;
    this.#sending = true;
    for (let failed = 0; this.#waiting && !signal.aborted; ) {
      this.#waiting = false;
      try {
        await this.#inTime(send());
        failed = 0;
      } catch (error) {
        this.#waiting = true;
        if (failed === 0) log.warn({ reason: reasonOf(error) }, 'cannot report, trying again');
        await sleep(timers, backOff(failed++, limits.reportRetry, random), signal);
      }
    }
    this.#sending = false;
  }

  #inTime(sending: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer within ${limits.reportTimeout} ms`));
      const cancel = this.#options.timers.after(limits.reportTimeout, late);
      sending.then(resolve, reject).finally(cancel);
    });
  }
}
