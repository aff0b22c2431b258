import { limits } from '../../limits.ts';
import { bindProblem } from '../bind-probe.ts';
import type { Carried } from './render.ts';

/** Of the listeners of a load balancer. */
export interface Admitted {
  readonly admitted: readonly Carried[];
  readonly leftOut: readonly LeftOut[];
}

/** Why a listener is left out. */
interface LeftOut {
  /** `tcp:80` */
  readonly listener: string;
  readonly reason: string;
}

interface Refusal {
  /** Names the settings that were refused: others may be tried at once. */
  readonly pool: string;
  readonly reason: string;
  readonly until: number;
  /** We could not listen there either: once we can, HAProxy can. */
  seen: boolean;
}

/** Decides which listeners may be loaded, so that none that cannot bind spoils others' loads. */
export class Admission {
  readonly #now: () => number;
  /** Who has an address and port: section prefix by `address:port`. */
  readonly #owners = new Map<string, string>();
  /** The addresses and ports of each load balancer. */
  readonly #claims = new Map<string, ReadonlySet<string>>();
  /** What HAProxy itself refused, by section prefix. */
  readonly #refusals = new Map<string, Refusal>();

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Addresses and ports of the admitted listeners are theirs from now on; those that the load
   * balancer had before and has no more are free.
   * @param held prefixes of the listeners that HAProxy has already
   */
  async admit(
    loadBalancerId: string,
    carried: readonly Carried[],
    held: ReadonlySet<string>,
  ): Promise<Admitted> {
    const admitted: Carried[] = [];
    const leftOut: LeftOut[] = [];
    for (const listener of carried) {
      const { name, endpoint, prefix } = listener;
      // HAProxy's own hold on a port, even one that is just ending, is no problem.
      const isOurs = held.has(prefix) || this.#owners.get(endpoint) === prefix;
      const problem = isOurs ? undefined : await bindProblem(endpoint);
      const reason = this.#refused(listener, problem) ?? problem ?? this.#claimed(listener);
      if (reason !== undefined) {
        leftOut.push({ listener: name, reason });
        continue;
      }
      this.#owners.set(endpoint, prefix);
      admitted.push(listener);
    }
    this.#free(loadBalancerId, new Set(admitted.map(({ endpoint }) => endpoint)));
    return { admitted, leftOut };
  }

  /** HAProxy refused a listener: it is not tried again for a while, unless it changes. */
  refuse(prefix: string, pool: string, reason: string): void {
    const until = this.#now() + limits.refusedListener;
    this.#refusals.set(prefix, { pool, reason, until, seen: false });
    for (const [endpoint, owner] of this.#owners) {
      if (owner === prefix) this.#owners.delete(endpoint);
    }
  }

  #refused({ prefix, pools }: Carried, problem: string | undefined): string | undefined {
    const refusal = this.#refusals.get(prefix);
    if (refusal === undefined) return undefined;
    const isOver = refusal.seen && problem === undefined;
    refusal.seen ||= problem !== undefined;
    const isSame = refusal.pool === pools[0]?.name && this.#now() < refusal.until;
    if (isSame && !isOver) return refusal.reason;
    this.#refusals.delete(prefix);
    return undefined;
  }

  #claimed({ endpoint, prefix }: Carried): string | undefined {
    const owner = this.#owners.get(endpoint);
    if (owner === undefined || owner === prefix) return undefined;
    return `cannot listen at ${endpoint}: ${owner.slice(0, owner.indexOf('.'))} does`;
  }

  #free(loadBalancerId: string, kept: ReadonlySet<string>): void {
    for (const endpoint of this.#claims.get(loadBalancerId) ?? []) {
      if (!kept.has(endpoint)) this.#owners.delete(endpoint);
    }
    if (kept.size === 0) this.#claims.delete(loadBalancerId);
    else this.#claims.set(loadBalancerId, kept);
  }
}
