import { limits } from '../limits.ts';
import type { Change, StoreUnavailable, WatchEvent } from './store.ts';

type Changes = Extract<WatchEvent, { kind: 'changes' }>;

export interface WatchHubOptions {
  /** The revision the store stands at; older ones cannot be resumed from. */
  readonly revision: number;
  /** The leased keys under a prefix as they stand: a watch begins with them. */
  readonly leased: (prefix: string) => readonly Change[];
}

/**
 * Watches over commits of this process: keeps the last of them, so that a watch resumes without a
 * gap, and hands each new one to every watch whose prefix it touches.
 */
export class WatchHub {
  readonly #leased: (prefix: string) => readonly Change[];
  readonly #watchers = new Set<Watcher>();
  /** Revision -> what its commit changed; revisions have no gaps. */
  readonly #history = new Map<number, Changes>();
  #historyChars = 0;
  /** Every revision above this one is in the history. */
  #forgotten: number;
  #revision: number;
  #lost: StoreUnavailable | undefined;

  constructor({ revision, leased }: WatchHubOptions) {
    this.#revision = revision;
    this.#forgotten = revision;
    this.#leased = leased;
  }

  /** Of the last commit that was published. */
  get revision(): number {
    return this.#revision;
  }

  /** Takes the next commit; its revision is one above the last. */
  publish(revision: number, changes: readonly Change[]): void {
    const event: Changes = { kind: 'changes', revision, changes };
    this.#revision = revision;
    this.#history.set(revision, event);
    this.#historyChars += valueChars(changes);
    while (this.#isHistoryTooLong()) this.#forgetOldest();
    for (const watcher of this.#watchers) watcher.offer(event);
  }

  /** Tells of leased keys; they leave no trace in the history. */
  publishLeased(changes: readonly Change[]): void {
    for (const watcher of this.#watchers) watcher.offerLeased(this.#revision, changes);
  }

  /** Ends all watches, present and future, with this error. */
  fail(error: StoreUnavailable): void {
    this.#lost = error;
    for (const watcher of this.#watchers) watcher.wake();
  }

  /** See Store.watch. */
  async *watch(
    prefix: string,
    afterRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent, void, undefined> {
    if (afterRevision < this.#forgotten) {
      yield { kind: 'compacted', revision: this.#forgotten };
      return;
    }
    const watcher = this.#open(prefix, afterRevision);
    const wake = () => watcher.wake();
    signal.addEventListener('abort', wake);
    this.#watchers.add(watcher);
    try {
      while (!signal.aborted) {
        if (this.#lost !== undefined) throw this.#lost;
        if (watcher.overflowed) {
          yield { kind: 'compacted', revision: this.#revision };
          return;
        }
        const event = watcher.take();
        if (event !== undefined) yield event;
        else await watcher.woken();
      }
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', wake);
    }
  }

  #open(prefix: string, afterRevision: number): Watcher {
    const watcher = new Watcher(prefix, afterRevision);
    for (let revision = afterRevision + 1; revision <= this.#revision; revision++) {
      watcher.offer(this.#history.get(revision) as Changes);
    }
    watcher.offerLeased(this.#revision, this.#leased(prefix));
    return watcher;
  }

  #isHistoryTooLong(): boolean {
    return (
      this.#history.size > limits.watchHistory || this.#historyChars > limits.watchHistoryChars
    );
  }

  #forgetOldest(): void {
    this.#forgotten += 1;
    this.#historyChars -= valueChars(this.#history.get(this.#forgotten)?.changes ?? []);
    this.#history.delete(this.#forgotten);
  }
}

/** What one watch has not yet taken. */
class Watcher {
  readonly #prefix: string;
  #queue: Changes[] = [];
  #taken = 0;
  #queuedChars = 0;
  #lastRevision: number;
  #wake: (() => void) | undefined;
  /** It fell too far behind to be told everything. */
  overflowed = false;

  constructor(prefix: string, afterRevision: number) {
    this.#prefix = prefix;
    this.#lastRevision = afterRevision;
  }

  /** Queues what a commit did under the prefix, if anything and not known already. */
  offer({ revision, changes }: Changes): void {
    // A range may have seen a commit that is published only now.
    if (revision > this.#lastRevision) this.#queueChanges(revision, changes);
  }

  /** Queues what happened to leased keys under the prefix; they have no revision of their own. */
  offerLeased(revision: number, changes: readonly Change[]): void {
    this.#queueChanges(Math.max(this.#lastRevision, revision), changes);
  }

  take(): Changes | undefined {
    const event = this.#queue[this.#taken];
    if (event === undefined) {
      this.#queue = [];
      this.#taken = 0;
      return undefined;
    }
    this.#taken += 1;
    this.#queuedChars -= valueChars(event.changes);
    return event;
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Resolves at the next wake. */
  woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #queueChanges(revision: number, all: readonly Change[]): void {
    const changes = all.filter(({ key }) => key.startsWith(this.#prefix));
    if (this.overflowed || changes.length === 0) return;
    this.#lastRevision = revision;
    this.#queue.push({ kind: 'changes', revision, changes });
    this.#queuedChars += valueChars(changes);
    if (this.#isTooFarBehind()) {
      this.overflowed = true;
      this.#queue = [];
    }
    this.wake();
  }

  #isTooFarBehind(): boolean {
    const queued = this.#queue.length - this.#taken;
    return queued > limits.watchQueue || this.#queuedChars > limits.watchQueueChars;
  }
}

function valueChars(changes: readonly Change[]): number {
  return changes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
}
