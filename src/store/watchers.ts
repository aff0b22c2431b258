import { limits } from '../limits.ts';
import type { Change, WatchEvent } from './store.ts';

interface Commit {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** One reader of a watch: a bounded queue and whoever waits for it. */
class Subscription {
  readonly prefix: string;
  readonly #queue: WatchEvent[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  push(event: WatchEvent): void {
    if (this.#ended) return;
    if (this.#queue.length >= limits.storeWatchQueue) {
      // Too slow to be told everything: it is told to read again.
      this.#queue.length = 0;
      this.end({ kind: 'compacted', revision: event.revision });
      return;
    }
    this.#queue.push(event);
    this.#wake?.();
  }

  end(last?: WatchEvent): void {
    if (last !== undefined) this.#queue.push(last);
    this.#ended = true;
    this.#wake?.();
  }

  async *read(): AsyncIterable<WatchEvent> {
    for (;;) {
      for (const event of this.#queue.splice(0)) yield event;
      if (this.#queue.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}

/**
 * Who watches what, and the latest commits for those who resume. Each commit is shown to every
 * watcher of a key in it, whole and in order.
 */
export class Watchers {
  readonly #history: Commit[] = [];
  readonly #subscriptions = new Set<Subscription>();
  /** The last revision that is no longer (or never was) in the history. */
  #forgotten: number;

  constructor(revision: number) {
    this.#forgotten = revision;
  }

  /** A commit of the durable history. */
  committed(revision: number, changes: readonly Change[]): void {
    this.#history.push({ revision, changes });
    if (this.#history.length > 2 * limits.watchHistory) {
      const dropped = this.#history.splice(0, limits.watchHistory);
      this.#forgotten = dropped.at(-1)!.revision;
    }
    this.show(revision, changes);
  }

  /** A change that watchers see but that is no history (leased keys). */
  show(revision: number, changes: readonly Change[]): void {
    for (const subscription of this.#subscriptions) {
      const event = under(subscription.prefix, revision, changes);
      if (event !== undefined) subscription.push(event);
    }
  }

  /**
   * Everything under `prefix` after a revision, until `signal` aborts.
   * @param standing leased keys that exist now, shown first
   */
  async *watch(
    prefix: string,
    afterRevision: number,
    standing: WatchEvent | undefined,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    if (signal.aborted) return;
    if (afterRevision < this.#forgotten) {
      yield { kind: 'compacted', revision: this.#forgotten };
      return;
    }
    const subscription = new Subscription(prefix);
    for (const { revision, changes } of this.#history) {
      const event = revision > afterRevision ? under(prefix, revision, changes) : undefined;
      if (event !== undefined) subscription.push(event);
    }
    if (standing !== undefined) subscription.push(standing);
    this.#subscriptions.add(subscription);
    const stop = () => subscription.end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const event of subscription.read()) {
        if (signal.aborted) return;
        yield event;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#subscriptions.delete(subscription);
    }
  }

  /** Ends every watch. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.end();
  }
}

function under(
  prefix: string,
  revision: number,
  changes: readonly Change[],
): WatchEvent | undefined {
  const seen = changes.filter(({ key }) => key.startsWith(prefix));
  return seen.length === 0 ? undefined : { kind: 'changes', revision, changes: seen };
}
