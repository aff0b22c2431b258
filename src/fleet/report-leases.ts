import { limits } from '../limits.ts';
import { type Lease, LeaseLapsed } from '../store/store.ts';
import type { Surroundings } from './follow.ts';

interface Holder {
  readonly lease: Lease;
  /** Key -> the text that stands in the store. */
  readonly written: Map<string, string>;
  renewedAt: number;
}

/**
 * Keys in the store that live as long as their owner goes on writing them: one lease per owner.
 * An unchanged value costs a renewal now and then, never a write.
 */
export class ReportLeases {
  readonly #surroundings: Surroundings;
  readonly #holders = new Map<string, Holder>();
  /** Owner -> its last write, so that one owner's writes stay in order. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * Makes the owner's keys hold `values` and extends their life.
   * @throws StoreUnavailable
   */
  put(owner: string, values: ReadonlyMap<string, string>): Promise<void> {
    const before = this.#tails.get(owner) ?? Promise.resolve();
    const tail = before.catch(notOurs).then(() => this.#putAgainIfLapsed(owner, values));
    this.#tails.set(owner, tail);
    const drop = () => {
      if (this.#tails.get(owner) === tail) this.#tails.delete(owner);
    };
    tail.then(drop, drop);
    return tail;
  }

  /** The keys have lapsed, or another process writes them now: the next put writes all. */
  forget(owner: string): void {
    this.#holders.delete(owner);
  }

  /** Deletes the owner's keys now, as far as this process writes them. */
  async end(owner: string): Promise<void> {
    await this.#tails.get(owner)?.catch(notOurs);
    const holder = this.#holders.get(owner);
    this.#holders.delete(owner);
    await holder?.lease.revoke();
  }

  async #putAgainIfLapsed(owner: string, values: ReadonlyMap<string, string>): Promise<void> {
    const holder = this.#holders.get(owner);
    if (holder !== undefined) {
      try {
        return await this.#write(holder, values);
      } catch (error) {
        if (!(error instanceof LeaseLapsed)) throw error;
        this.forget(owner);
      }
    }
    const fresh = {
      lease: await this.#surroundings.store.lease(limits.forwarderLeaseSeconds),
      written: new Map<string, string>(),
      renewedAt: this.#surroundings.now(),
    };
    this.#holders.set(owner, fresh);
    await this.#write(fresh, values);
  }

  async #write(holder: Holder, values: ReadonlyMap<string, string>): Promise<void> {
    for (const [key, value] of values) {
      if (holder.written.get(key) === value) continue;
      // A write that fails may have been done: until one is answered nothing is known of the key.
      holder.written.delete(key);
      await holder.lease.put(key, value);
      holder.written.set(key, value);
    }
    const now = this.#surroundings.now();
    if (Math.abs(now - holder.renewedAt) < limits.forwarderLeaseSeconds * 200) return;
    await holder.lease.keepAlive();
    holder.renewedAt = now;
  }
}

/** The one before has told its own caller. */
function notOurs(): void {}
