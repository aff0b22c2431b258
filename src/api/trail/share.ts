import { limits } from '../../limits.ts';
import type { AuditRecord } from '../audit-records.ts';

/** An event that waits to be written: as text, since its values may be parts of a large body. */
export interface Waiting {
  readonly account: string;
  readonly time: string;
  readonly requestId: string;
  readonly text: string;
  readonly bytes: number;
  /** Calls before it that it tells of. */
  readonly omitted: number;
}

/** One account's part of the audit queue: what waits, and how much it may still have recorded. */
export class ShareOfAccount {
  /** Calls without a record since the last one that has one. */
  omitted = 0;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #tokens: number = limits.auditRefusedBytes.atOnce;
  #filled: number;
  #throttled = Number.NEGATIVE_INFINITY;

  /** @param now Unix milliseconds */
  constructor(now: number) {
    this.#filled = now;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a throttled call is recorded; else it is only counted. */
  admitThrottled(now: number): boolean {
    if (now - this.#throttled < limits.auditThrottled) return false;
    this.#throttled = now;
    return true;
  }

  /** Whether the event of a call is recorded; else the call is only counted. */
  admit({ rw, error }: Pick<AuditRecord, 'rw' | 'error'>, bytes: number, now: number): boolean {
    // Reads that pass are recorded where the operator wants all of them.
    if (rw === 'Read' && error === undefined) return true;
    const { perSecond, atOnce } = limits.auditRefusedBytes;
    const gained = (Math.max(0, now - this.#filled) / 1000) * perSecond;
    this.#tokens = Math.min(atOnce, this.#tokens + gained);
    this.#filled = now;
    if (this.#tokens < bytes) return false;
    this.#tokens -= bytes;
    return true;
  }

  add(event: Waiting): void {
    this.#waiting.push(event);
    this.#bytes += event.bytes;
  }

  takeOldest(): Waiting | undefined {
    return this.#taken(this.#waiting.shift());
  }

  takeNewest(): Waiting | undefined {
    return this.#taken(this.#waiting.pop());
  }

  #taken(event: Waiting | undefined): Waiting | undefined {
    this.#bytes -= event?.bytes ?? 0;
    return event;
  }
}
