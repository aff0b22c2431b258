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
  /** The audit record that commits with what the rule returned. */
  audit(before: LoadBalancer, change: LoadBalancerChange): Write;
}

export interface Granted {
  readonly before: LoadBalancer;
  readonly change: LoadBalancerChange;
  /** Of the load balancer: unchanged when the rule changed nothing. */
  readonly revision: number;
}

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
      const { verdicts, after, audits } = judge(batch, before, entry.revision);
      const puts = after === before ? audits : [{ key, value: JSON.stringify(after) }, ...audits];
      const outcome =
        puts.length === 0
          ? { committed: true as const, revision: entry.revision }
          : await this.#store.commit({
              ifRevision: new Map([[key, entry.revision]]),
              puts,
              deletes: useChanges(before, after).ended,
            });
      if (!outcome.committed) continue;
      const revision = after === before ? entry.revision : outcome.revision;
      for (const verdict of verdicts) settle(verdict, revision);
      return verdicts.length;
    }
    throw new Refusal('OperationConflict');
  }
}

/** Runs each wish on what the one before it left, until a commit is as large as one may be. */
function judge(batch: readonly Waiter[], before: LoadBalancer, revision: number) {
  let after = before;
  let bytes = 0;
  const audits: Write[] = [];
  const verdicts: Verdict[] = [];
  for (const waiter of batch) {
    if (bytes > limits.foldedBytes) break;
    const { wish } = waiter;
    try {
      if (wish.ifRevision !== undefined && (wish.ifRevision !== revision || after !== before)) {
        throw new Refusal('OperationConflict');
      }
      const current = after;
      const change = wish.rule(current);
      const audit = wish.audit(current, change);
      audits.push(audit);
      bytes += audit.value.length;
      after = change.next;
      verdicts.push({ waiter, before: current, change });
    } catch (refused) {
      verdicts.push({ waiter, refused });
    }
  }
  return { verdicts, after, audits };
}

function settle(verdict: Verdict, revision: number): void {
  if ('refused' in verdict) verdict.waiter.reject(verdict.refused);
  else verdict.waiter.resolve({ before: verdict.before, change: verdict.change, revision });
}
