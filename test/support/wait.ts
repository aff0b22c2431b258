import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** How long before giving up; generous, since a slow machine is no failure. */
  readonly timeoutMs?: number;
  /** What is waited for, for the error. */
  readonly what: string;
}

/**
 * Waits until `condition` returns something other than undefined, null or false, and returns it.
 * A condition that throws counts as not yet true; the last error is the cause of the timeout's.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 15_000, what }: UntilOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(10);
  } while (performance.now() < deadline);
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause });
}
