import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { limits } from '../limits.ts';
import { checkCommit, checkKey, compareKeys, pageStart, prefixEnd } from './key-order.ts';
import { LeasedKeys } from './leased-keys.ts';
import { RecentReads } from './recent-reads.ts';
import { GroupWriter, startWorker } from './sqlite-writer.ts';
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
import { WatchHub } from './watch-hub.ts';

export interface SqliteOptions {
  /** The database file; its folder is made when missing. */
  readonly path: string;
  /** Milliseconds of a clock that never goes back, for leases; performance.now by default. */
  readonly now?: () => number;
  /** Lets SQLite report a full disk past this many pages of 8 KB; for tests. */
  readonly maxPages?: number;
}

/**
 * The store of one process: a SQLite file, written by a thread of its own and read on the
 * caller's. A commit is answered when it is on the disk; reads see it from then on.
 * @throws Error when another process uses the file, or a newer version of Sluice wrote it
 */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  await mkdir(dirname(options.path), { recursive: true, mode: 0o700 });
  return open(options);
}

/**
 * A store of this process that ends with it and leaves no file: for tests and trials. All promises
 * but durability are those of a file.
 * @param options as openSqlite; a path only where a connection outside the store keeps it alive
 */
export async function openMemory(options: Partial<SqliteOptions> = {}): Promise<Store> {
  return open({ path: memoryPath(), ...options, inMemory: true });
}

/** A new database in memory; all connections of this process to one path share it. */
export function memoryPath(): string {
  return `file:/${randomUUID()}?vfs=memdb`;
}

async function open(options: SqliteOptions & { readonly inMemory?: boolean }): Promise<Store> {
  const { now, ...settings } = options;
  const { path } = settings;
  const { worker, revision } = await startWorker(settings);
  const reader = new Reader(path);
  const recent = new RecentReads(limits.recentReads);
  const hub: WatchHub = new WatchHub({
    revision,
    leased: (prefix) => leased.range(prefix, prefix),
  });
  const leased = new LeasedKeys({
    now: now ?? (() => performance.now()),
    revision: () => hub.revision,
    publish: (changes) => hub.publishLeased(changes),
    check: (key) => {
      checkKey(key);
      if (reader.get(key) !== undefined) throw new TypeError(`${key} is a key without a lease`);
    },
  });
  const store: SqliteStore = new SqliteStore({
    reader,
    recent,
    hub,
    leased,
    writer: new GroupWriter(worker, {
      onCommitted: (commit, at, absent) => {
        recent.follow(commit, at);
        publish(hub, commit, at, absent);
      },
      onLost: (error) => store.fail(error),
    }),
  });
  return store;
}

interface Parts {
  readonly reader: Reader;
  readonly recent: RecentReads;
  readonly writer: GroupWriter;
  readonly hub: WatchHub;
  readonly leased: LeasedKeys;
}

class SqliteStore implements Store {
  readonly #parts: Parts;
  #lost: StoreUnavailable | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#prepareRead();
    const { leased, recent, reader } = this.#parts;
    const known = leased.get(key) ?? recent.get(key);
    if (known !== undefined) return known;
    const entry = reader.get(key);
    if (entry !== undefined) recent.keep(entry);
    return entry;
  }

  async range(prefix: string, { after, limit }: RangeOptions = {}): Promise<Range> {
    this.#prepareRead();
    const start = pageStart(prefix, after);
    const stored = this.#parts.reader.range(prefix, start, limit);
    const leased = this.#parts.leased.range(prefix, start, limit);
    if (leased.length === 0) return stored;
    const entries = [...stored.entries, ...leased].sort((a, b) => compareKeys(a.key, b.key));
    return { entries: entries.slice(0, limit), revision: stored.revision };
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit);
    const { writer, leased } = this.#parts;
    const touched = [...commit.puts.map(({ key }) => key), ...commit.deletes];
    const held = [...touched, ...commit.ifRevision.keys()].find((key) => leased.get(key));
    if (held !== undefined)
      throw new TypeError(`${held} is a leased key: only its lease writes it`);
    return writer.commit(commit);
  }

  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<WatchEvent> {
    this.#parts.leased.sweep();
    return this.#parts.hub.watch(prefix, afterRevision, signal);
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    this.#prepareRead();
    return this.#parts.leased.grant(ttlSeconds);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Nothing is answered any more: a read could miss what the lost thread has written. */
  fail(error: StoreUnavailable): void {
    this.#lost = error;
    this.#parts.hub.fail(error);
  }

  async #close(): Promise<void> {
    const { writer, leased, reader } = this.#parts;
    const closed = new StoreUnavailable('the store is closed', 'nothing-changed');
    this.#lost ??= closed;
    leased.close();
    await writer.close();
    this.fail(this.#lost);
    reader.close();
  }

  #prepareRead(): void {
    if (this.#lost !== undefined) throw this.#lost;
    this.#parts.leased.sweep();
  }
}

/** Reads on the calling thread: a page in the cache is nearer than another thread. */
class Reader {
  readonly #database: DatabaseSync;
  readonly #statements;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const prepare = (sql: string) => this.#database.prepare(sql);
    this.#statements = {
      begin: prepare('BEGIN'),
      end: prepare('COMMIT'),
      head: prepare('SELECT revision FROM head'),
      get: prepare('SELECT revision, value FROM kv WHERE key = ?'),
      range: prepare(`SELECT key, revision, value FROM kv
        WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`),
    };
  }

  get(key: string): Entry | undefined {
    const row = this.#statements.get.get(key) as Omit<Entry, 'key'> | undefined;
    return row && { key, value: row.value, revision: row.revision };
  }

  range(prefix: string, start: string, limit = -1): Range {
    const { begin, end, head, range } = this.#statements;
    begin.run();
    try {
      const { revision } = head.get() as { revision: number };
      // Every blob is greater than every text: https://sqlite.org/datatype3.html
      const stop = prefixEnd(prefix) ?? new Uint8Array();
      const rows = range.all(start, stop, limit) as unknown as Entry[];
      // Rows have no prototype: as plain objects they compare like any other.
      return { entries: rows.map((row) => ({ ...row })), revision };
    } finally {
      end.run();
    }
  }

  close(): void {
    this.#database.close();
  }
}

function publish(
  hub: WatchHub,
  { puts, deletes }: Commit,
  revision: number,
  absent: ReadonlySet<string>,
): void {
  const gone = deletes.filter((key) => !absent.has(key));
  const changes: Change[] = [...puts, ...gone.map((key) => ({ key, value: null }))];
  if (changes.length > 0) hub.publish(revision, changes);
}
