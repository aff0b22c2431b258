import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { keys } from './keys.ts';
import { openStore, sqlitePath } from './open.ts';
import type { Entry } from './store.ts';

/** All that a store keeps, as of one revision. What is leased lives on its own and is no part. */
export interface Snapshot {
  readonly revision: number;
  readonly entries: Iterable<Entry>;
  close(): void;
}

/**
 * Reads a store whole at one revision while others write to it. SQLite: some rows at a time, in
 * one read transaction beside the process that has the store. etcd: all in memory.
 * @throws Error when there is no store of that name; StoreUnavailable
 */
export async function readSnapshot(spec: string, dataFolder: string): Promise<Snapshot> {
  const path = sqlitePath(spec, dataFolder);
  if (path !== undefined) return readFile(path);
  const store = await openStore(spec, { dataFolder });
  try {
    const { entries, revision } = await store.range('');
    const lasting = entries.filter(({ key }) => !key.startsWith(keys.allReports));
    return { revision, entries: lasting, close: () => undefined };
  } finally {
    await store.close();
  }
}

function readFile(path: string): Snapshot {
  if (!existsSync(path)) throw new Error(`there is no store at ${path}`);
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  database.exec('BEGIN');
  const { revision } = database.prepare('SELECT revision FROM head').get() as { revision: number };
  const rows = database.prepare('SELECT key, revision, value FROM kv ORDER BY key');
  return {
    revision,
    entries: { [Symbol.iterator]: () => rows.iterate() as unknown as Iterator<Entry> },
    close: () => database.close(),
  };
}
