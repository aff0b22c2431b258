import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../limits.ts';
import type { Store } from '../store/store.ts';

/** What is made of the records: told of each in the order of their commits; null = deleted. */
export interface Learner {
  readonly prefix: string;
  learn(key: string, value: string | null): void;
  /** Everything follows anew: what was learned before is forgotten. */
  clear(): void;
}

/** Keeps a local view of the records under a prefix true by a watch, for as long as it lives. */
export class WatchedView {
  readonly #store: Store;
  readonly #learner: Learner;
  readonly #stop = new AbortController();
  #revision = 0;
  #waiting: { readonly revision: number; readonly resolve: () => void }[] = [];

  private constructor(store: Store, learner: Learner) {
    this.#store = store;
    this.#learner = learner;
  }

  /**
   * Reads every record and follows their changes until closed.
   * @throws StoreUnavailable
   */
  static async open(store: Store, learner: Learner): Promise<WatchedView> {
    const view = new WatchedView(store, learner);
    const revision = await view.#load();
    void view.#follow(revision);
    return view;
  }

  /**
   * Resolves once the view has a commit of its records; without the store to tell of it, after
   * a bounded time all the same, since the commit itself stands.
   */
  async reached(revision: number): Promise<void> {
    if (this.#revision >= revision) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ revision, resolve });
    const timer = setTimeout(resolve, limits.viewBehind);
    await promise;
    clearTimeout(timer);
  }

  close(): void {
    this.#stop.abort();
  }

  async #load(): Promise<number> {
    const { prefix } = this.#learner;
    const { entries, revision } = await this.#store.range(prefix);
    this.#learner.clear();
    for (const { key, value } of entries) this.#learner.learn(key, value);
    this.#reach(revision);
    return revision;
  }

  /** Follows the store for as long as the view lives; after a gap it reads everything again. */
  async #follow(from: number): Promise<void> {
    const { signal } = this.#stop;
    const { prefix } = this.#learner;
    let revision: number | undefined = from;
    while (!signal.aborted) {
      try {
        revision ??= await this.#load();
        for await (const event of this.#store.watch(prefix, revision, signal)) {
          if (event.kind === 'compacted') break;
          for (const { key, value } of event.changes) this.#learner.learn(key, value);
          this.#reach(event.revision);
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

  #reach(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
    const reached = this.#waiting.filter((each) => each.revision <= this.#revision);
    this.#waiting = this.#waiting.filter((each) => each.revision > this.#revision);
    for (const { resolve } of reached) resolve();
  }
}
