import { randomInt } from 'node:crypto';
import { type AccessKeyPair, newAccessKeyPair } from './access-key-pair.ts';
import { hasRootAccessKey, keepRootAccessKey, readRootAccessKey } from './root-key.ts';
import type { Seal } from './sealing.ts';
import { isoSeconds } from './signing.ts';
import { keys } from './store/keys.ts';
import type { Store, Write } from './store/store.ts';
import { type AccountRecord, remedies } from './upkeep/account.ts';

export interface BootstrapOptions {
  readonly store: Store;
  readonly seal: Seal;
  readonly dataFolder: string;
  readonly now: () => number;
  /** Take this root key instead of making one. */
  readonly rootAccessKey?: AccessKeyPair;
}

export interface Bootstrapped {
  readonly account: string;
  /** Absent when the store's root key was made on another machine and not given here. */
  readonly rootAccessKey?: AccessKeyPair;
  /** The key was made just now: its secret is shown this once. */
  readonly fresh: boolean;
  /** Why the root key that was given does not count. */
  readonly refused?: 'deleted' | 'inactive';
}

const probe = 'sluice';

/**
 * Makes sure that the store has its account and a root access key. Safe to run by any number of
 * control planes at once: the first one wins, the others take what it made.
 * @throws when the store was sealed with another master key, work on it was broken off, or it has
 *   been emptied since the data folder was made
 */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrapped> {
  const { account, first } = await ensureAccount(options);
  const { rootAccessKey: given, dataFolder } = options;
  const refused = given && (await refusalOf(options.store, given.accessKeyId));
  if (given !== undefined && refused === undefined) {
    await putRootKey(options, account, given);
    await keepRootAccessKey(dataFolder, given);
    return { account, rootAccessKey: given, fresh: false };
  }
  const kept = await readRootAccessKey(dataFolder);
  if (kept !== undefined && (await isActive(options.store, kept.accessKeyId))) {
    return { account, rootAccessKey: kept, fresh: false, ...(refused && { refused }) };
  }
  if (refused !== undefined) return { account, fresh: false, refused };
  if (!first) return { account, fresh: false };
  const made = newAccessKeyPair();
  await putRootKey(options, account, made);
  await keepRootAccessKey(dataFolder, made);
  return { account, rootAccessKey: made, fresh: true };
}

/** A root key that its owner has deleted or made inactive stays so, whatever settings say. */
async function refusalOf(store: Store, id: string): Promise<Bootstrapped['refused']> {
  if ((await store.get(keys.deletedRootKey(id))) !== undefined) return 'deleted';
  const isKnown = (await store.get(keys.accessKey(id))) !== undefined;
  return isKnown && !(await isActive(store, id)) ? 'inactive' : undefined;
}

async function isActive(store: Store, id: string): Promise<boolean> {
  const entry = await store.get(keys.accessKey(id));
  return entry !== undefined && (JSON.parse(entry.value) as { status: string }).status === 'Active';
}

async function ensureAccount({ store, seal, dataFolder }: BootstrapOptions) {
  const found = await store.get(keys.rootAccount);
  if (found !== undefined) return { account: checked(found.value, seal), first: false };
  if (await hasRootAccessKey(dataFolder)) {
    throw new Error(
      `the store is empty, and ${dataFolder} has the root access key of one that was not: bring ` +
        'the store back or restore a backup; to begin with an empty store, use another data folder',
    );
  }
  // 16 digits, as account ids have; the first is no 0.
  const id = `${randomInt(1, 10)}${String(randomInt(1e14)).padStart(15, '0')}`;
  const record: AccountRecord = { v: 1, id, sealed: seal.seal(probe, keys.rootAccount) };
  const outcome = await store.commit({
    ifRevision: new Map([[keys.rootAccount, 0]]),
    puts: [{ key: keys.rootAccount, value: JSON.stringify(record) }],
    deletes: [],
  });
  if (outcome.committed) return { account: id, first: true };
  const winner = await store.get(keys.rootAccount);
  if (winner === undefined) throw new Error('the account record vanished while it was made');
  return { account: checked(winner.value, seal), first: false };
}

function checked(value: string, seal: Seal): string {
  const record = JSON.parse(value) as AccountRecord;
  if (record.unfinished !== undefined) throw new Error(remedies[record.unfinished]);
  try {
    seal.open(record.sealed, keys.rootAccount);
  } catch (cause) {
    throw new Error(
      'the store was sealed with another master key: set SLUICE_MASTER_KEY, ' +
        'or copy the file master-key from the data folder that made the store',
      { cause },
    );
  }
  return record.id;
}

/** Writes the key's record unless the store has it already with the same secret. */
async function putRootKey(
  { store, seal, now }: BootstrapOptions,
  account: string,
  pair: AccessKeyPair,
): Promise<void> {
  const key = keys.accessKey(pair.accessKeyId);
  const found = await store.get(key);
  if (found !== undefined) {
    const { secret } = JSON.parse(found.value) as { secret: string };
    if (seal.open(secret, key) === pair.accessKeySecret) return;
  }
  const write: Write = {
    key,
    value: JSON.stringify({
      v: 1,
      id: pair.accessKeyId,
      account,
      principal: { kind: 'root' },
      secret: seal.seal(pair.accessKeySecret, key),
      status: 'Active',
      createTime: isoSeconds(now()),
    }),
  };
  await store.commit({
    ifRevision: new Map([[key, found?.revision ?? 0]]),
    puts: [write],
    deletes: [],
  });
}
