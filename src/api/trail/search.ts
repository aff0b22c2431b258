import { setImmediate } from 'node:timers/promises';
import { limits } from '../../limits.ts';
import type { Store } from '../../store/store.ts';
import { type AuditWindow, type LoggedRecord, newestRecords, oldestRecords } from '../audit-log.ts';

export interface Search {
  readonly window: AuditWindow;
  readonly direction: 'FORWARD' | 'BACKWARD';
  readonly account: string;
  readonly isWanted: (record: LoggedRecord) => boolean;
  readonly most: number;
}

export interface Found {
  readonly records: readonly LoggedRecord[];
  /** The key to go on behind, or before when looking backward; absent at the end of the log. */
  readonly next?: string;
}

/**
 * Looks through the log until it has as many records as wanted or as one answer takes, or has
 * looked at as many as one call may: then it has found few, or none, and a key to go on from.
 * @throws StoreUnavailable
 */
export async function search(store: Pick<Store, 'range'>, wanted: Search): Promise<Found> {
  const { window, direction, account, isWanted, most } = wanted;
  const log = direction === 'FORWARD' ? oldestRecords : newestRecords;
  const records: LoggedRecord[] = [];
  let looked = 0;
  let size = 0;
  for await (const record of log(store, window)) {
    if (record.value.account === account && isWanted(record)) {
      records.push(record);
      size += record.size;
    }
    looked += 1;
    const isFull = records.length === most || size >= limits.auditAnswerBytes;
    if (isFull || looked === limits.auditScan) return { records, next: record.key };
    // Other calls have their turn: a store in this process answers without giving them one.
    if (looked % limits.auditPage === 0) await setImmediate();
  }
  return { records };
}

/** The part of a window that a token leaves. @param token the `next` of the answer before */
export function windowFrom(
  { after, before }: AuditWindow,
  direction: Search['direction'],
  token: string | undefined,
): AuditWindow {
  if (token === undefined) return { after, before };
  return direction === 'FORWARD'
    ? { after: token > after ? token : after, before }
    : { after, before: token < before ? token : before };
}

/** What a token of a log looks like: a key of a record. */
export const tokenForm = /^audit\/[\d.:TZ-]{1,40}\/[\w-]{1,64}$/;
