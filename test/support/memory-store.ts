import type { Timers } from '../../src/clock.ts';
import {
  type Change,
  type Commit,
  type CommitResult,
  type Entry,
  type Lease,
  LeaseLapsed,
  type Range,
  type RangeOptions,
  type Store,
  StoreUnavailable,
  type WatchEvent,
} from '../../src/store/store.ts';

export interface MemoryStoreOptions {
  /**
   * As in SQLite: leased keys raise no revision, are no part of the history, and are shown again
   * at the start of a watch. Else as in etcd: they are keys like all others.
   */
  readonly leasedApart?: boolean;
}

interface Watcher {
  readonly prefix: string;
  readonly events: WatchEvent[];
  wake: () => void;
  lost: boolean;
}

/**
 * A store in memory for simulations: the same promises as the real ones, on a clock that the test
 * moves, and it can be taken away.
 */
export class MemoryStore implements Store {
  /** Nothing can be read, written or followed. */
  #down = false;
  readonly #timers: Timers;
  readonly #entries = new Map<string, Entry>();
  readonly #history: Extract<WatchEvent, { kind: 'changes' }>[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #leases = new Set<MemoryLease>();
  readonly #leasedApart: boolean;
  #revision = 0;
  #forgotten = 0;

  constructor(timers: Timers, { leasedApart = false }: MemoryStoreOptions = {}) {
    this.#timers = timers;
    this.#leasedApart = leasedApart;
  }

  get revision(): number {
    return this.#revision;
  }

  get down(): boolean {
    return this.#down;
  }

  /** Takes the store away, which ends every watch, or brings it back. */
  setDown(down: boolean): void {
    this.#down = down;
    for (const watcher of down ? this.#watchers : []) {
      watcher.lost = true;
      watcher.wake();
    }
  }

  /** Forgets the history and tells every watcher so. */
  compact(): void {
    this.#history.length = 0;
    this.#forgotten = this.#revision;
    for (const watcher of this.#watchers) {
      watcher.events.push({ kind: 'compacted', revision: this.#revision });
      watcher.wake();
    }
  }

  /** What is under a prefix, whether or not the store can be reached: for checks. */
  inspect(prefix: string): readonly Entry[] {
    return [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
  }

  /** Ends every lease, as the end of the process does that SQLite is part of. */
  async endLeases(): Promise<void> {
    await Promise.all([...this.#leases].map((lease) => lease.revoke()));
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#reach();
    return this.#entries.get(key);
  }

  async range(prefix: string, { after = '', limit }: RangeOptions = {}): Promise<Range> {
    this.#reach();
    const entries = [...this.#entries.values()]
      .filter(({ key }) => key.startsWith(prefix) && key > after)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .slice(0, limit);
    return { entries, revision: this.#revision };
  }

  async commit({ ifRevision, puts, deletes }: Commit): Promise<CommitResult> {
    this.#reach();
    for (const [key, revision] of ifRevision) {
      if ((this.#entries.get(key)?.revision ?? 0) !== revision) return { committed: false };
    }
    const gone = deletes.filter((key) => this.#entries.has(key));
    this.#write([...puts, ...gone.map((key) => ({ key, value: null }))]);
    return { committed: true, revision: this.#revision };
  }

  async *watch(
    prefix: string,
    afterRevision: number,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    this.#reach();
    if (afterRevision < this.#forgotten) {
      yield { kind: 'compacted', revision: this.#forgotten };
      return;
    }
    const watcher: Watcher = { prefix, events: [], wake: () => {}, lost: false };
    for (const event of this.#history) {
      if (event.revision > afterRevision) show(watcher, event);
    }
    if (this.#leasedApart) {
      const leased = [...this.#leases].flatMap((lease) => lease.entries());
      show(watcher, { kind: 'changes', revision: this.#revision, changes: leased });
    }
    this.#watchers.add(watcher);
    const wake = () => watcher.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (watcher.lost) throw new StoreUnavailable('the store is away', 'nothing-changed');
        const event = watcher.events.shift();
        if (event === undefined) await new Promise<void>((resolve) => (watcher.wake = resolve));
        else yield event;
        if (event?.kind === 'compacted') return;
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#watchers.delete(watcher);
    }
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    this.#reach();
    const lease = new MemoryLease(ttlSeconds * 1000, {
      timers: this.#timers,
      reach: () => this.#reach(),
      write: (changes) => this.#write(changes, this.#leasedApart),
      get: (key) => this.#entries.get(key),
      ended: () => this.#leases.delete(lease),
    });
    this.#leases.add(lease);
    return lease;
  }

  async close(): Promise<void> {
    this.setDown(true);
  }

  #reach(): void {
    if (this.#down) throw new StoreUnavailable('the store is away', 'nothing-changed');
  }

  #write(changes: readonly Change[], apart = false): void {
    if (!apart) this.#revision += 1;
    for (const { key, value } of changes) {
      if (value === null) this.#entries.delete(key);
      else this.#entries.set(key, { key, value, revision: this.#revision });
    }
    const event = { kind: 'changes', revision: this.#revision, changes } as const;
    if (!apart) this.#history.push(event);
    for (const watcher of this.#watchers) show(watcher, event);
  }
}

interface LeaseParts {
  readonly timers: Timers;
  reach(): void;
  write(changes: readonly Change[]): void;
  get(key: string): Entry | undefined;
  ended(): void;
}

class MemoryLease implements Lease {
  readonly #ttlMs: number;
  readonly #parts: LeaseParts;
  /** Key -> the entry this lease wrote: one written by another since is no longer ours. */
  readonly #keys = new Map<string, Entry | undefined>();
  #lapsed = false;
  #cancel: () => void = () => {};

  constructor(ttlMs: number, parts: LeaseParts) {
    this.#ttlMs = ttlMs;
    this.#parts = parts;
    this.#arm();
  }

  /** Its keys as it wrote them. */
  entries(): readonly Entry[] {
    const own = [...this.#keys].filter(([key, entry]) => this.#parts.get(key) === entry);
    return own.flatMap(([, entry]) => entry ?? []);
  }

  async put(key: string, value: string): Promise<void> {
    this.#live();
    this.#parts.write([{ key, value }]);
    this.#keys.set(key, this.#parts.get(key));
  }

  async keepAlive(): Promise<void> {
    this.#live();
    this.#cancel();
    this.#arm();
  }

  async revoke(): Promise<void> {
    this.#cancel();
    this.#lapsed = true;
    const own = this.entries();
    this.#parts.ended();
    if (own.length > 0) this.#parts.write(own.map(({ key }) => ({ key, value: null })));
  }

  #arm(): void {
    this.#cancel = this.#parts.timers.after(this.#ttlMs, () => void this.revoke());
  }

  #live(): void {
    this.#parts.reach();
    if (this.#lapsed) throw new LeaseLapsed();
  }
}

function show(
  watcher: Watcher,
  { kind, revision, changes }: Extract<WatchEvent, { kind: 'changes' }>,
) {
  const seen = changes.filter(({ key }) => key.startsWith(watcher.prefix));
  if (seen.length === 0) return;
  watcher.events.push({ kind, revision, changes: seen });
  watcher.wake();
}
