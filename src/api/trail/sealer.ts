import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { sleep, type Timers } from '../../clock.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../log.ts';
import { keys } from '../../store/keys.ts';
import type { Entry, Store } from '../../store/store.ts';
import { auditPlace } from '../audit-log.ts';
import {
  auditPrefix,
  bySequence,
  type Head,
  nextSeal,
  noHead,
  readEnd,
  type SealName,
  type UnsealedRecord,
  unsealedRecord,
} from './chain.ts';
import type { Proof } from './proof.ts';

export interface SealerOptions {
  readonly store: Store;
  readonly proof: Proof;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly log: Log;
}

/**
 * Seals the records of the audit log, behind the calls that wrote them: a second later at most. Of
 * several control planes one does it, as long as it does: each new head takes the place of the one
 * before by compare-and-swap, so two at once are wasteful and never wrong.
 */
export class Sealer {
  readonly #options: SealerOptions;
  readonly #name = randomUUID();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #head: Head = noHead;
  /** Unix milliseconds, when this head was first seen. */
  #seenAt = Number.NEGATIVE_INFINITY;
  #leads = false;

  constructor(options: SealerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The newest seal that this control plane knows of: a chain that ends before it was cut. */
  get newest(): SealName {
    return this.#head;
  }

  /** True for the one control plane that seals. */
  get leads(): boolean {
    return this.#leads;
  }

  /** Seals what has been seen and stops. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { timers, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        this.#leads = await this.#isMine();
        if (this.#leads) await this.#lead(signal);
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'cannot seal the audit log, trying again');
      }
      this.#leads = false;
      await sleep(timers, limits.auditSealEvery, signal);
    }
  }

  /** Whether it is this control plane's turn: another that seals is left to it. */
  async #isMine(): Promise<boolean> {
    const { store, proof, now, log } = this.#options;
    const head = await readEnd(store, proof, keys.auditHead);
    if (head.number < this.#head.number) {
      // Going on from here would hide what was cut off: verification has to tell of it.
      const seen = { number: this.#head.number, found: head.number };
      log.error(seen, 'the audit log has lost seals: it is sealed no further');
      return false;
    }
    if (head.revision !== this.#head.revision) {
      this.#head = head;
      this.#seenAt = Math.min(now(), head.time);
    }
    return head.by === this.#name || now() - this.#seenAt >= limits.auditStandby || !head.number;
  }

  /** Seals what is unsealed and then what comes, until another does or the thread is lost. */
  async #lead(signal: AbortSignal): Promise<void> {
    const from = await this.#catchUp(signal);
    if (from === undefined) return;
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const seen: UnsealedRecord[] = [];
    const sealing = this.#sealSeen(seen, either).finally(() => ending.abort());
    try {
      for await (const event of this.#options.store.watch(auditPrefix, from, either)) {
        if (event.kind === 'compacted') break;
        const { revision } = event;
        const written = event.changes.filter(({ value }) => value !== null);
        const entries = written.map(({ key, value }) => ({ key, value: value!, revision }));
        seen.push(...entries.map((entry) => this.#sealed(entry)).sort(bySequence));
        while (seen.length > limits.auditUnsealed && !either.aborted) {
          await sleep(this.#options.timers, limits.auditSealEvery, either);
        }
      }
    } finally {
      ending.abort();
      if (await sealing) await this.#append(seen);
    }
  }

  /** @returns false when another control plane has sealed meanwhile */
  async #sealSeen(seen: UnsealedRecord[], signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      await sleep(this.#options.timers, limits.auditSealEvery, signal);
      if (!(await this.#append(seen))) return false;
    }
    return true;
  }

  /**
   * Seals all that the store has now.
   * @returns the revision up to which all is sealed; undefined when another control plane seals
   */
  async #catchUp(signal: AbortSignal): Promise<number | undefined> {
    for (;;) {
      const { records, revision, isAll } = await this.#unsealed(signal);
      if (signal.aborted || !(await this.#append(records))) return undefined;
      if (isAll) return revision;
    }
  }

  /** The records that no seal has, as of one revision; the first of them when there are many. */
  async #unsealed(signal: AbortSignal) {
    const { to, time } = this.#head;
    const margin = limits.clockSkew + limits.auditWait;
    let after = time === 0 ? auditPrefix : auditPlace(Math.max(0, time - margin));
    let records: UnsealedRecord[] = [];
    let upTo: number | undefined;
    let isAll = true;
    for (;;) {
      const page = await this.#options.store.range(auditPrefix, {
        after,
        limit: limits.rangePage,
      });
      upTo ??= page.revision;
      for (const entry of page.entries) {
        if (entry.revision > to && entry.revision <= upTo) records.push(this.#sealed(entry));
      }
      if (records.length > 2 * limits.auditUnsealed) {
        records.sort(bySequence);
        // Whole commits only: the first that is left out, and all after it, wait.
        upTo = records[limits.auditUnsealed]![1] - 1;
        records = records.slice(0, limits.auditUnsealed).filter(([, each]) => each <= upTo!);
        isAll = false;
      }
      if (page.entries.length < limits.rangePage || signal.aborted) break;
      after = page.entries.at(-1)!.key;
      await setImmediate();
    }
    return { records: records.sort(bySequence), revision: upTo, isAll };
  }

  #sealed(entry: Entry): UnsealedRecord {
    const { proof, log } = this.#options;
    if (!proof.isGenuine(entry)) {
      log.error({ key: entry.key }, 'an audit record was not written by this Sluice');
    }
    return unsealedRecord(entry);
  }

  /** Seals records and takes them off the list. @returns false when another has sealed */
  async #append(records: UnsealedRecord[]): Promise<boolean> {
    const { store, proof, now } = this.#options;
    while (records.length > 0) {
      const part = wholeCommits(records);
      const time = now();
      const writes = nextSeal(this.#head, part, { proof, time, by: this.#name });
      const outcome = await store.commit({
        ifRevision: new Map([
          [keys.auditHead, this.#head.revision],
          [writes.seal.key, 0],
        ]),
        puts: [writes.seal, writes.head],
        deletes: [],
      });
      if (!outcome.committed) {
        await this.#tellOfStrayed(writes.seal.key);
        return false;
      }
      this.#head = { ...writes.end, revision: outcome.revision };
      this.#seenAt = time;
      records.splice(0, part.length);
    }
    return true;
  }

  /** A seal behind the head is one that somebody has put back: verification tells of it too. */
  async #tellOfStrayed(key: string): Promise<void> {
    const { store, log } = this.#options;
    const head = await store.get(keys.auditHead);
    if ((head?.revision ?? 0) !== this.#head.revision) return;
    log.error({ key }, 'the audit log has seals behind its head: it is sealed no further');
  }
}

/** As many records as one seal takes; a commit, of far fewer than a seal, is not parted. */
function wholeCommits(records: readonly UnsealedRecord[]): readonly UnsealedRecord[] {
  if (records.length <= limits.auditSealRecords) return [...records];
  const [, next] = records[limits.auditSealRecords]!;
  const part = records.slice(0, limits.auditSealRecords);
  return part.filter(([, revision]) => revision < next);
}
