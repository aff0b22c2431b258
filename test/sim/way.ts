import type { Timers } from '../../src/clock.ts';

/** Milliseconds that a message takes at most on a way that is well. */
const usualMs = 20;

/** One direction of a link. Cut, it delivers nothing, and what was under way late or never. */
export class Way {
  readonly #clock: Timers;
  readonly #random: () => number;
  #cut = false;
  #slowestMs = usualMs;
  readonly #waiting: (() => void)[] = [];

  constructor(clock: Timers, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get cut(): boolean {
    return this.#cut;
  }

  /** Messages pass at their usual pace. */
  get well(): boolean {
    return !this.#cut && this.#slowestMs === usualMs;
  }

  /** From now on nothing passes. */
  sever(): void {
    this.#cut = true;
  }

  /** From now on messages take up to `ms`. */
  slow(ms: number): void {
    this.#slowestMs = ms;
  }

  mend(): void {
    this.#cut = false;
    this.#slowestMs = usualMs;
    // Each is sent again when its own timer says so.
    for (const go of this.#waiting.splice(0)) this.#clock.after(this.#random() * 2_000, go);
  }

  /** Resolves when a message has come through. */
  async pass(): Promise<void> {
    await new Promise<void>((go) => this.#clock.after(this.#random() * this.#slowestMs, go));
    while (this.#cut) await new Promise<void>((go) => this.#waiting.push(go));
  }
}
