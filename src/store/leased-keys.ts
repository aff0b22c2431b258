import { limits } from '../limits.ts';
import { compareKeys } from './key-order.ts';
import { type Change, type Entry, type Lease, LeaseLapsed } from './store.ts';

export interface LeasedKeysOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** The store's revision at this moment. */
  readonly revision: () => number;
  readonly publish: (changes: readonly Change[]) => void;
  /** Throws when the key may not be leased. */
  readonly check: (key: string) => void;
}

interface Held {
  readonly entry: Entry;
  readonly lease: HeldLease;
}

/** The leased keys of a one-process store: in memory only, gone with their lease or process. */
export class LeasedKeys {
  readonly #options: LeasedKeysOptions;
  readonly #held = new Map<string, Held>();
  /** The keys of #held in byte order. */
  readonly #order: string[] = [];
  readonly #leases = new Set<HeldLease>();
  /** No lease lapses before this. */
  #nextLapse = Number.POSITIVE_INFINITY;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: LeasedKeysOptions) {
    this.#options = options;
  }

  get(key: string): Entry | undefined {
    return this.#held.get(key)?.entry;
  }

  /** Entries from `start` on that have the prefix, in byte order. */
  range(prefix: string, start: string, limit = Number.POSITIVE_INFINITY): Entry[] {
    const entries: Entry[] = [];
    for (let at = this.#position(start); at < this.#order.length; at++) {
      const held = this.#held.get(this.#order[at] as string) as Held;
      if (entries.length >= limit || !held.entry.key.startsWith(prefix)) break;
      entries.push(held.entry);
    }
    return entries;
  }

  grant(ttlSeconds: number): Lease {
    const lease: HeldLease = {
      expiresAt: this.#options.now() + ttlSeconds * 1000,
      keys: new Set(),
      put: async (key, value) => {
        this.#demand(lease);
        this.#put(lease, key, value);
      },
      keepAlive: async () => {
        this.#demand(lease);
        lease.expiresAt = this.#options.now() + ttlSeconds * 1000;
      },
      revoke: async () => this.#end(lease),
    };
    this.#leases.add(lease);
    this.#nextLapse = Math.min(this.#nextLapse, lease.expiresAt);
    // Reads look for lapsed leases themselves; the timer is for those who watch.
    this.#sweeper ??= setInterval(() => this.sweep(), limits.leaseSweep).unref();
    return lease;
  }

  /** Ends every lease that has lapsed. */
  sweep(): void {
    const now = this.#options.now();
    if (now < this.#nextLapse) return;
    this.#nextLapse = Number.POSITIVE_INFINITY;
    for (const lease of this.#leases) {
      if (lease.expiresAt <= now) this.#end(lease);
      else this.#nextLapse = Math.min(this.#nextLapse, lease.expiresAt);
    }
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#leases.clear();
  }

  #demand(lease: HeldLease): void {
    if (lease.expiresAt <= this.#options.now()) this.#end(lease);
    if (!this.#leases.has(lease)) throw new LeaseLapsed();
  }

  #put(lease: HeldLease, key: string, value: string): void {
    const before = this.#held.get(key);
    if (before === undefined) {
      this.#options.check(key);
      this.#order.splice(this.#position(key), 0, key);
    }
    before?.lease.keys.delete(key);
    lease.keys.add(key);
    this.#held.set(key, { lease, entry: { key, value, revision: this.#options.revision() } });
    this.#options.publish([{ key, value }]);
  }

  #end(lease: HeldLease): void {
    this.#leases.delete(lease);
    if (lease.keys.size === 0) return;
    const changes = [...lease.keys].map((key) => ({ key, value: null }));
    for (const { key } of changes) {
      this.#held.delete(key);
      this.#order.splice(this.#position(key), 1);
    }
    lease.keys.clear();
    this.#options.publish(changes);
  }

  /** Index in #order of the first key that is not before `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.#order[middle] as string, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface HeldLease extends Lease {
  expiresAt: number;
  readonly keys: Set<string>;
}
