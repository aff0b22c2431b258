import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { Leases } from './leases.ts';
import { lockFile } from './lock-file.ts';
import {
  pragmas,
  schemaVersion,
  type WriteAnswer,
  type WriteRequest,
  type WriterData,
} from './sqlite-worker.ts';
import {
  type Change,
  type Commit,
  type CommitResult,
  type Entry,
  type Lease,
  type Range,
  type RangeOptions,
  type Store,
  StoreUnavailable,
  type WatchEvent,
} from './store.ts';
import { Watchers } from './watchers.ts';

export interface SqliteOptions {
  /** The database file; made when absent. */
  readonly path: string;
  readonly now?: () => number;
  /** Bounds the file, in pages of 4 KB: a disk that is full, for tests. */
  readonly maxPages?: number;
}

/**
 * Opens the embedded store: one writer thread, commits grouped under one fsync; reads on the
 * calling thread, which see every commit that was answered.
 * @throws when another process has it open, or a newer Sluice wrote it
 */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
  const unlock = lockFile(`${options.path}.lock`);
  try {
    prepare(options.path);
    return new SqliteStore(options, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

function prepare(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(pragmas);
  database.exec(
    'CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value TEXT NOT NULL, ' +
      'revision INTEGER NOT NULL) WITHOUT ROWID;' +
      'CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);' +
      `INSERT OR IGNORE INTO meta VALUES ('schema', ${schemaVersion}), ('revision', 0);`,
  );
  const row = database.prepare("SELECT value FROM meta WHERE name = 'schema'").get();
  database.close();
  if (row?.value !== schemaVersion) {
    throw new Error(`${path} has schema ${row?.value}; this Sluice knows ${schemaVersion}`);
  }
}

interface Pending {
  readonly commit: Commit;
  resolve(result: CommitResult): void;
  reject(error: StoreUnavailable): void;
}

class SqliteStore implements Store {
  readonly #reader: DatabaseSync;
  readonly #getStatement: StatementSync;
  readonly #rangeStatement: StatementSync;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #unlock: () => void;
  readonly #watchers: Watchers;
  readonly #leases: Leases;
  readonly #pending = new Map<number, Pending>();
  #outbox: WriteRequest[] = [];
  #nextId = 1;
  #revision: number;
  #dead: string | undefined;

  constructor({ path, now = Date.now, maxPages }: SqliteOptions, unlock: () => void) {
    this.#unlock = unlock;
    this.#reader = new DatabaseSync(path, { readOnly: true });
    this.#getStatement = this.#reader.prepare('SELECT value, revision FROM kv WHERE key = ?');
    this.#rangeStatement = this.#reader.prepare(
      'SELECT key, value, revision FROM kv WHERE key > ? AND key >= ? AND key < ? ' +
        'ORDER BY key LIMIT ?',
    );
    const row = this.#reader.prepare("SELECT value FROM meta WHERE name = 'revision'").get();
    this.#revision = Number(row?.value);
    this.#watchers = new Watchers(this.#revision);
    this.#leases = new Leases({
      now,
      revision: () => this.#revision,
      show: (changes) => this.#watchers.show(this.#revision, changes),
    });
    const workerData: WriterData = { path, ...(maxPages === undefined ? {} : { maxPages }) };
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData });
    this.#worker.on('message', (answer: WriteAnswer) => this.#receive(answer));
    this.#worker.on('error', (error: Error) => this.#die(`the writer failed: ${error.message}`));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#die('the store is closed');
        resolve();
      });
    });
  }

  async get(key: string): Promise<Entry | undefined> {
    const leased = this.#leases.get(key);
    if (leased !== undefined) return leased;
    const row = this.#getStatement.get(key);
    if (row === undefined) return undefined;
    return { key, value: String(row.value), revision: Number(row.revision) };
  }

  async range(prefix: string, { after = '', limit = -1 }: RangeOptions = {}): Promise<Range> {
    const rows = this.#rangeStatement.all(after, prefix, `${prefix}\u{10ffff}`, limit);
    const durable = rows.map((row) => ({
      key: String(row.key),
      value: String(row.value),
      revision: Number(row.revision),
    }));
    const leased = this.#leases.under(prefix).filter(({ key }) => key > after);
    const entries = leased.length === 0 ? durable : merge(durable, leased, limit);
    return { entries, revision: this.#revision };
  }

  commit(commit: Commit): Promise<CommitResult> {
    if (this.#dead !== undefined) {
      return Promise.reject(new StoreUnavailable(this.#dead, 'nothing-changed'));
    }
    const leased = [...commit.puts.map(({ key }) => key), ...commit.deletes].find((key) =>
      this.#leases.has(key),
    );
    if (leased !== undefined) throw new Error(`${leased} is a leased key`);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { commit, resolve, reject });
      if (this.#outbox.length === 0) queueMicrotask(() => this.#send());
      this.#outbox.push({
        id,
        ifRevision: [...commit.ifRevision],
        puts: commit.puts,
        deletes: commit.deletes,
      });
    });
  }

  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const leased = this.#leases.under(prefix);
    const standing: WatchEvent | undefined =
      leased.length === 0
        ? undefined
        : { kind: 'changes', revision: this.#revision, changes: leased };
    return this.#watchers.watch(prefix, afterRevision, standing, signal);
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    return this.#leases.grant(ttlSeconds);
  }

  async close(): Promise<void> {
    this.#send();
    this.#worker.postMessage('close');
    await this.#exited;
    this.#watchers.close();
    this.#reader.close();
    this.#unlock();
  }

  /** One message for all commits of this turn of the event loop. */
  #send(): void {
    if (this.#outbox.length === 0) return;
    this.#worker.postMessage(this.#outbox);
    this.#outbox = [];
  }

  #receive(answer: WriteAnswer): void {
    if ('failed' in answer) {
      const error = new StoreUnavailable(answer.failed, 'nothing-changed');
      for (const id of answer.ids) this.#take(id)?.reject(error);
      return;
    }
    for (const [id, revision] of answer.answers) {
      const pending = this.#take(id);
      if (pending === undefined) continue;
      if (revision === null) {
        pending.resolve({ committed: false });
        continue;
      }
      this.#revision = revision;
      this.#watchers.committed(revision, changesOf(pending.commit));
      pending.resolve({ committed: true, revision });
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #die(reason: string): void {
    this.#dead ??= reason;
    for (const { reject } of this.#pending.values()) {
      reject(new StoreUnavailable(reason, 'unknown'));
    }
    this.#pending.clear();
  }
}

function changesOf({ puts, deletes }: Commit): Change[] {
  return [...puts, ...deletes.map((key) => ({ key, value: null }))];
}

function merge(durable: readonly Entry[], leased: readonly Entry[], limit: number): Entry[] {
  const all = [...durable, ...leased].sort((a, b) => (a.key < b.key ? -1 : 1));
  return limit < 0 ? all : all.slice(0, limit);
}
