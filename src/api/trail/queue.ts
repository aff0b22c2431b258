import { sleep, type Timers } from '../../clock.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../log.ts';
import { keys } from '../../store/keys.ts';
import { type Store, StoreUnavailable } from '../../store/store.ts';
import type { AuditRecord } from '../audit-records.ts';
import type { Proof } from './proof.ts';
import { bareRecordText, recordText } from './record-text.ts';
import { ShareOfAccount, type Waiting } from './share.ts';

export interface AuditQueueOptions {
  readonly store: Store;
  readonly proof: Proof;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly log: Log;
}

/**
 * Events of calls that committed nothing: refused and failed ones, and reads where the operator
 * wants them. They are written in the background, many in one commit, so no answer waits for them.
 *
 * The queue is bounded in bytes. Each account has a list of its own, the lists are written in
 * turns, and what is too much is taken from the longest: no account blinds another's log. Refused
 * calls past an account's rate, and throttled ones, are counted; the account's next record says
 * how many.
 */
export class AuditQueue {
  readonly #options: AuditQueueOptions;
  readonly #accounts = new Map<string, ShareOfAccount>();
  readonly #stop = new AbortController();
  /** Taken from the lists and not yet written. */
  #batch: Waiting[] = [];
  /** Of all lists and of the batch. */
  #bytes = 0;
  #omitted = 0;
  #told = { omitted: 0, time: Number.NEGATIVE_INFINITY };
  #writing: Promise<void> | undefined;

  constructor(options: AuditQueueOptions) {
    this.#options = options;
  }

  /** Calls that were counted and not recorded, since the start. */
  get omitted(): number {
    return this.#omitted;
  }

  /** Whether a throttled call of an account is to be recorded; else it is counted here. */
  admitThrottled(account: string): boolean {
    if (this.#shareOf(account).admitThrottled(this.#options.now())) return true;
    this.#omit(account, 1);
    return false;
  }

  add(record: AuditRecord): void {
    const { account, time, requestId } = record;
    const share = this.#shareOf(account);
    const { omitted } = share;
    const text = recordText(omitted === 0 ? record : { ...record, omitted });
    const bytes = Buffer.byteLength(text);
    if (!share.admit(record, bytes, this.#options.now())) {
      this.#omit(account, 1);
      return;
    }
    share.omitted = 0;
    share.add({ account, time, requestId, text, bytes, omitted });
    this.#bytes += bytes;
    if (this.#bytes > limits.auditQueueBytes) this.#makeRoom();
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Writes what waits, unless the store is away. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#writing;
  }

  #shareOf(account: string): ShareOfAccount {
    let share = this.#accounts.get(account);
    if (share === undefined) {
      share = new ShareOfAccount(this.#options.now());
      this.#accounts.set(account, share);
    }
    return share;
  }

  #omit(account: string, count: number): void {
    this.#shareOf(account).omitted += count;
    this.#omitted += 1;
  }

  /** Takes the newest events of the account that has most of the queue. */
  #makeRoom(): void {
    while (this.#bytes > limits.auditQueueBytes) {
      const shares = [...this.#accounts.values()];
      const longest = shares.reduce((one, other) => (other.bytes > one.bytes ? other : one));
      const newest = longest.takeNewest();
      if (newest === undefined) return;
      this.#bytes -= newest.bytes;
      this.#omit(newest.account, newest.omitted + 1);
    }
  }

  async #write(): Promise<void> {
    const { timers, log } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      if (this.#batch.length === 0) {
        if (this.#bytes === 0) return;
        if (this.#count() < limits.auditFlushRecords) {
          await sleep(timers, limits.auditFlush, signal);
        }
        this.#batch = this.#nextBatch();
      }
      try {
        await this.#commit(this.#batch);
      } catch (error) {
        log.warn({ err: error, bytes: this.#bytes }, 'cannot write audit events');
        if (signal.aborted) return;
        await sleep(timers, limits.storeRetry, signal);
      }
      this.#tellOmitted();
    }
  }

  #count(): number {
    return this.#accounts.values().reduce((sum, { length }) => sum + length, 0);
  }

  /** The oldest of each account in turns, as many as one commit takes. */
  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (let found = true; found; ) {
      found = false;
      for (const share of this.#accounts.values()) {
        if (batch.length === limits.auditFlushRecords || bytes > limits.foldedBytes) return batch;
        const oldest = share.takeOldest();
        if (oldest === undefined) continue;
        found = true;
        batch.push(oldest);
        bytes += oldest.bytes;
      }
    }
    return batch;
  }

  /**
   * Writes events together. What the store will never take is found by writing one by one, is cut
   * to its frame, and is given up and counted if even that is refused.
   * @throws StoreUnavailable
   */
  async #commit(batch: readonly Waiting[]): Promise<void> {
    const { store, log } = this.#options;
    const puts = batch.map((each) => this.#signed(each));
    try {
      // Refused when a commit of unknown outcome had been carried out: then all is there already.
      const ifRevision = new Map(puts.map(({ key }) => [key, 0]));
      await store.commit({ ifRevision, puts, deletes: [] });
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      if (batch.length > 1) {
        for (const each of batch) await this.#commit([each]);
        return;
      }
      const [only] = batch;
      const text = bareRecordText(JSON.parse(only!.text) as AuditRecord);
      if (only!.text !== text) {
        this.#replace(only!, { ...only!, text });
        return this.#commit(this.#batch.slice(0, 1));
      }
      log.error({ err: error, requestId: only!.requestId }, 'an audit event was given up');
      this.#omit(only!.account, only!.omitted + 1);
    }
    const done = new Set(batch);
    this.#batch = this.#batch.filter((each) => !done.has(each));
    this.#bytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Puts the shorter form of an event in its place, at the head of the batch. */
  #replace(one: Waiting, shorter: Waiting): void {
    this.#batch = [shorter, ...this.#batch.filter((each) => each !== one)];
  }

  #signed({ time: noted, requestId, text }: Waiting) {
    const { proof, now } = this.#options;
    const oldest = now() - limits.auditWait;
    // Sealers look back only so far for what they have not seen.
    const time = Date.parse(noted) < oldest ? new Date(now()).toISOString() : noted;
    return proof.signText(keys.audit(time, requestId), text);
  }

  #tellOmitted(): void {
    const { now, log } = this.#options;
    const omitted = this.#omitted - this.#told.omitted;
    if (omitted === 0 || now() - this.#told.time < limits.auditOmittedTold) return;
    this.#told = { omitted: this.#omitted, time: now() };
    log.warn({ omitted }, 'refused calls were counted and not recorded in the audit log');
  }
}
