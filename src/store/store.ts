/**
 * What Sluice asks of a store. Two engines implement it, `sqlite.ts` and `etcd.ts`, and one
 * contract test (`contract.test.ts`) holds both to it. Values are text (JSON in practice); the
 * store never looks into them, and no rule lives here.
 */

/** A key as of one revision. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  /** The revision of the commit that last wrote the key. */
  readonly revision: number;
}

export interface Write {
  readonly key: string;
  readonly value: string;
}

export interface Commit {
  /** Key -> revision it must still have; 0 = it must not exist. All hold, or nothing happens. */
  readonly ifRevision: ReadonlyMap<string, number>;
  readonly puts: readonly Write[];
  readonly deletes: readonly string[];
}

export type CommitResult =
  | { readonly committed: true; readonly revision: number }
  | { readonly committed: false };

/** One key's new value, or null when it is gone. */
export interface Change {
  readonly key: string;
  readonly value: string | null;
}

export type WatchEvent =
  /** Everything one commit did under the prefix, whole. */
  | { readonly kind: 'changes'; readonly revision: number; readonly changes: readonly Change[] }
  /** The asked revision is too old to resume from: read again with `range`. The watch ends. */
  | { readonly kind: 'compacted'; readonly revision: number };

/** Keys that live as long as somebody renews them. Written without an fsync. */
export interface Lease {
  /** Throws LeaseLapsed when it has lapsed. */
  put(key: string, value: string): Promise<void>;
  /** Extends the life of all keys of the lease by its ttl. Throws LeaseLapsed. */
  keepAlive(): Promise<void>;
  /** Deletes all keys of the lease now. */
  revoke(): Promise<void>;
}

export interface Range {
  readonly entries: readonly Entry[];
  /** The store's revision that the entries are true at. */
  readonly revision: number;
}

export interface RangeOptions {
  /** Start behind this key (for paging). */
  readonly after?: string;
  readonly limit?: number;
}

/**
 * Reads see every commit that was answered before them (linearizable). Revisions only rise. A
 * commit that was answered survives kill -9 and power loss.
 */
export interface Store {
  get(key: string): Promise<Entry | undefined>;
  /** Keys that start with `prefix`, in byte order. */
  range(prefix: string, options?: RangeOptions): Promise<Range>;
  commit(commit: Commit): Promise<CommitResult>;
  /**
   * Every commit under `prefix` with a revision above `afterRevision`: in order, each once, whole.
   * Leased keys appear too: in SQLite with the revision current at that moment, and again (as
   * they stand) at the start of a watch, since they are no part of the resumable history.
   * Ends when `signal` aborts; throws StoreUnavailable when the engine is lost.
   */
  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<WatchEvent>;
  lease(ttlSeconds: number): Promise<Lease>;
  close(): Promise<void>;
}

/**
 * The engine cannot be reached, or cannot write (disk full). For a commit the outcome is unknown
 * when `outcome` says so; else nothing was changed.
 */
export class StoreUnavailable extends Error {
  readonly outcome: 'nothing-changed' | 'unknown';

  constructor(message: string, outcome: 'nothing-changed' | 'unknown', options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreUnavailable';
    this.outcome = outcome;
  }
}

/** A lease was not renewed in time: its keys are gone, a new lease is needed. */
export class LeaseLapsed extends Error {
  constructor() {
    super('the lease has lapsed');
    this.name = 'LeaseLapsed';
  }
}
