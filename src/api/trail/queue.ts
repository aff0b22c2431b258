import { sleep, type Timers } from '../../clock.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../log.ts';
import { keys } from '../../store/keys.ts';
import type { Store, Write } from '../../store/store.ts';
import type { AuditRecord } from '../audit-records.ts';
import type { Proof } from './proof.ts';

export interface AuditQueueOptions {
  readonly store: Store;
  readonly proof: Proof;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly log: Log;
}

/**
 * Events of calls that committed nothing: refused and failed ones, and reads where asked for. They
 * are written in the background, many in one commit, so no answer waits for them. The queue is
 * bounded: when the store is away for long, or calls fail faster than it writes, the newest are
 * lost, and the log says how many.
 */
export class AuditQueue {
  readonly #options: AuditQueueOptions;
  readonly #waiting: AuditRecord[] = [];
  readonly #stop = new AbortController();
  #lost = 0;
  #writing: Promise<void> | undefined;

  constructor(options: AuditQueueOptions) {
    this.#options = options;
  }

  add(record: AuditRecord): void {
    if (this.#waiting.length >= limits.auditQueue) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(record);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Writes what waits, unless the store is away. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { timers, log } = this.#options;
    const { signal } = this.#stop;
    while (this.#waiting.length > 0) {
      if (this.#waiting.length < limits.auditFlushRecords) {
        await sleep(timers, limits.auditFlush, signal);
      }
      try {
        await this.#commit();
      } catch (error) {
        log.warn({ err: error, waiting: this.#waiting.length }, 'cannot write audit events');
        if (signal.aborted) return;
        await sleep(timers, limits.storeRetry, signal);
      }
      if (this.#lost > 0) log.warn({ lost: this.#lost }, 'audit events were lost');
      this.#lost = 0;
    }
  }

  async #commit(): Promise<void> {
    const { store, proof, now } = this.#options;
    const oldest = now() - limits.auditWait;
    const puts: Write[] = [];
    let bytes = 0;
    for (const record of this.#waiting.slice(0, limits.auditFlushRecords)) {
      if (bytes > limits.foldedBytes) break;
      // Sealers look back only so far for what they have not seen.
      const time = Date.parse(record.time) < oldest ? new Date(now()).toISOString() : record.time;
      const write = proof.sign(keys.audit(time, record.requestId), record);
      puts.push(write);
      bytes += write.value.length;
    }
    // Refused when a commit of unknown outcome had been carried out: then all is there already.
    await store.commit({ ifRevision: new Map(puts.map(({ key }) => [key, 0])), puts, deletes: [] });
    this.#waiting.splice(0, puts.length);
  }
}
