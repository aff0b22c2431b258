import type { AccessKeyPair } from '../access-key-pair.ts';
import { limits } from '../limits.ts';
import type { Seal } from '../sealing.ts';
import { keys } from '../store/keys.ts';
import type { Store, Write } from '../store/store.ts';
import type { AccountRecord } from './account.ts';
import { recordsOf } from './backup.ts';

export interface Restored {
  readonly records: number;
  /** What the store stands at now. */
  readonly revision: number;
  /** The root access key, for the data folder. */
  readonly rootAccessKey: AccessKeyPair | undefined;
}

/**
 * Fills an empty store with a backup that is whole. A run that was broken off leaves a mark that
 * keeps control planes from starting, and is run again.
 * @throws Error when the store is not empty, or the backup is sealed with another master key
 */
export async function restoreInto(store: Store, path: string, seal: Seal): Promise<Restored> {
  const account = await accountOf(path, seal);
  await demandEmpty(store);
  const put = async (puts: readonly Write[]) => {
    const outcome = await store.commit({ ifRevision: new Map(), puts, deletes: [] });
    return outcome.committed ? outcome.revision : 0;
  };
  const marked: AccountRecord = { ...account, unfinished: 'restore' };
  await put([{ key: keys.rootAccount, value: JSON.stringify(marked) }]);
  let records = 1;
  let rootAccessKey: AccessKeyPair | undefined;
  let batch: Write[] = [];
  let bytes = 0;
  for await (const [key, value] of recordsOf(path)) {
    if (key === keys.rootAccount) continue;
    rootAccessKey ??= rootKeyOf(key, value, seal);
    batch.push({ key, value });
    bytes += value.length;
    records += 1;
    if (batch.length < limits.commitKeys && bytes < limits.foldedBytes) continue;
    await put(batch);
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) await put(batch);
  const revision = await put([{ key: keys.rootAccount, value: JSON.stringify(account) }]);
  return { records, revision, rootAccessKey };
}

async function accountOf(path: string, seal: Seal): Promise<AccountRecord> {
  for await (const [key, value] of recordsOf(path)) {
    if (key !== keys.rootAccount) continue;
    const { unfinished, ...account } = JSON.parse(value) as AccountRecord;
    if (unfinished !== undefined) throw new Error(`${path} was made amid a ${unfinished}`);
    try {
      seal.open(account.sealed, key);
    } catch (cause) {
      throw new Error(
        `${path} is sealed with another master key: put the one of its time in the data folder ` +
          'as master-key, or set SLUICE_MASTER_KEY',
        { cause },
      );
    }
    return account;
  }
  throw new Error(`${path} has no account: nothing was ever kept in its store`);
}

async function demandEmpty(store: Store): Promise<void> {
  const { entries } = await store.range('', { limit: 1 });
  if (entries.length === 0) return;
  const account = await store.get(keys.rootAccount);
  const before = account && (JSON.parse(account.value) as AccountRecord);
  if (before?.unfinished === 'restore') return;
  throw new Error('the store is not empty: restore into a data folder or etcd prefix of its own');
}

function rootKeyOf(key: string, value: string, seal: Seal): AccessKeyPair | undefined {
  if (!key.startsWith(keys.accessKey(''))) return undefined;
  const record = JSON.parse(value) as {
    readonly id: string;
    readonly secret: string;
    readonly status: string;
    readonly principal: { readonly kind: string };
  };
  if (record.principal.kind !== 'root' || record.status !== 'Active') return undefined;
  return { accessKeyId: record.id, accessKeySecret: seal.open(record.secret, key) };
}
