import { Refusal } from '../elb/refusal.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { limits } from '../limits.ts';
import { parseRecord } from '../store/records.ts';
import type { Store, Write } from '../store/store.ts';
import type { LoadBalancerChange } from './call.ts';
import { useChanges } from './certificate-uses.ts';

/** One call's wish for a load balancer. */
export interface Wish {
  /** The revision the caller insists on. */
  readonly ifRevision?: number;
  /** Pure: may run again on a newer value when another commit came between. */
  rule(current: LoadBalancer): LoadBalancerChange;
  /** Key -> revision of other records that the rule rests on; 0 = absent. */
  readonly grounds: ReadonlyMap<string, number>;
  /** Other records to write along. */
  readonly puts: readonly Write[];
  /** The audit record that commits with what the rule returned. */
  audit(before: LoadBalancer, change: LoadBalancerChange): Write;
}

export interface Granted {
  readonly before: LoadBalancer;
  readonly change: LoadBalancerChange;
  /** Of the load balancer: unchanged when the rule changed nothing. */
  readonly revision: number;
}

/** A record that a wish rests on is not as it was: its caller looks again. */
export class GroundsChanged extends Error {}

interface Waiter {
  readonly wish: Wish;
  resolve(granted: Granted): void;
  reject(reason: unknown): void;
}

type Verdict = { readonly waiter: Waiter } & (
  | { readonly before: LoadBalancer; readonly change: LoadBalancerChange }
  | { readonly refused: unknown }
);

/**
 * Changes of load balancers without a lock between requests: calls that arrive for one load
 * balancer while a commit of it is under way are applied one after the other in memory and
 * commit together, each with its audit record. What one call is refused does not touch the others.
 */
export class LoadBalancerFold {
  readonly #store: Store;
  readonly #waiting = new Map<string, Waiter[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Applies a wish to the load balancer stored under `key`.
   * @throws Refusal LoadBalancerNotFound, OperationConflict (ifRevision, or too many lost races),
   *   whatever the rule throws, and StoreUnavailable
   */
  change(key: string, wish: Wish): Promise<Granted> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { wish, resolve, reject };
      const queue = this.#waiting.get(key);
      if (queue !== undefined) {
        queue.push(waiter);
        return;
      }
      const fresh = [waiter];
      this.#waiting.set(key, fresh);
      void this.#drain(key, fresh);
    });
  }

  async #drain(key: string, queue: Waiter[]): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.splice(0, limits.foldedCalls);
      try {
        queue.unshift(...batch.slice(await this.#commit(key, batch)));
      } catch (error) {
        for (const waiter of batch) waiter.reject(error);
      }
    }
    this.#waiting.delete(key);
  }

  /**
   * Commits as much of a batch as fits one commit, or throws and nothing of it is changed.
   * @returns how many of it were settled, at least one
   */
  async #commit(key: string, batch: readonly Waiter[]): Promise<number> {
    for (let attempt = 0; attempt <= limits.commitRetries; attempt++) {
      const entry = await this.#store.get(key);
      if (entry === undefined) throw new Refusal('LoadBalancerNotFound');
      const before = parseRecord<LoadBalancer>(entry).value;
      const isStale = attempt === 0 ? () => false : await this.#staleness(batch);
      const judged = judge(batch, before, entry.revision, isStale);
      const { verdicts, after, writes } = judged;
      const uses = useChanges(before, after);
      const own = after === before ? [] : [{ key, value: JSON.stringify(after) }, ...uses.puts];
      const puts = [...own, ...writes];
      const outcome =
        puts.length === 0
          ? { committed: true as const, revision: entry.revision }
          : await this.#store.commit({
              ifRevision: new Map([...judged.grounds, [key, entry.revision]]),
              puts,
              deletes: uses.deletes,
            });
      if (!outcome.committed) continue;
      const revision = after === before ? entry.revision : outcome.revision;
      for (const verdict of verdicts) settle(verdict, revision);
      return verdicts.length;
    }
    throw new Refusal('OperationConflict');
  }

  /** Tells of each wish whether what it rests on has changed. */
  async #staleness(batch: readonly Waiter[]): Promise<(wish: Wish) => boolean> {
    const found = new Map<string, number>();
    for (const key of new Set(batch.flatMap(({ wish }) => [...wish.grounds.keys()]))) {
      found.set(key, (await this.#store.get(key))?.revision ?? 0);
    }
    return ({ grounds }) => [...grounds].some(([key, revision]) => found.get(key) !== revision);
  }
}

/** Runs each wish on what the one before it left, until a commit is as large as one may be. */
function judge(
  batch: readonly Waiter[],
  before: LoadBalancer,
  revision: number,
  isStale: (wish: Wish) => boolean,
) {
  let after = before;
  let bytes = 0;
  const audits: Write[] = [];
  const grounds = new Map<string, number>();
  const along = new Map<string, Write>();
  const verdicts: Verdict[] = [];
  for (const waiter of batch) {
    const { wish } = waiter;
    const uses = useChanges(before, after);
    const indexed = uses.puts.length + uses.deletes.length;
    // With the load balancer, the audit record, and a use of a certificate begun and one ended.
    const written = audits.length + along.size + indexed + wish.puts.length + 4;
    const checked = grounds.size + wish.grounds.size + 1;
    if (bytes > limits.foldedBytes || Math.max(written, checked) > limits.commitKeys) break;
    try {
      const differs = ([key, seen]: [string, number]) => (grounds.get(key) ?? seen) !== seen;
      if (isStale(wish) || [...wish.grounds].some(differs)) throw new GroundsChanged();
      if (wish.ifRevision !== undefined && (wish.ifRevision !== revision || after !== before)) {
        throw new Refusal('OperationConflict');
      }
      const current = after;
      const change = wish.rule(current);
      const audit = wish.audit(current, change);
      audits.push(audit);
      bytes += Buffer.byteLength(audit.value);
      for (const [key, seen] of wish.grounds) grounds.set(key, seen);
      for (const write of wish.puts) along.set(write.key, write);
      after = change.next;
      verdicts.push({ waiter, before: current, change });
    } catch (refused) {
      verdicts.push({ waiter, refused });
    }
  }
  return { verdicts, after, grounds, writes: [...along.values(), ...audits] };
}

function settle(verdict: Verdict, revision: number): void {
  if ('refused' in verdict) verdict.waiter.reject(verdict.refused);
  else verdict.waiter.resolve({ before: verdict.before, change: verdict.change, revision });
}
