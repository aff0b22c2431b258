import { setImmediate } from 'node:timers/promises';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Entry, Store } from '../../store/store.ts';
import {
  auditPrefix,
  type ChainEnd,
  ForgedRecord,
  readEnd,
  readStored,
  type SealedRecord,
  type SealName,
  type SealRecord,
} from './chain.ts';
import { digestOf, type Proof } from './proof.ts';

/** How far verification has come: the next seal to look at, and the last key looked at. */
export interface Progress {
  readonly number: number;
  readonly key: string;
}

/** The first thing that is wrong. */
export interface Fault {
  readonly reason: string;
  /** Of the record of the store that is concerned. */
  readonly key: string;
}

export interface Verified {
  readonly seals: number;
  readonly records: number;
  /** Records that no seal has yet: their content is proven, not that none is missing. */
  readonly unsealed: number;
  readonly newest: SealName;
  readonly fault?: Fault;
  /** Absent when all has been looked at, or something is wrong. */
  readonly next?: Progress;
}

export interface VerifyOptions {
  readonly store: Store;
  readonly proof: Proof;
  /** Seals that must be there: what control planes or operators have seen before. */
  readonly known: readonly SealName[];
  /** The account whose records are counted; undefined = all. */
  readonly account?: string | undefined;
}

class Wrong extends Error {
  readonly fault: Fault;

  constructor(key: string, reason: string) {
    super(reason);
    this.fault = { key, reason };
  }
}

/**
 * Looks at the next few thousand records of the audit log: that each is proven, and that the
 * seals, each following the one before, list exactly those that are there. What follows the newest
 * seal can only be proven record by record.
 * @throws StoreUnavailable
 */
export async function verifyPart(
  options: VerifyOptions,
  from: Progress = { number: 1, key: auditPrefix },
): Promise<Verified> {
  const part = new Part(options, from);
  try {
    await part.verify();
  } catch (error) {
    if (error instanceof ForgedRecord) return part.outcome({ key: error.key, reason: forged });
    if (!(error instanceof Wrong)) throw error;
    return part.outcome(error.fault);
  }
  return part.outcome();
}

const forged = 'altered, or not written by this Sluice';

class Part {
  readonly #options: VerifyOptions;
  #progress: Progress;
  #head: ChainEnd | undefined;
  #isDone = false;
  #counts = { seals: 0, records: 0, unsealed: 0 };
  /** Records of any account. */
  #looked = 0;

  constructor(options: VerifyOptions, from: Progress) {
    this.#options = options;
    this.#progress = from;
  }

