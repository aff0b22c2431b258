import type { Timers } from '../../src/clock.ts';

type State = 'running' | 'paused' | 'ended';

/** How a process ends: the kernel of a killed one resets its connections, a dead host is silent. */
export type End = 'killed' | 'host gone';

/**
 * One life of a process on the simulated clock. Paused (SIGSTOP) it keeps its connections: its
 * timers and what reaches it wait, and all of it happens when it goes on. Ended, nothing of what it
 * still had under way ever happens.
 */
export class Life {
  /** The timers of this process. */
  readonly timers: Timers;
  readonly #clock: Timers;
  readonly #random: () => number;
  readonly #end = new AbortController();
  #state: State = 'running';
  /** Timers that came due, and messages that arrived, while it was paused; in order. */
  readonly #dueTimers: (() => void)[] = [];
  readonly #arrived: (() => void)[] = [];

  constructor(clock: Timers, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.timers = {
      after: (ms, run) => {
        let isSet = true;
        const fire = () => isSet && run();
        const cancel = clock.after(ms, () => this.#take(fire, this.#dueTimers));
        return () => {
          isSet = false;
          cancel();
        };
      },
    };
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  /** Aborts when the process ends; the reason is its `End`. */
  get end(): AbortSignal {
    return this.#end.signal;
  }

  /** Resolves when the process can take something in: at once, when it goes on, or never. */
  taken(): Promise<void> {
    return new Promise((resolve) => this.#take(resolve, this.#arrived));
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** What waited happens now: timers before messages or after them, as an event loop may do it. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const timersFirst = this.#random() < 0.5;
    const queues = [this.#dueTimers, this.#arrived].map((queue) => ({
      queue,
      runs: queue.splice(0),
    }));
    for (const { queue, runs } of timersFirst ? queues : queues.reverse()) {
      for (const run of runs) this.#clock.after(0, () => this.#take(run, queue));
    }
  }

  finish(how: End): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#dueTimers.length = 0;
    this.#arrived.length = 0;
    this.#end.abort(how);
  }

  #take(run: () => void, queue: (() => void)[]): void {
    if (this.#state === 'running') run();
    else if (this.#state === 'paused') queue.push(run);
  }
}

/** What never comes. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
