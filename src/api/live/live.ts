import type { Timers } from '../../clock.ts';
import { limits } from '../../limits.ts';
import type { Store } from '../../store/store.ts';
import { ApiError } from '../errors.ts';
import { LoadBalancerChanges } from './changes.ts';

/** What the streams of watchers share on one control plane. */
export class Live {
  readonly timers: Timers;
  readonly changes: LoadBalancerChanges;
  /** Account -> its open streams. */
  readonly #streams = new Map<string, number>();

  constructor(store: Store, timers: Timers) {
    this.timers = timers;
    this.changes = new LoadBalancerChanges(store, timers);
  }

  /**
   * Counts a stream of an account until the returned function is called.
   * @throws ApiError Throttling.User when it has too many
   */
  enter(account: string): () => void {
    const open = this.#streams.get(account) ?? 0;
    if (open >= limits.liveStreams) {
      const detail = `the account watches by ${open} streams already`;
      throw new ApiError('Throttling.User', { detail });
    }
    this.#streams.set(account, open + 1);
    return () => {
      const left = (this.#streams.get(account) ?? 1) - 1;
      if (left > 0) this.#streams.set(account, left);
      else this.#streams.delete(account);
    };
  }
}
