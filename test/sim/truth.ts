import type { LoadBalancer } from '../../src/elb/types.ts';
import { keys } from '../../src/store/keys.ts';
import type { MemoryStore } from '../support/memory-store.ts';

/** A load balancer as the store should have it. */
export interface Record {
  readonly key: string;
  /** The revision of what is there now; 0 = nothing. */
  readonly revision: number;
  readonly loadBalancer: LoadBalancer;
  /** What is there is not what a call has made. */
  readonly isDamaged: boolean;
}

interface Damage {
  readonly good: LoadBalancer;
  /** Of the write that did it; undefined = the record has vanished. */
  readonly revision: number | undefined;
}

/** The load balancers as calls have made them, whatever else has happened to the store since. */
export class Truth {
  readonly #store: MemoryStore;
  readonly #damages = new Map<string, Damage>();

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  records(): readonly Record[] {
    const entries = this.#store.inspect(keys.allLoadBalancers);
    const there = new Map(entries.map((entry) => [entry.key, entry]));
    // A call has mended what is no longer as the damage left it.
    for (const [key, { revision }] of this.#damages) {
      if (there.get(key)?.revision !== revision) this.#damages.delete(key);
    }
    const vanished = [...this.#damages.keys()].filter((key) => !there.has(key));
    return [...there.keys(), ...vanished].map((key) => {
      const entry = there.get(key);
      const good = this.#damages.get(key)?.good;
      return {
        key,
        revision: entry?.revision ?? 0,
        loadBalancer: good ?? (JSON.parse(entry!.value) as LoadBalancer),
        isDamaged: good !== undefined,
      };
    });
  }

  /** Makes the store hold what no call has made: an empty pool, or nothing at all. */
  async damage({ key, loadBalancer }: Record, vanishes: boolean): Promise<void> {
    const { emptiedBy: _, ...rest } = loadBalancer;
    const value = JSON.stringify({ ...rest, backends: [] });
    const [puts, deletes] = vanishes ? [[], [key]] : [[{ key, value }], []];
    await this.#store.commit({ ifRevision: new Map(), puts, deletes });
    const [entry] = this.#store.inspect(key).filter((each) => each.key === key);
    this.#damages.set(key, { good: loadBalancer, revision: entry?.revision });
  }

  /** Puts back all that was damaged. */
  async repair(): Promise<void> {
    for (const { key, loadBalancer, isDamaged } of this.records()) {
      if (!isDamaged) continue;
      const puts = [{ key, value: JSON.stringify(loadBalancer) }];
      await this.#store.commit({ ifRevision: new Map(), puts, deletes: [] });
    }
  }
}
