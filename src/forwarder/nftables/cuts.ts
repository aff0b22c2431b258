import { type LoadBalancer, sameBackend } from '../../elb/types.ts';
import type { ReportDrain } from '../../fleet/protocol.ts';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import { type Conntrack, flowKey } from './conntrack.ts';
import type { Place } from './ruleset.ts';
import { endpointOf, type Service, targetEndpoint } from './service.ts';

/** A listener and the servers whose flows may go on. */
export interface Allowed {
  readonly place: Place;
  /** As `targetEndpoint` writes them. */
  readonly servers: ReadonlySet<string>;
  /** Nobody listens there any more: what goes to the machine itself is not ours to end. */
  readonly isGone?: boolean;
}

interface Watched {
  readonly loadBalancer: Pick<LoadBalancer, 'id' | 'draining'>;
  readonly services: readonly Service[];
  timer: NodeJS.Timeout | undefined;
}

export interface CutsOptions {
  readonly conntrack: Conntrack;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  /** Runs when no verb of the load balancer is at work. */
  readonly inTurn: (loadBalancerId: string, run: () => Promise<void>) => Promise<void>;
}

/** Ends the flows of servers that were removed: at once, or when their drain is over. */
export class Cuts {
  readonly #options: CutsOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: CutsOptions) {
    this.#options = options;
  }

  /** Looks after the drains of a load balancer as it stands from now on. */
  watch(loadBalancer: Watched['loadBalancer'], services: readonly Service[]): void {
    const { id, draining } = loadBalancer;
    clearTimeout(this.#watched.get(id)?.timer);
    const watched: Watched = { loadBalancer, services, timer: undefined };
    if (services.length === 0 || draining.length === 0) this.#watched.delete(id);
    else this.#watched.set(id, watched);
    this.#rest(watched);
  }

  /** The servers of a listener whose flows may go on now. */
  allowed(service: Service): Allowed {
    const now = this.#options.now();
    const draining = service.draining.filter(({ deadline }) => deadline > now);
    return {
      place: service,
      servers: new Set([...service.servers, ...draining].map(targetEndpoint)),
    };
  }

  /**
   * Ends all other flows, and looks until it has seen them gone.
   * @returns whether it has
   */
  async cut(listeners: readonly Allowed[]): Promise<boolean> {
    const { conntrack } = this.#options;
    if (listeners.length === 0) return true;
    for (let look = 0; look < limits.flowCuts; look++) {
      const flows = await conntrack.read();
      const strays = listeners.flatMap(({ place, servers, isGone = false }) => {
        // A TCP session that goes to the machine itself is another program's.
        const isOthers = isGone || place.protocol === 'tcp';
        return [...(flows.get(flowKey(place))?.keys() ?? [])]
          .filter((to) => !servers.has(to))
          .filter((to) => !(isOthers && to === endpointOf(place)))
          .map((to) => ({ place, to }));
      });
      if (strays.length === 0) return true;
      await Promise.all(strays.map(({ place, to }) => conntrack.cut(place, to)));
    }
    return false;
  }

  /** Drains before their deadline, with the flows that are left. */
  async progress(): Promise<ReportDrain[]> {
    const now = this.#options.now();
    const living = [...this.#watched.values()].filter(({ loadBalancer }) =>
      loadBalancer.draining.some(({ deadline }) => deadline > now),
    );
    if (living.length === 0) return [];
    const flows = await this.#options.conntrack.read();
    return living.flatMap(({ loadBalancer, services }) =>
      loadBalancer.draining
        .filter(({ deadline }) => deadline > now)
        .map(({ deadline, ...server }) => {
          const sessions = services.map((service) => {
            const drain = service.draining.find(({ backend }) => sameBackend(backend, server));
            if (drain === undefined) return 0;
            return flows.get(flowKey(service))?.get(targetEndpoint(drain))?.sessions ?? 0;
          });
          const left = sessions.reduce((sum, count) => sum + count, 0);
          return { loadBalancerId: loadBalancer.id, server, deadline, sessions: left };
        }),
    );
  }

  close(): void {
    for (const { timer } of this.#watched.values()) clearTimeout(timer);
    this.#watched.clear();
  }

  #rest(watched: Watched): void {
    const now = this.#options.now();
    const deadlines = watched.loadBalancer.draining
      .map(({ deadline }) => deadline)
      .filter((deadline) => deadline > now);
    if (deadlines.length > 0) this.#after(watched, Math.min(...deadlines) - now);
  }

  #after(watched: Watched, wait: number): void {
    const { inTurn } = this.#options;
    const run = () => void inTurn(watched.loadBalancer.id, () => this.#due(watched));
    watched.timer = setTimeout(run, Math.min(wait, limits.timerMost)).unref();
  }

  async #due(watched: Watched): Promise<void> {
    const { id } = watched.loadBalancer;
    if (this.#watched.get(id) !== watched) return;
    const { log } = this.#options;
    try {
      const isDone = await this.cut(watched.services.map((service) => this.allowed(service)));
      if (isDone) return this.#rest(watched);
      log.warn({ loadBalancerId: id }, 'flows of removed servers are still there');
    } catch (error) {
      log.warn({ loadBalancerId: id, reason: reasonOf(error) }, 'drains not looked after');
    }
    this.#after(watched, limits.cutRetry.maxMs);
  }
}
