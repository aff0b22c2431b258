import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './call.ts';
import type { Seal } from './seal.ts';

/** An access key as the store holds it; `secret` is sealed under the record's key. */
export interface AccessKeyRecord {
  readonly v: 1;
  readonly id: string;
  readonly account: string;
  readonly principal: Caller['principal'];
  readonly secret: string;
  readonly status: 'Active' | 'Inactive';
  readonly createTime: string;
}

/** An access key with its secret in clear, in memory only. */
export interface AccessKey extends Omit<AccessKeyRecord, 'secret'> {
  readonly secret: string;
}

/**
 * Access keys of the store, opened. A local view that a watch keeps true, so that proving a
 * signature costs no trip to the store; an id that it lacks is looked up once more there.
 */
export class AccessKeys {
  readonly #store: Store;
  readonly #seal: Seal;
  readonly #known = new Map<string, AccessKey>();
  readonly #stop = new AbortController();

  private constructor(store: Store, seal: Seal) {
    this.#store = store;
    this.#seal = seal;
  }

  /** Reads every key and follows their changes until closed. */
  static async open(store: Store, seal: Seal): Promise<AccessKeys> {
    const view = new AccessKeys(store, seal);
    const revision = await view.#load();
    void view.#follow(revision);
    return view;
  }

  async find(id: string): Promise<AccessKey | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const entry = await this.#store.get(keys.accessKey(id));
    if (entry !== undefined) this.#learn(entry.key, entry.value);
    return this.#known.get(id);
  }

  close(): void {
    this.#stop.abort();
  }

  async #load(): Promise<number> {
    const { entries, revision } = await this.#store.range(keys.accessKey(''));
    this.#known.clear();
    for (const { key, value } of entries) this.#learn(key, value);
    return revision;
  }

  /** Follows the store for as long as the view lives; after a gap it reads everything again. */
  async #follow(from: number): Promise<void> {
    const { signal } = this.#stop;
    let revision: number | undefined = from;
    while (!signal.aborted) {
      try {
        revision ??= await this.#load();
        for await (const event of this.#store.watch(keys.accessKey(''), revision, signal)) {
          if (event.kind === 'compacted') break;
          for (const { key, value } of event.changes) this.#learn(key, value);
        }
      } catch (error) {
        if (signal.aborted) return;
        // The store is away: what is known stays in use until it can be read again.
        void error;
        await delay(limits.storeRetry, undefined, { ref: false });
      }
      revision = undefined;
    }
  }

  #learn(key: string, value: string | null): void {
    if (value === null) {
      this.#known.delete(key.slice(keys.accessKey('').length));
      return;
    }
    const record = JSON.parse(value) as AccessKeyRecord;
    this.#known.set(record.id, { ...record, secret: this.#seal.open(record.secret, key) });
  }
}
