import { forwarderSeal, type Seal } from '../sealing.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { Principal, Reseal } from './call.ts';
import { WatchedView } from './watched-view.ts';

/** An access key as the store holds it; `secret` is sealed under the record's key. */
export interface AccessKeyRecord {
  readonly v: 1;
  readonly id: string;
  readonly account: string;
  /** Whose it is: a user by its id alone, since names change. */
  readonly principal:
    | Extract<Principal, { kind: 'root' | 'forwarder' }>
    | { readonly kind: 'user'; readonly id: string };
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
  #view: WatchedView | undefined;

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
    const opened = new AccessKeys(store, seal, onFault);
    opened.#view = await WatchedView.open(store, {
      prefix: keys.allAccessKeys,
      learn: (key, value) => opened.#learn(key, value),
      clear: () => opened.#known.clear(),
    });
    return opened;
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

  /** Resolves once the view has the commit with this revision (see WatchedView). */
  async reached(revision: number): Promise<void> {
    await this.#view?.reached(revision);
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
    this.#view?.close();
  }

  #learn(key: string, value: string | null): void {
    const record = value === null ? undefined : this.#read(key, value);
    const id = key.slice(keys.allAccessKeys.length);
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
