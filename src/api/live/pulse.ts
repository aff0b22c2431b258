import type { Timers } from '../../clock.ts';
import { limits } from '../../limits.ts';

/**
 * The pace of one watcher's stream. However much is new, it is one note that something is; a
 * watcher that reads slowly costs nothing more than that.
 */
export class Pulse {
  readonly #timers: Timers;
  #isNew = true;
  #wake: () => void = () => {};

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Something may be new. */
  touch(): void {
    this.#isNew = true;
    this.#wake();
  }

  /**
   * Beats when something may be new, at most once in `limits.livePace`, and every
   * `limits.heartbeat` anyway. Ends when `signal` aborts, or after `limits.liveLife`.
   */
  async *beats(signal: AbortSignal): AsyncGenerator<void, void, undefined> {
    let isOver = false;
    const end = () => {
      isOver = true;
      this.#wake();
    };
    const cancel = this.#timers.after(limits.liveLife, end);
    signal.addEventListener('abort', end);
    try {
      while (!isOver && !signal.aborted) {
        this.#isNew = false;
        yield;
        await this.#pause(limits.livePace, () => isOver);
        await this.#pause(limits.heartbeat - limits.livePace, () => isOver || this.#isNew);
      }
    } finally {
      cancel();
      signal.removeEventListener('abort', end);
    }
  }

  /** Resolves after `ms`, or as soon as `isEnough` when woken. */
  #pause(ms: number, isEnough: () => boolean): Promise<void> {
    if (isEnough()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#wake = () => {};
        resolve();
      };
      const cancel = this.#timers.after(ms, done);
      this.#wake = () => isEnough() && done();
    });
  }
}
