import { readdirSync, readFileSync } from 'node:fs';

/** What a process takes. */
export interface Size {
  readonly megabytes: number;
  readonly descriptors: number;
}

/** A process that does not leak stays below this times what it took at first, and some more. */
const growth = 2;
const slack: Size = { megabytes: 150, descriptors: 100 };

/** Of processes together; those that have ended take nothing. */
export function sizeOf(pids: readonly number[]): Size {
  let kilobytes = 0;
  let descriptors = 0;
  for (const pid of pids) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
      descriptors += readdirSync(`/proc/${pid}/fd`).length;
    } catch {
      // It has ended.
    }
  }
  return { megabytes: Math.round(kilobytes / 1_024), descriptors };
}

/** What has grown too much from the first look to the last, in words; empty = nothing. */
export function grown(first: Size, last: Size): string {
  return (['megabytes', 'descriptors'] as const)
    .filter((what) => last[what] > first[what] * growth + slack[what])
    .map((what) => `${first[what]} to ${last[what]} ${what}`)
    .join(', ');
}
