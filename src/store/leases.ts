import type { Change, Entry, Lease } from './store.ts';

interface Held {
  readonly value: string;
  readonly revision: number;
  readonly lease: MemoryLease;
}

/**
 * Leased keys of the SQLite store: in memory, since a report of a forwarder is worth no fsync and
 * nothing after a restart. A key expires when its lease is not renewed in time.
 */
export class Leases {
  readonly #held = new Map<string, Held>();
  readonly #now: () => number;
  readonly #revision: () => number;
  readonly #show: (changes: readonly Change[]) => void;

  constructor(options: {
    readonly now: () => number;
    readonly revision: () => number;
    /** Shows a change to watchers. */
    readonly show: (changes: readonly Change[]) => void;
  }) {
    this.#now = options.now;
    this.#revision = options.revision;
    this.#show = options.show;
  }

  grant(ttlSeconds: number): Lease {
    return new MemoryLease(this, ttlSeconds * 1000, this.#now);
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  get(key: string): Entry | undefined {
    const held = this.#held.get(key);
    return held === undefined ? undefined : { key, value: held.value, revision: held.revision };
  }

  /** Living keys under a prefix, in no particular order. */
  under(prefix: string): Entry[] {
    return [...this.#held]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { value, revision }]) => ({ key, value, revision }));
  }

  put(lease: MemoryLease, key: string, value: string): void {
    this.#held.set(key, { value, revision: this.#revision(), lease });
    this.#show([{ key, value }]);
  }

  /** Deletes every key of a lease. */
  drop(lease: MemoryLease): void {
    const gone = [...this.#held].filter(([, held]) => held.lease === lease).map(([key]) => key);
    for (const key of gone) this.#held.delete(key);
    if (gone.length > 0) this.#show(gone.map((key) => ({ key, value: null })));
  }
}

class MemoryLease implements Lease {
  readonly #leases: Leases;
  readonly #ttlMs: number;
  readonly #now: () => number;
  #deadline: number;
  #timer: NodeJS.Timeout;

  constructor(leases: Leases, ttlMs: number, now: () => number) {
    this.#leases = leases;
    this.#ttlMs = ttlMs;
    this.#now = now;
    this.#deadline = now() + ttlMs;
    this.#timer = this.#arm(ttlMs);
  }

  async put(key: string, value: string): Promise<void> {
    this.#alive();
    this.#leases.put(this, key, value);
  }

  async keepAlive(): Promise<void> {
    this.#alive();
    this.#deadline = this.#now() + this.#ttlMs;
  }

  async revoke(): Promise<void> {
    this.#deadline = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#timer);
    this.#leases.drop(this);
  }

  #alive(): void {
    if (this.#now() >= this.#deadline) throw new Error('the lease has lapsed');
  }

  /** Renewals only move the deadline; the timer looks again when it fires. */
  #arm(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      const left = this.#deadline - this.#now();
      if (left > 0) this.#timer = this.#arm(left);
      else this.#leases.drop(this);
    }, ms);
    return timer.unref();
  }
}