  outcome(fault?: Fault): Verified {
    const { number = 0, digest = '' } = this.#head ?? {};
    return {
      ...this.#counts,
      newest: { number, digest },
      ...(fault === undefined ? {} : { fault }),
      ...(fault !== undefined || this.#isDone ? {} : { next: this.#progress }),
    };
  }

  async verify(): Promise<void> {
    const { store, proof } = this.#options;
    // The anchor first: one that is read later could stand before a seal that is gone by now.
    let before = await readEnd(store, proof, keys.auditAnchor);
    const head = await readEnd(store, proof, keys.auditHead);
    this.#head = head;
    await this.#checkKnown(before, head);
    if (this.#progress.number > before.number + 1) {
      before = await this.#sealBefore(this.#progress.number, before);
    }
    while (before.number < head.number) {
      if (this.#looked >= limits.auditVerify) return;
      const number = before.number + 1;
      before = (await this.#verifySeal(number, before)) ?? (await this.#overtaken(number));
      this.#progress = { ...this.#progress, number: before.number + 1 };
    }
    if (before.number !== head.number || before.digest !== head.digest) {
      throw new Wrong(keys.auditHead, 'names another seal than the one that is there');
    }
    await this.#checkNothingBehind(head);
    await this.#verifyUnsealed(head);
  }

  /** The account stands where a caller's texts cannot: before them. */
  #isCounted({ value }: Pick<Entry, 'value'>): boolean {
    const { account } = this.#options;
    return account === undefined || accountForm.exec(value)?.[1] === account;
  }

  /** Seals that somebody has seen: one that is gone was cut off, unless it was pruned. */
  async #checkKnown(anchor: ChainEnd, head: ChainEnd): Promise<void> {
    for (const { number, digest } of this.#options.known) {
      if (number < anchor.number || number === 0) continue;
      const key = keys.auditSeal(number);
      if (number > head.number) {
        throw new Wrong(key, `missing: it has been seen, and ${head.number} is the newest now`);
      }
      const found = number === anchor.number ? anchor.digest : await this.#digestAt(key);
      if (found !== undefined && found !== digest) {
        throw new Wrong(key, 'another seal than the one that has been seen');
      }
    }
  }

  async #digestAt(key: string): Promise<string | undefined> {
    const entry = await readStored(this.#options.store, key);
    return entry && digestOf(entry.value);
  }

  /** The end of the chain at the seal before `number`, which an earlier call has verified. */
  async #sealBefore(number: number, anchor: ChainEnd): Promise<ChainEnd & { revision: number }> {
    const key = keys.auditSeal(number - 1);
    const entry = await readStored(this.#options.store, key);
    if (entry === undefined) return this.#overtaken(number - 1);
    if (!this.#options.proof.isGenuine(entry)) throw new Wrong(key, forged);
    const { to } = JSON.parse(entry.value) as SealRecord;
    return { ...anchor, number: number - 1, to, digest: digestOf(entry.value), revision: 0 };
  }

  /** What is missing has been pruned meanwhile, or is wrong. */
  async #overtaken(number: number): Promise<ChainEnd & { revision: number }> {
    const anchor = await readEnd(this.#options.store, this.#options.proof, keys.auditAnchor);
    if (anchor.number >= number) return anchor;
    throw new Wrong(keys.auditSeal(number), 'missing');
  }

  /** @returns the end of the chain at this seal; undefined when it is not there */
  async #verifySeal(number: number, before: ChainEnd) {
    const { store, proof } = this.#options;
    const key = keys.auditSeal(number);
    const entry = await readStored(store, key);
    if (entry === undefined) return undefined;
    if (!proof.isGenuine(entry)) throw new Wrong(key, forged);
    const seal = JSON.parse(entry.value) as SealRecord;
    if (seal.previous !== before.digest || seal.after !== before.to) {
      throw new Wrong(key, 'does not follow the seal before it');
    }
    await this.#verifyRecords(seal);
    this.#counts.seals += 1;
    const digest = digestOf(entry.value);
    return { ...before, number, to: seal.to, digest, revision: 0 };
  }

  async #verifyRecords(seal: SealRecord): Promise<void> {
    const listed = new Set(seal.records.map(([place]) => auditPrefix + place));
    const last = [...listed].sort().at(-1)!;
    const window = await this.#window(last, seal.records.length);
    for (const [index, record] of seal.records.entries()) {
      if (index % limits.auditVerifyTurn === 0) await setImmediate();
      const key = auditPrefix + record[0];
      const entry = window.get(key) ?? (await readStored(this.#options.store, key));
      const wrong = faultOf(record, entry, this.#options.proof);
      if (wrong === undefined) {
        if (this.#isCounted(entry!)) this.#counts.records += 1;
        continue;
      }
      // Pruned since: then the seal is gone too, or about to go.
      if (entry === undefined && (await this.#isPruned(seal.number))) return;
      throw new Wrong(key, wrong);
    }
    for (const entry of window.values()) {
      if (listed.has(entry.key)) continue;
      if (!this.#options.proof.isGenuine(entry)) throw new Wrong(entry.key, forged);
      if (entry.revision > seal.after && entry.revision <= seal.to) {
        throw new Wrong(entry.key, `not one of seal ${seal.number}, which has all of its time`);
      }
    }
    this.#looked += seal.records.length;
  }

  async #isPruned(number: number): Promise<boolean> {
    const anchor = await readEnd(this.#options.store, this.#options.proof, keys.auditAnchor);
    return anchor.number >= number;
  }

  /**
   * The records that follow the last one looked at, up to `last`: those of a seal, and others when
   * clocks differ. Bounded; what is left out is read one by one.
   */
  async #window(last: string, count: number): Promise<Map<string, Entry>> {
    const found = new Map<string, Entry>();
    const most = count + limits.auditVerify;
    while (this.#progress.key < last && found.size < most) {
      const { entries } = await this.#page();
      const part = entries.filter(({ key }) => key <= last);
      for (const entry of part) found.set(entry.key, entry);
      const isAll = part.length < limits.rangePage;
      this.#progress = { ...this.#progress, key: isAll ? last : part.at(-1)!.key };
    }
    return found;
  }

  #page() {
    const { key } = this.#progress;
    return this.#options.store.range(auditPrefix, { after: key, limit: limits.rangePage });
  }

  /** A head that was put back stands before seals that it does not know. */
  async #checkNothingBehind(head: ChainEnd & { revision: number }): Promise<void> {
    const { store } = this.#options;
    const after = keys.auditSeal(head.number);
    const { entries } = await store.range(keys.auditSeals, { after, limit: 1 });
    const [first] = entries;
    if (first === undefined) return;
    // Not one that was sealed between the two readings.
    const now = await readStored(store, keys.auditHead);
    if ((now?.revision ?? 0) === head.revision) throw new Wrong(first.key, 'not known to the head');
  }

  async #verifyUnsealed(head: ChainEnd): Promise<void> {
    while (this.#looked < limits.auditVerify) {
      const { entries } = await this.#page();
      for (const [index, entry] of entries.entries()) {
        if (index % limits.auditVerifyTurn === 0) await setImmediate();
        if (!this.#options.proof.isGenuine(entry)) throw new Wrong(entry.key, forged);
        if (entry.revision <= head.to) continue;
        this.#looked += 1;
        if (this.#isCounted(entry)) this.#counts.unsealed += 1;
      }
      this.#isDone = entries.length < limits.rangePage;
      if (this.#isDone) return;
      this.#progress = { ...this.#progress, key: entries.at(-1)!.key };
    }
  }
}

/** The beginning of a record's text, as `auditRecord` orders its members. */
const accountForm = /^\{"v":1,"time":"[^"]*","requestId":"[^"]*","account":"([^"]*)"/;

function faultOf(
  [, revision, digest]: SealedRecord,
  entry: Entry | undefined,
  proof: Proof,
): string | undefined {
  if (entry === undefined) return 'missing';
  if (!proof.isGenuine(entry) || digestOf(entry.value) !== digest) return forged;
  return entry.revision === revision ? undefined : 'moved: its revision is not the sealed one';
}
