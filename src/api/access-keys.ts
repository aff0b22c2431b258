import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../limits.ts';
import { forwarderSeal, type Seal } from '../sealing.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { Caller, Reseal } from './call.ts';

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

/** Ids that the view looks up: what cannot be one costs no trip to the store. */
const idForm = /^[\w.-]{1,128}$/;

/**
 * Access keys of the store, opened. A local view that a watch keeps true, so that proving a
 * signature costs no trip to the store; an id that it lacks is looked up there.
 */
export class AccessKeys {
  readonly #store: Store;
  readonly #seal: Seal;
  readonly #onFault: (error: unknown, key: string) => void;
  readonly #known = new Map<string, AccessKey>();
  readonly #stop = new AbortController();

  private constructor(store: Store, seal: Seal, onFault: (error: unknown, key: string) => void) {
    this.#store = store;
    this.#seal = seal;
    this.#onFault = onFault;
  }

  /**
   * Reads every key and follows their changes until closed.
   * @param onFault told of a record that cannot be read; its key then counts as absent
   * @throws StoreUnavailable
   */
  static async open(
    store: Store,
    seal: Seal,
    onFault: (error: unknown, key: string) => void,
  ): Promise<AccessKeys> {
    const view = new AccessKeys(store, seal, onFault);
    const revision = await view.#load();
    void view.#follow(revision);
    return view;
  }

  /**
   * What the store has is not kept here: the watch alone writes the view, so that a key deleted
   * meanwhile cannot come back.
   * @throws StoreUnavailable for an id that the view lacks while the store is away
   */
  async find(id: string): Promise<AccessKey | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined || !idForm.test(id)) return known;
    const entry = await this.#store.get(keys.accessKey(id));
    return entry === undefined ? undefined : this.#read(entry.key, entry.value);
  }

  /**
   * What seals secrets of the store anew, for the holder of an access key alone.
   * @throws Error when the key is gone; StoreUnavailable as `find`
   */
  async resealFor(id: string): Promise<Reseal> {
    const key = await this.find(id);
    if (key === undefined) throw new Error(`the access key ${id} is gone`);
    const own = forwarderSeal({ accessKeyId: id, accessKeySecret: key.secret });
    return (sealed, context) => own.seal(this.#seal.open(sealed, context), context);
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
      } catch {
        // The store is away, and says so itself to every call. What is known stays in use.
      }
      revision = undefined;
      await delay(limits.storeRetry, undefined, { ref: false, signal }).catch(() => {
        // Closed meanwhile: the loop ends.
      });
    }
  }

  #learn(key: string, value: string | null): void {
    const record = value === null ? undefined : this.#read(key, value);
    const id = key.slice(keys.accessKey('').length);
    if (record === undefined) this.#known.delete(id);
    else this.#known.set(id, record);
  }

  #read(key: string, value: string): AccessKey | undefined {
    try {
      const record = JSON.parse(value) as AccessKeyRecord;
      return { ...record, secret: this.#seal.open(record.secret, key) };
    } catch (error) {
      this.#onFault(error, key);
      return undefined;
    }
  }
}
