/**
 * The thread that writes the SQLite file: one transaction, one fsync, for all commits of a
 * message. Only `sqlite-writer.ts` speaks to it.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { StorePlace } from './sqlite-place.ts';
import type { Commit } from './store.ts';

/** What the thread is started with. */
export interface WorkerSettings {
  readonly path: string;
  /** `path` names a database in memory, which only this process has: there is nothing to lock. */
  readonly inMemory?: boolean;
  /** Lets SQLite itself report a full disk past this many pages of 8 KB; for tests. */
  readonly maxPages?: number;
}

export type WorkerRequest =
  | { readonly kind: 'transaction'; readonly commits: readonly Commit[] }
  | { readonly kind: 'close' };

export type WorkerAnswer =
  | { readonly kind: 'ready'; readonly revision: number }
  | { readonly kind: 'refused'; readonly message: string }
  | Done
  | Failed;

interface Done {
  readonly kind: 'done';
  /** One for each commit, in order; null = one of its conditions did not hold. */
  readonly revisions: readonly (number | null)[];
  /** Deletes that found nothing: the commit's index and the key. */
  readonly absent: readonly (readonly [number, string])[];
}

/** No commit of the transaction has happened, unless the outcome is unknown. */
interface Failed {
  readonly kind: 'failed';
  readonly message: string;
  readonly outcome: 'nothing-changed' | 'unknown';
}

/** Layout of the tables, in PRAGMA user_version. */
const schemaVersion = 1;
/** https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

/** `revision` stands before `value`: a row is read up to the column asked for. */
const schema = `
  CREATE TABLE IF NOT EXISTS kv (
    key TEXT PRIMARY KEY, revision INTEGER NOT NULL, value TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS head (revision INTEGER NOT NULL);
  INSERT INTO head SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM head);
  PRAGMA user_version = ${schemaVersion};
`;

class Writer {
  readonly #lock: DatabaseSync | undefined;
  readonly #place: StorePlace | undefined;
  readonly #database: DatabaseSync;
  readonly #statements;
  /** Of the last transaction that was committed. */
  revision: number;

  constructor({ path, inMemory = false, maxPages }: WorkerSettings) {
    this.#lock = inMemory ? undefined : lockFile(`${path}-lock`);
    this.#place = inMemory ? undefined : new StorePlace(path);
    if (!inMemory) createPrivately(path);
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    prepareFile(this.#database, path);
    if (maxPages !== undefined) this.#database.exec(`PRAGMA max_page_count = ${maxPages}`);
    const prepare = (sql: string) => this.#database.prepare(sql);
    this.#statements = {
      begin: prepare('BEGIN IMMEDIATE'),
      commit: prepare('COMMIT'),
      rollback: prepare('ROLLBACK'),
      find: prepare('SELECT revision FROM kv WHERE key = ?'),
      put: prepare(`INSERT INTO kv (key, revision, value) VALUES (?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value`),
      remove: prepare('DELETE FROM kv WHERE key = ?'),
      advance: prepare('UPDATE head SET revision = ?'),
    };
    const head = prepare('SELECT revision FROM head').get() as { revision: number };
    this.revision = head.revision;
    this.#place?.opened(this.revision);
  }

  transaction(commits: readonly Commit[]): Done | Failed {
    const before = this.revision;
    const fault = this.#place?.fault(before);
    if (fault !== undefined) return { kind: 'failed', message: fault, outcome: 'nothing-changed' };
    let done: Done;
    try {
      this.#statements.begin.run();
      done = this.#apply(commits);
    } catch (error) {
      this.#rollback(before);
      return { kind: 'failed', message: String(error), outcome: 'nothing-changed' };
    }
    if (this.revision === before) {
      this.#rollback(before);
      return done;
    }
    try {
      this.#statements.commit.run();
      return done;
    } catch (error) {
      this.#rollback(before);
      return { kind: 'failed', message: String(error), outcome: outcomeOf(error) };
    }
  }

  close(): void {
    this.#place?.closing(this.revision);
    this.#database.close();
    this.#lock?.close();
  }

  #apply(commits: readonly Commit[]): Done {
    const absent: [number, string][] = [];
    const revisions = commits.map((commit, index) => {
      if (!this.#holds(commit)) return null;
      let effects = 0;
      for (const { key, value } of commit.puts) {
        this.#statements.put.run(key, this.revision + 1, value);
        effects += 1;
      }
      for (const key of commit.deletes) {
        if (this.#statements.remove.run(key).changes === 0) absent.push([index, key]);
        else effects += 1;
      }
      if (effects > 0) this.revision += 1;
      return this.revision;
    });
    this.#statements.advance.run(this.revision);
    return { kind: 'done', revisions, absent };
  }

  #holds({ ifRevision }: Commit): boolean {
    for (const [key, revision] of ifRevision) {
      const found = this.#statements.find.get(key) as { revision: number } | undefined;
      if ((found?.revision ?? 0) !== revision) return false;
    }
    return true;
  }

  /** After some errors SQLite has ended it: https://sqlite.org/lang_transaction.html */
  #rollback(revision: number): void {
    this.revision = revision;
    if (this.#database.isTransaction) this.#statements.rollback.run();
  }
}

/**
 * A full disk stops COMMIT before its last frame is written. After another error (a failed fsync)
 * that frame may be in the file, and a crash before the next commit could bring it back.
 */
function outcomeOf(error: unknown): Failed['outcome'] {
  const code = Number((error as { errcode?: number }).errcode) & 0xff;
  return code === SQLITE_FULL || code === SQLITE_BUSY ? 'nothing-changed' : 'unknown';
}

/** The lock of one process on a store; the kernel drops it when the process ends, however. */
function lockFile(path: string): DatabaseSync {
  createPrivately(path);
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new Error(`another process uses this store (it holds ${path})`, { cause: error });
  }
  return lock;
}

/** Creates a file that only its owner may read; SQLite gives its other files the same mode. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function prepareFile(database: DatabaseSync, path: string): void {
  const found = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (found.user_version > schemaVersion) {
    throw new Error(
      `${path} was written by a newer version of Sluice ` +
        `(layout ${found.user_version}, this one knows ${schemaVersion})`,
    );
  }
  // A load balancer of 2 KB then stands in its leaf page; with 4 KB pages it takes one more, and
  // 64 writers reach half the commits per second. Only a new file takes it.
  database.exec('PRAGMA page_size = 8192');
  database.exec('PRAGMA journal_mode = WAL');
  // NORMAL would keep commits over kill -9, but may lose the last ones when the power fails.
  database.exec('PRAGMA synchronous = FULL');
  if (found.user_version < schemaVersion) database.exec(`BEGIN; ${schema} COMMIT;`);
}

function serve(port: MessagePort, settings: WorkerSettings): void {
  const answer = (message: WorkerAnswer) => port.postMessage(message);
  let writer: Writer;
  try {
    writer = new Writer(settings);
  } catch (error) {
    answer({ kind: 'refused', message: error instanceof Error ? error.message : String(error) });
    port.close();
    return;
  }
  port.on('message', (request: WorkerRequest) => {
    if (request.kind === 'transaction') {
      answer(writer.transaction(request.commits));
      return;
    }
    writer.close();
    port.close();
  });
  answer({ kind: 'ready', revision: writer.revision });
}

if (parentPort !== null) serve(parentPort, workerData as WorkerSettings);
