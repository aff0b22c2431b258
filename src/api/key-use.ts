import { limits } from '../limits.ts';
import { isoSeconds } from '../signing.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';

/** When an access key was last used, to within an hour. */
export interface KeyUseRecord {
  readonly v: 1;
  readonly time: string;
}

/** Notes when access keys are used: in memory, and in the store once an hour for each key. */
export class KeyUse {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #onFault: (error: unknown, key: string) => void;
  readonly #written = new Map<string, number>();

  /** @param now Unix milliseconds */
  constructor(store: Store, now: () => number, onFault: (error: unknown, key: string) => void) {
    this.#store = store;
    this.#now = now;
    this.#onFault = onFault;
  }

  /** Never waits and never fails: a call does not depend on its being noted. */
  note(id: string): void {
    const now = this.#now();
    if (now - (this.#written.get(id) ?? 0) < limits.keyUse) return;
    if (this.#written.size >= limits.rememberedIds) this.#written.clear();
    this.#written.set(id, now);
    this.#write(id, now).catch((error) => this.#onFault(error, keys.accessKeyUse(id)));
  }

  async #write(id: string, now: number): Promise<void> {
    const key = keys.accessKey(id);
    const owner = await this.#store.get(key);
    if (owner === undefined) return;
    const record: KeyUseRecord = { v: 1, time: isoSeconds(now) };
    await this.#store.commit({
      // A key that is deleted meanwhile leaves nothing behind.
      ifRevision: new Map([[key, owner.revision]]),
      puts: [{ key: keys.accessKeyUse(id), value: JSON.stringify(record) }],
      deletes: [],
    });
  }
}
