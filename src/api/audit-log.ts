import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { parseRecord, type Stored } from '../store/records.ts';
import type { Entry, Store } from '../store/store.ts';
import type { AuditRecord } from './audit-records.ts';

/** Which records: those whose keys lie between the two, neither included. */
export interface AuditWindow {
  readonly after: string;
  readonly before: string;
}

/** A record of the audit log, and the key that stands for its place in it. */
export interface LoggedRecord extends Stored<AuditRecord> {
  readonly key: string;
  /** Characters of its text in the store. */
  readonly size: number;
}

const prefix = keys.audit('', '').slice(0, -1);

/** A record's key digit by digit; the request id follows. */
const form = `${prefix}dddd-dd-ddTdd:dd:dd.dddZ/`;

/** The place in the log between the records before a time and those from then on. */
export function auditPlace(unixMs: number): string {
  return `${prefix}${new Date(unixMs).toISOString()}`;
}

/**
 * The audit log from the newest record back. A store reads forward only, so the log is taken as a
 * tree by the digits of its times, last branch first: one that holds more than a page is entered,
 * any other is read. However long the log, the newest records cost a few dozen pages.
 * @throws StoreUnavailable; Error for a record of a newer version
 */
export async function* newestRecords(
  store: Pick<Store, 'range'>,
  window: AuditWindow,
  branch = prefix,
): AsyncIterable<LoggedRecord> {
  if (!reaches(branch, window)) return;
  const entries = await pageOf(store, branch, window);
  const next = form[branch.length];
  if (entries.length === limits.auditPage && next !== undefined) {
    for (const sign of next === 'd' ? '9876543210' : next) {
      yield* newestRecords(store, window, branch + sign);
    }
    return;
  }
  // What no digit parts is of one millisecond: as much as one store commits in it.
  for (let page = entries; page.length === limits.auditPage; entries.push(...page)) {
    page = await pageOf(store, branch, { ...window, after: page.at(-1)!.key });
  }
  for (const entry of entries.toReversed()) {
    yield logged(entry);
  }
}

function logged(entry: Entry): LoggedRecord {
  return { key: entry.key, size: entry.value.length, ...parseRecord<AuditRecord>(entry) };
}

/**
 * The same from the oldest record on.
 * @throws StoreUnavailable; Error for a record of a newer version
 */
export async function* oldestRecords(
  store: Pick<Store, 'range'>,
  window: AuditWindow,
): AsyncIterable<LoggedRecord> {
  let { after } = window;
  for (;;) {
    const page = await pageOf(store, prefix, { ...window, after });
    for (const entry of page) yield logged(entry);
    if (page.length < limits.auditPage) return;
    after = page.at(-1)!.key;
  }
}

/** False when no key that begins with `branch` can lie in the window. */
function reaches(branch: string, { after, before }: AuditWindow): boolean {
  return branch < before && branch >= after.slice(0, branch.length);
}

/** The first records of a branch in the window; fewer than a page are all there are. */
async function pageOf(
  store: Pick<Store, 'range'>,
  branch: string,
  { after, before }: AuditWindow,
): Promise<Entry[]> {
  const start = after > branch ? after : branch;
  const { entries } = await store.range(branch, { after: start, limit: limits.auditPage });
  return entries.filter(({ key }) => key < before);
}
