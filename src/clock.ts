/** Timers by parameter, so that a test can let hours pass in a moment. */
export interface Timers {
  /** Runs `run` once, `ms` milliseconds from now. The returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** The system's timers. They keep the process alive until they ran or were cancelled. */
export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. */
export function sleep(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = timers.after(ms, done);
    signal.addEventListener('abort', done);
  });
}

/**
 * How long to wait before try number `attempt` (from 0): doubles from `minMs` up to `maxMs`, and
 * anywhere in the upper half of that, so that many who failed together do not return together.
 * @param random 0 to 1, as Math.random gives it
 */
export function backOff(
  attempt: number,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
  random: () => number,
): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  return whole * (0.5 + random() / 2);
}
