import type { BackendServer, LoadBalancer } from '../elb/types.ts';
import type { ReportDrain, ReportFailure, ReportHealth } from '../fleet/protocol.ts';
import type { Engine, ReportCounters, TrafficCount } from './engine.ts';

export interface MemoryEngineOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The clock of leases, in milliseconds; absent: `now`. */
  readonly leaseNow?: () => number;
}

/** What a test does to the engine; each is asked at every verb. */
export interface Faults {
  /** Holds a verb until it resolves. */
  slow?: (loadBalancerId: string) => Promise<void> | undefined;
  /** Why the engine refuses a load balancer, or undefined. */
  refuse?: (loadBalancerId: string) => string | undefined;
  /** True: the verb answers well and does nothing. */
  lie?: (loadBalancerId: string) => boolean;
}

/** An engine without traffic: carries load balancers in memory, by the rules of the real ones. */
export class MemoryEngine implements Engine {
  readonly faults: Faults = {};
  /** Verbs as they began: `apply lb-1`, `remove lb-1`, `prune`. */
  readonly verbs: string[] = [];
  /** Sessions that removed servers still have, by server id. */
  readonly sessions = new Map<string, number>();
  /** What its listeners are said to have counted. */
  counted: readonly ReportCounters[] = [];
  /** What its listeners are said to do, and which were asked for last. */
  doing: readonly TrafficCount[] = [];
  asked: readonly string[] = [];
  /** What it says that an operator should know. */
  noted: readonly string[] = [];
  readonly #now: () => number;
  readonly #leaseNow: () => number;
  /** Site -> when its lease ends. They outlive the agent, as those of real engines do. */
  #leases = new Map<string, number>();
  readonly #carried = new Map<string, LoadBalancer>();
  readonly #busy = new Set<string>();
  readonly #listeners: ((reason: string) => void)[] = [];
  #closed: { readonly stopTraffic: boolean } | undefined;

  constructor({ now, leaseNow = now }: MemoryEngineOptions) {
    this.#now = now;
    this.#leaseNow = leaseNow;
  }

  /** What it carries now, read back. */
  get carried(): ReadonlyMap<string, LoadBalancer> {
    return this.#carried;
  }

  /** Those of them that take new traffic now: no lease holds them, or theirs runs. */
  get serving(): readonly LoadBalancer[] {
    const now = this.#leaseNow();
    return [...this.#carried.values()].filter(
      ({ site }) => now < (this.#leases.get(site) ?? Number.POSITIVE_INFINITY),
    );
  }

  get closed(): { readonly stopTraffic: boolean } | undefined {
    return this.#closed;
  }

  async apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]> {
    const { id } = wanted;
    return this.#exclusively('apply', id, () => this.#carried.set(id, structuredClone(wanted)));
  }

  async remove(loadBalancerId: string): Promise<void> {
    const [failure] = await this.#exclusively('remove', loadBalancerId, () =>
      this.#carried.delete(loadBalancerId),
    );
    if (failure !== undefined) throw new Error(failure.reason);
  }

  async prune(wanted: ReadonlySet<string>): Promise<void> {
    this.verbs.push('prune');
    if (this.#busy.size > 0) throw new Error('pruned while verbs are at work');
    for (const id of this.#carried.keys()) if (!wanted.has(id)) this.#carried.delete(id);
  }

  async drains(): Promise<readonly ReportDrain[]> {
    return [...this.#carried.values()].flatMap(({ id, draining }) =>
      draining
        .filter(({ deadline }) => deadline > this.#now())
        .map(({ deadline, ...server }) => ({
          loadBalancerId: id,
          server: server satisfies BackendServer,
          deadline,
          sessions: this.sessions.get(server.serverId) ?? 0,
        })),
    );
  }

  async health(): Promise<readonly ReportHealth[]> {
    return [...this.#carried.values()].flatMap(({ id, listeners, backends }) =>
      listeners.flatMap(({ protocol, port }) =>
        backends.map(({ serverId }) => ({
          loadBalancerId: id,
          listener: `${protocol}:${port}`,
          serverId,
          healthy: true,
        })),
      ),
    );
  }

  async counters(): Promise<readonly ReportCounters[]> {
    return this.counted;
  }

  async traffic(ids: ReadonlySet<string>): Promise<readonly TrafficCount[]> {
    this.asked = [...ids];
    return this.doing.filter(({ loadBalancerId }) => ids.has(loadBalancerId));
  }

  async guard(leases: ReadonlyMap<string, number>): Promise<void> {
    if (this.#closed !== undefined) throw new Error('the engine is closed');
    this.#leases = new Map(leases);
  }

  async renew(site: string, until: number): Promise<void> {
    const before = this.#leases.get(site);
    if (before === undefined || until <= this.#leaseNow()) return;
    this.#leases.set(site, Math.max(before, until));
  }

  notices(): readonly string[] {
    return this.noted;
  }

  onLost(listener: (reason: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Forgets everything, as an engine that was restarted by somebody else. */
  lose(reason: string): void {
    this.#carried.clear();
    for (const listener of this.#listeners) listener(reason);
  }

  async close(options: { readonly stopTraffic: boolean }): Promise<void> {
    this.#closed = options;
    if (options.stopTraffic) this.#carried.clear();
  }

  /** Verbs for one load balancer must not overlap; the promise that holds is not the engine's. */
  async #exclusively(verb: string, id: string, act: () => void): Promise<readonly ReportFailure[]> {
    if (this.#busy.has(id)) throw new Error(`two verbs at once for ${id}`);
    if (this.#closed !== undefined) throw new Error('the engine is closed');
    this.verbs.push(`${verb} ${id}`);
    this.#busy.add(id);
    try {
      await this.faults.slow?.(id);
      const reason = this.faults.refuse?.(id);
      if (reason !== undefined) return [{ loadBalancerId: id, reason }];
      if (!this.faults.lie?.(id)) act();
      return [];
    } finally {
      this.#busy.delete(id);
    }
  }
}
