import type { Timers } from '../../src/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that moves only when told to, so that a test can let hours pass in a moment. */
export class SimulatedClock implements Timers {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(start = Date.UTC(2026, 10, 24)) {
    this.#now = start;
  }

  readonly now = (): number => this.#now;

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Lets `ms` pass: each timer that comes due runs at its time, in order, and what follows from it
   * is done before the next one.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = end;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.at < first.at) first = timer;
      else if (timer.at === first.at && timer.order < first.order) first = timer;
    }
    return first;
  }
}

/** Until every promise that could go on has done so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
