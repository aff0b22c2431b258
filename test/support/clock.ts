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
  /** A heap: each timer is due no later than the two at twice its place. */
  readonly #due: Timer[] = [];
  readonly #pending = new Set<Timer>();

  constructor(start = Date.UTC(2026, 10, 24)) {
    this.#now = start;
  }

  readonly now = (): number => this.#now;

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#pending.add(timer);
    this.#rise(timer);
    return () => this.#pending.delete(timer);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Lets `ms` pass: each timer that comes due runs at its time, in order, and what follows from it
   * is done before the next one.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#due[0]; next !== undefined && next.at <= end; next = this.#due[0]) {
      this.#sink();
      if (!this.#pending.delete(next)) continue;
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = end;
  }

  /** Adds a timer to the heap. */
  #rise(timer: Timer): void {
    let at = this.#due.push(timer) - 1;
    for (let above = (at - 1) >> 1; at > 0; above = (at - 1) >> 1) {
      const parent = this.#due[above]!;
      if (!isBefore(timer, parent)) break;
      this.#due[at] = parent;
      at = above;
    }
    this.#due[at] = timer;
  }

  /** Takes the first timer off the heap. */
  #sink(): void {
    const last = this.#due.pop()!;
    const { length } = this.#due;
    if (length === 0) return;
    let at = 0;
    for (let below = 1; below < length; below = 2 * at + 1) {
      const right = this.#due[below + 1];
      if (right !== undefined && isBefore(right, this.#due[below]!)) below += 1;
      const child = this.#due[below]!;
      if (!isBefore(child, last)) break;
      this.#due[at] = child;
      at = below;
    }
    this.#due[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}

/** Until every promise that could go on has done so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
