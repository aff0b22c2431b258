import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { limits } from '../limits.ts';

/** The database as every connection opens it: durable at each commit, readers beside the writer. */
export const pragmas = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;';
export const schemaVersion = 1;

/** One commit on its way to the writer, by the number its answer will carry. */
export interface WriteRequest {
  readonly id: number;
  readonly ifRevision: readonly (readonly [string, number])[];
  readonly puts: readonly { readonly key: string; readonly value: string }[];
  readonly deletes: readonly string[];
}

/** The writer's answers to one group: revision, null for a failed condition, or why none holds. */
export type WriteAnswer =
  | { readonly answers: readonly (readonly [id: number, revision: number | null])[] }
  | { readonly ids: readonly number[]; readonly failed: string };

/** What the writer is started with. */
export interface WriterData {
  readonly path: string;
  readonly maxPages?: number;
}

/**
 * The writer: takes what has arrived, up to a group's bound, into one transaction, so that many
 * commits share one fsync. Each commit's conditions are checked in its turn; one that fails
 * touches only itself. A transaction that fails is undone whole.
 */
class Writer {
  readonly #database: DatabaseSync;
  readonly #revisionOf: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #setRevision: StatementSync;
  #revision: number;

  constructor({ path, maxPages }: WriterData) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(pragmas);
    if (maxPages !== undefined) this.#database.exec(`PRAGMA max_page_count = ${maxPages}`);
    this.#revisionOf = this.#database.prepare('SELECT revision FROM kv WHERE key = ?');
    this.#put = this.#database.prepare(
      'INSERT INTO kv (key, value, revision) VALUES (?, ?, ?) ON CONFLICT (key) ' +
        'DO UPDATE SET value = excluded.value, revision = excluded.revision',
    );
    this.#delete = this.#database.prepare('DELETE FROM kv WHERE key = ?');
    this.#setRevision = this.#database.prepare("UPDATE meta SET value = ? WHERE name = 'revision'");
    const row = this.#database.prepare("SELECT value FROM meta WHERE name = 'revision'").get();
    this.#revision = Number(row?.value);
  }

  write(group: readonly WriteRequest[]): WriteAnswer {
    const before = this.#revision;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const answers = group.map((request) => [request.id, this.#apply(request)] as const);
      if (this.#revision > before) this.#setRevision.run(this.#revision);
      this.#database.exec('COMMIT');
      return { answers };
    } catch (error) {
      this.#revision = before;
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      return { ids: group.map(({ id }) => id), failed: String((error as Error).message) };
    }
  }

  #apply({ ifRevision, puts, deletes }: WriteRequest): number | null {
    const holds = ifRevision.every(
      ([key, revision]) => Number(this.#revisionOf.get(key)?.revision ?? 0) === revision,
    );
    if (!holds) return null;
    const revision = this.#revision + 1;
    for (const { key, value } of puts) this.#put.run(key, value, revision);
    for (const key of deletes) this.#delete.run(key);
    this.#revision = revision;
    return revision;
  }

  close(): void {
    this.#database.close();
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const writer = new Writer(workerData as WriterData);
  const waiting: WriteRequest[] = [];
  let scheduled = false;
  const flush = () => {
    scheduled = false;
    while (waiting.length > 0)
      port.postMessage(writer.write(waiting.splice(0, limits.groupCommit)));
  };
  port.on('message', (message: readonly WriteRequest[] | 'close') => {
    if (message === 'close') {
      flush();
      writer.close();
      port.close();
      return;
    }
    waiting.push(...message);
    if (scheduled) return;
    scheduled = true;
    // Messages that are already here join the group before it is written.
    setImmediate(flush);
  });
}

if (parentPort !== null && (workerData as WriterData | null)?.path !== undefined) serve(parentPort);
