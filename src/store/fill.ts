import { DatabaseSync } from 'node:sqlite';
import type { Entry } from './store.ts';

/**
 * Puts entries into an empty SQLite store under the revisions that they had, all in one
 * transaction: what names revisions, such as the audit log, stays true.
 * @param path a file that openStore has made and nobody uses
 * @param revision what the store stands at then, above all of theirs
 */
export async function fillSqlite(
  path: string,
  entries: AsyncIterable<Entry>,
  revision: number,
): Promise<void> {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA synchronous = FULL');
    database.exec('BEGIN EXCLUSIVE');
    const put = database.prepare('INSERT INTO kv (key, revision, value) VALUES (?, ?, ?)');
    for await (const entry of entries) put.run(entry.key, entry.revision, entry.value);
    database.prepare('UPDATE head SET revision = ?').run(revision);
    database.exec('COMMIT');
  } finally {
    // What was not committed is undone.
    database.close();
  }
}
