import { type Listener, type LoadBalancer, sameBackend } from '../elb/types.ts';
import type { ReportDrain, ReportFailure, ReportHealth } from '../fleet/protocol.ts';
import type { Engine, ReportCounters, TrafficCount } from './engine.ts';

/** An engine and the listeners that are its own. */
export interface Carrier {
  readonly engine: Engine;
  takes(listener: Listener): boolean;
}

/**
 * One engine made of several, each of which carries its own listeners of every load balancer.
 * They come in order, so that a listener that moves from one to the next is let go of before it
 * is taken.
 */
export class RoutedEngine implements Engine {
  readonly #carriers: readonly Carrier[];

  constructor(carriers: readonly Carrier[]) {
    this.#carriers = carriers;
  }

  async apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]> {
    const failures = await this.#each(({ engine, takes }) =>
      engine.apply({ ...wanted, listeners: wanted.listeners.filter(takes) }),
    );
    return failures.flat();
  }

  async remove(loadBalancerId: string): Promise<void> {
    await this.#each(({ engine }) => engine.remove(loadBalancerId));
  }

  async prune(wanted: ReadonlySet<string>): Promise<void> {
    await this.#each(({ engine }) => engine.prune(wanted));
  }

  async drains(): Promise<readonly ReportDrain[]> {
    const found = await this.#each(({ engine }) => engine.drains());
    const sums: ReportDrain[] = [];
    for (const drain of found.flat()) {
      const index = sums.findIndex((sum) => isSameDrain(sum, drain));
      const sum = sums[index];
      if (sum === undefined) sums.push(drain);
      else sums[index] = { ...sum, sessions: sum.sessions + drain.sessions };
    }
    return sums;
  }

  async health(): Promise<readonly ReportHealth[]> {
    return (await this.#each(({ engine }) => engine.health())).flat();
  }

  async counters(): Promise<readonly ReportCounters[]> {
    return (await this.#each(({ engine }) => engine.counters())).flat();
  }

  async traffic(ids: ReadonlySet<string>): Promise<readonly TrafficCount[]> {
    return (await this.#each(({ engine }) => engine.traffic(ids))).flat();
  }

  async guard(leases: ReadonlyMap<string, number>): Promise<void> {
    await this.#together(({ engine }) => engine.guard(leases));
  }

  async renew(site: string, until: number): Promise<void> {
    await this.#together(({ engine }) => engine.renew(site, until));
  }

  notices(): readonly string[] {
    return this.#carriers.flatMap(({ engine }) => engine.notices());
  }

  onLost(listener: (reason: string) => void): void {
    for (const { engine } of this.#carriers) engine.onLost(listener);
  }

  async close(options: { readonly stopTraffic: boolean }): Promise<void> {
    await this.#each(({ engine }) => engine.close(options));
  }

  /** At once: a lease must not wait for another engine. A failure is reported when all end. */
  async #together(act: (carrier: Carrier) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(this.#carriers.map(act));
    const failed = results.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  /** One after the other; what fails in one keeps no other from its part, and is told then. */
  async #each<T>(act: (carrier: Carrier) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    const errors: unknown[] = [];
    for (const carrier of this.#carriers) {
      try {
        results.push(await act(carrier));
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return results;
  }
}

function isSameDrain(a: ReportDrain, b: ReportDrain): boolean {
  return (
    a.loadBalancerId === b.loadBalancerId &&
    a.deadline === b.deadline &&
    sameBackend(a.server, b.server)
  );
}
