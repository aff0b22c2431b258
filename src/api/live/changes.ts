import { backOff, sleep, type Timers } from '../../clock.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Change, Store } from '../../store/store.ts';

/** What one commit did to a load balancer. */
export interface LoadBalancerChange extends Change {
  readonly site: string;
  readonly id: string;
  readonly revision: number;
}

/** `lost`: changes may have gone by unseen. It must do no more than note it. */
export type ChangeListener = (change: LoadBalancerChange | 'lost') => void;

/**
 * Tells of changes of load balancers as they are committed, by whichever control plane. One watch
 * of the store serves everybody here, and there is none while nobody listens.
 */
export class LoadBalancerChanges {
  readonly #store: Store;
  readonly #timers: Timers;
  /** By load balancer; `undefined` = of all. */
  readonly #listeners = new Map<string | undefined, Set<ChangeListener>>();
  #watch: { readonly abort: AbortController; readonly begun: Promise<void> } | undefined;

  constructor(store: Store, timers: Timers) {
    this.#store = store;
    this.#timers = timers;
  }

  /**
   * Calls `listener` for every commit from when this resolves until the returned function is
   * called.
   * @param id of one load balancer; undefined = all
   */
  async subscribe(id: string | undefined, listener: ChangeListener): Promise<() => void> {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    this.#watch ??= this.#begin();
    await this.#watch.begun;
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
      if (this.#listeners.size > 0) return;
      this.#watch?.abort.abort();
      this.#watch = undefined;
    };
  }

  #begin() {
    const abort = new AbortController();
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    abort.signal.addEventListener('abort', () => resolve());
    void this.#follow(abort.signal, resolve);
    return { abort, begun };
  }

  /** Follows the store until `signal` aborts, however often it is away. */
  async #follow(signal: AbortSignal, begun: () => void): Promise<void> {
    for (let failed = 0; !signal.aborted; failed++) {
      try {
        // The revision alone: those who listen read what they need.
        const { revision } = await this.#store.range(keys.allLoadBalancers, { limit: 1 });
        const events = this.#store.watch(keys.allLoadBalancers, revision, signal);
        if (failed > 0) this.#tellAll();
        begun();
        for await (const event of events) {
          if (event.kind === 'compacted') break;
          failed = 0;
          for (const change of event.changes) this.#tell(change, event.revision);
        }
      } catch {
        // The store is away, and says so itself to every call: this waits for it.
      }
      await sleep(this.#timers, backOff(failed, limits.followRetry, Math.random), signal);
    }
  }

  #tell(change: Change, revision: number): void {
    const [, site, id] = change.key.split('/');
    if (site === undefined || id === undefined) return;
    const told: LoadBalancerChange = { ...change, site, id, revision };
    for (const whom of [id, undefined]) {
      for (const listener of this.#listeners.get(whom) ?? []) listener(told);
    }
  }

  #tellAll(): void {
    for (const listeners of this.#listeners.values()) {
      for (const listener of listeners) listener('lost');
    }
  }
}
