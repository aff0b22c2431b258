/** Tells of many things at once: `pauseMs` after the first that is noted, and not for each. */
export class Pace {
  readonly #pauseMs: number;
  readonly #tell: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pauseMs: number, tell: () => void) {
    this.#pauseMs = pauseMs;
    this.#tell = tell;
  }

  note(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, this.#pauseMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
