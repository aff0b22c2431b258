import { limits } from '../../src/limits.ts';
import {
  type Commit,
  type CommitResult,
  type Entry,
  type Lease,
  type Range,
  type RangeOptions,
  type Store,
  StoreUnavailable,
  type WatchEvent,
} from '../../src/store/store.ts';
import type { Life } from './life.ts';
import type { Way } from './way.ts';

interface Parts {
  readonly life: Life;
  readonly toStore: Way;
  readonly random: () => number;
  /** It is part of the process: there is no way between them, only the disk under it. */
  readonly ownStore: boolean;
}

/**
 * A store as one process reaches it: requests take a while, are never answered to a process that
 * has ended, fail when the way is cut, and are carried out all the same when they had been sent.
 */
export class ReachedStore implements Store {
  readonly #store: Store;
  readonly #parts: Parts;

  constructor(store: Store, parts: Parts) {
    this.#store = store;
    this.#parts = parts;
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#request(() => this.#store.get(key));
  }

  range(prefix: string, options?: RangeOptions): Promise<Range> {
    return this.#request(() => this.#store.range(prefix, options));
  }

  commit(commit: Commit): Promise<CommitResult> {
    return this.#request(async () => {
      // The disk under it, or an election.
      if (this.#parts.random() < 0.5) await this.#parts.toStore.pass();
      return this.#store.commit(commit);
    });
  }

  async *watch(
    prefix: string,
    afterRevision: number,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    const { life } = this.#parts;
    await this.#sent();
    const end = AbortSignal.any([signal, life.end]);
    for await (const event of this.#store.watch(prefix, afterRevision, end)) {
      await this.#arrived(limits.etcdWatchSilence);
      if (signal.aborted) return;
      yield event;
    }
    await life.taken();
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    const lease = await this.#request(() => this.#store.lease(ttlSeconds));
    return {
      put: (key, value) => this.#request(() => lease.put(key, value)),
      keepAlive: () => this.#request(() => lease.keepAlive()),
      revoke: () => this.#request(() => lease.revoke()),
    };
  }

  async close(): Promise<void> {}

  async #request<T>(run: () => Promise<T>): Promise<T> {
    await this.#sent();
    let outcome: { readonly value: T } | { readonly error: unknown };
    try {
      outcome = { value: await run() };
    } catch (error) {
      outcome = { error };
    }
    await this.#arrived(limits.etcdPatience);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** A request is on its way; some take no time that could be seen. */
  async #sent(): Promise<void> {
    const { toStore, random, ownStore } = this.#parts;
    if (toStore.cut) {
      await this.#patience(limits.etcdPatience);
      throw new StoreUnavailable('the store is out of reach', 'nothing-changed');
    }
    if (!ownStore && random() < 0.3) await toStore.pass();
  }

  /** An answer or an event comes back, unless the way is cut for longer than `patienceMs`. */
  async #arrived(patienceMs: number): Promise<void> {
    const { toStore, life, random, ownStore } = this.#parts;
    if (toStore.cut) {
      const came = await Promise.race([
        toStore.pass().then(() => true),
        this.#patience(patienceMs).then(() => false),
      ]);
      if (!came) throw new StoreUnavailable('no answer of the store', 'unknown');
    } else if (!ownStore && random() < 0.1) {
      await toStore.pass();
    }
    await life.taken();
  }

  #patience(ms: number): Promise<void> {
    return new Promise((resolve) => this.#parts.life.timers.after(ms, resolve));
  }
}
