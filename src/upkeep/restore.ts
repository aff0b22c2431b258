import type { AccessKeyPair } from '../access-key-pair.ts';
import { limits } from '../limits.ts';
import type { Seal } from '../sealing.ts';
import { fillSqlite } from '../store/fill.ts';
import { keys } from '../store/keys.ts';
import { openStore, sqlitePath } from '../store/open.ts';
import type { Entry, Store, Write } from '../store/store.ts';
import type { AccountRecord } from './account.ts';
import { recordsOf } from './backup.ts';

export interface RestoreOptions {
  /** A backup that is whole. */
  readonly path: string;
  /** Of the store as it was backed up. */
  readonly revision: number;
  readonly seal: Seal;
  readonly store: string;
  readonly dataFolder: string;
}

export interface Restored {
  /** What the store stands at now. */
  readonly revision: number;
  /** The root access key, for the data folder. */
  readonly rootAccessKey: AccessKeyPair | undefined;
}

/**
 * Fills an empty store with a backup. SQLite: all at once, each record under its revision. etcd
 * counts by itself, and takes some records at a time: a run that was broken off leaves a mark that
 * keeps control planes from starting, and is run again.
 * @throws Error when the store is not empty, or the backup is sealed with another master key
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { path, seal, store: spec, dataFolder } = options;
  const { account, rootAccessKey } = await survey(path, seal);
  const file = sqlitePath(spec, dataFolder);
  const store = await openStore(spec, { dataFolder });
  try {
    await demandEmpty(store);
    if (file === undefined) return { revision: await putAll(store, path, account), rootAccessKey };
  } finally {
    await store.close();
  }
  const revision = options.revision + limits.restoreLead;
  await fillSqlite(file, recordsOf(path), revision);
  return { revision, rootAccessKey };
}

async function putAll(store: Store, path: string, account: AccountRecord): Promise<number> {
  const put = async (puts: readonly Write[]) => {
    const outcome = await store.commit({ ifRevision: new Map(), puts, deletes: [] });
    return outcome.committed ? outcome.revision : 0;
  };
  const putAccount = (record: AccountRecord) =>
    put([{ key: keys.rootAccount, value: JSON.stringify(record) }]);
  await putAccount({ ...account, unfinished: 'restore' });
  let batch: Write[] = [];
  let bytes = 0;
  for await (const { key, value } of recordsOf(path)) {
    if (key === keys.rootAccount || isChain(key)) continue;
    batch.push({ key, value });
    bytes += value.length;
    if (batch.length < limits.commitKeys && bytes < limits.foldedBytes) continue;
    await put(batch);
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) await put(batch);
  return putAccount(account);
}

/** Seals of the audit log name revisions, which are others here: all of it is sealed anew. */
function isChain(key: string): boolean {
  return [keys.auditSeals, keys.auditHead, keys.auditAnchor].some((each) => key.startsWith(each));
}

/** What has to be known of a backup before anything is written. */
async function survey(path: string, seal: Seal) {
  let account: AccountRecord | undefined;
  let rootAccessKey: AccessKeyPair | undefined;
  for await (const entry of recordsOf(path)) {
    if (entry.key === keys.rootAccount) account = accountOf(entry, path, seal);
    rootAccessKey ??= rootKeyOf(entry, seal);
  }
  if (account === undefined) {
    throw new Error(`${path} has no account: nothing was ever kept in its store`);
  }
  return { account, rootAccessKey };
}

function accountOf({ key, value }: Entry, path: string, seal: Seal): AccountRecord {
  const { unfinished, ...account } = JSON.parse(value) as AccountRecord;
  if (unfinished !== undefined) throw new Error(`${path} was made amid a ${unfinished}`);
  if (!opens(seal, account.sealed, key)) {
    throw new Error(
      `${path} is sealed with another master key: put the one of its time in the data folder as ` +
        'master-key, or set SLUICE_MASTER_KEY',
    );
  }
  return account;
}

function opens(seal: Seal, sealed: string, context: string): boolean {
  try {
    seal.open(sealed, context);
    return true;
  } catch {
    // The caller says what that means.
    return false;
  }
}

async function demandEmpty(store: Store): Promise<void> {
  const { entries } = await store.range('', { limit: 1 });
  if (entries.length === 0) return;
  const account = await store.get(keys.rootAccount);
  const before = account && (JSON.parse(account.value) as AccountRecord);
  if (before?.unfinished === 'restore') return;
  throw new Error('the store is not empty: restore into a data folder or etcd prefix of its own');
}

function rootKeyOf({ key, value }: Entry, seal: Seal): AccessKeyPair | undefined {
  if (!key.startsWith(keys.accessKey(''))) return undefined;
  const record = JSON.parse(value) as {
    readonly id: string;
    readonly secret: string;
    readonly status: string;
    readonly principal: { readonly kind: string };
  };
  const isRoot = record.principal.kind === 'root' && record.status === 'Active';
  if (!isRoot || !opens(seal, record.secret, key)) return undefined;
  return { accessKeyId: record.id, accessKeySecret: seal.open(record.secret, key) };
}
