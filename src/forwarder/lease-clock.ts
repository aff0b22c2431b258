import { readFileSync } from 'node:fs';

/**
 * The clock that leases run by: milliseconds since the machine started, to within 10. Unlike
 * `performance.now` (CLOCK_MONOTONIC) it counts the time that the machine was suspended
 * (CLOCK_BOOTTIME): a lease must be over after it. Unlike the wall clock nobody can set it back.
 */
export function leaseClock(): number {
  const [seconds = ''] = readFileSync('/proc/uptime', 'utf8').split(' ');
  return Number(seconds) * 1_000;
}
