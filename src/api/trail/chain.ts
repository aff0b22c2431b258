import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Entry, Store, Write } from '../../store/store.ts';
import { digestOf, type Proof } from './proof.ts';

/**
 * What makes the audit log evident to tampering. Each record proves its own content. Seals say
 * which records there are, and in which order: each lists those of the revisions since the seal
 * before it, and names that one's digest. The head names the newest seal, the anchor the last one
 * that was pruned. All of them are proven too.
 */

/** Everything under this prefix is a record of the log. */
export const auditPrefix = 'audit/';

/** A record of the log in a seal: its key less the prefix, its revision, its text's digest. */
export type SealedRecord = readonly [place: string, revision: number, digest: string];

/** The same before it has a seal, with the bytes that it takes in the store. */
export type UnsealedRecord = readonly [...SealedRecord, bytes: number];

export interface SealRecord {
  readonly v: 1;
  /** From 1. */
  readonly number: number;
  /** It has every record of a revision above `after`, up to `to`. */
  readonly after: number;
  readonly to: number;
  /** Digest of the seal before; empty for the first. */
  readonly previous: string;
  /** Bytes of all records that this seal and those before it have ever had. */
  readonly bytes?: number;
  /** In the order of their revisions, those of one commit in that of their keys. */
  readonly records: readonly SealedRecord[];
}

/** A seal by its number and digest. */
export interface SealName {
  readonly number: number;
  readonly digest: string;
}

/** The head or the anchor of the chain. */
export interface ChainEnd extends SealName {
  readonly v: 1;
  /** Revision up to which all records are in this seal or one before it. */
  readonly to: number;
  /** As in that seal: what head has more than anchor is what the store holds. */
  readonly bytes?: number;
  /** Unix milliseconds, when it was written. */
  readonly time: number;
  /** Who wrote it. */
  readonly by: string;
}

/** A head, and the revision that the next one replaces. */
export interface Head extends ChainEnd {
  readonly revision: number;
}

/** The chain before its first seal. */
export const noHead: Head = { v: 1, number: 0, to: 0, digest: '', time: 0, by: '', revision: 0 };

/** A head or anchor that nobody with the master key wrote. */
export class ForgedRecord extends Error {
  readonly key: string;

  constructor(key: string) {
    super(`${key} was not written by this Sluice`);
    this.key = key;
  }
}

/** A record as the engine has it on disk: what is remembered would hide a change of it. */
export async function readStored(store: Store, key: string): Promise<Entry | undefined> {
  const { entries } = await store.range(key, { limit: 1 });
  return entries.find((entry) => entry.key === key);
}

/**
 * The head or the anchor; `noHead` when there is none.
 * @throws ForgedRecord; StoreUnavailable
 */
export async function readEnd(
  store: Store,
  proof: Proof,
  key: typeof keys.auditHead | typeof keys.auditAnchor,
): Promise<Head> {
  const entry = await readStored(store, key);
  if (entry === undefined) return noHead;
  if (!proof.isGenuine(entry)) throw new ForgedRecord(key);
  return { ...(JSON.parse(entry.value) as ChainEnd), revision: entry.revision };
}

/** Bytes of the log that is between its two ends. */
export function bytesBetween(anchor: ChainEnd, head: ChainEnd): number {
  return Math.max(0, (head.bytes ?? 0) - (anchor.bytes ?? 0));
}

/** Where a record of the log is going to be in a seal. */
export function unsealedRecord({ key, value, revision }: Entry): UnsealedRecord {
  const bytes = key.length + Buffer.byteLength(value) + limits.auditOverhead;
  return [key.slice(auditPrefix.length), revision, digestOf(value), bytes];
}

export function bySequence(one: UnsealedRecord, other: UnsealedRecord): number {
  return one[1] - other[1] || (one[0] < other[0] ? -1 : 1);
}

export interface SealWrites {
  readonly seal: Write;
  readonly head: Write;
  readonly end: ChainEnd;
}

/** The next seal over records in their order, and the head that names it. */
export function nextSeal(
  before: ChainEnd,
  records: readonly UnsealedRecord[],
  { proof, time, by }: { readonly proof: Proof; readonly time: number; readonly by: string },
): SealWrites {
  const number = before.number + 1;
  const to = records.at(-1)![1];
  const bytes = records.reduce((sum, [, , , own]) => sum + own, before.bytes ?? 0);
  const record: SealRecord = {
    v: 1,
    number,
    after: before.to,
    to,
    previous: before.digest,
    bytes,
    records: records.map(([place, revision, digest]) => [place, revision, digest] as const),
  };
  const seal = proof.sign(keys.auditSeal(number), record);
  const end: ChainEnd = { v: 1, number, to, bytes, digest: digestOf(seal.value), time, by };
  return { seal, head: proof.sign(keys.auditHead, end), end };
}
