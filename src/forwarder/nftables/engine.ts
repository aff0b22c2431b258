import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Listener, LoadBalancer } from '../../elb/types.ts';
import type { ReportDrain, ReportFailure, ReportHealth } from '../../fleet/protocol.ts';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import { bindProblem } from '../bind-probe.ts';
import type { Engine, ReportCounters, TrafficCount } from '../engine.ts';
import { UnsafeValue } from '../haproxy/names.ts';
import { Turns } from '../turns.ts';
import { Conntrack, type FlowTable, flowKey } from './conntrack.ts';
import { countersOf, trafficOf } from './counters.ts';
import { type Allowed, Cuts } from './cuts.ts';
import { forwardingProblem } from './forwarding.ts';
import { KernelLeases } from './leases.ts';
import { NftRefused } from './nft.ts';
import { type Probes, probeKey, probeTargets, type StartProbes } from './probes.ts';
import { type OpenServer, render } from './render.ts';
import { Ruleset } from './ruleset.ts';
import {
  endpointOf,
  openServers,
  type Server,
  type Service,
  servicesOf,
  targetEndpoint,
} from './service.ts';
import { levelWeights } from './slots.ts';

export interface NftablesOptions {
  /** Where its files live, its own alone; made when absent. */
  readonly folder: string;
  /** The Sluice that it is the engine of: `instanceName`. Absent: the only one there is. */
  readonly instance?: string;
  /** Unix milliseconds: what drain deadlines are measured by. */
  readonly now: () => number;
  readonly log: Log;
  /** The clock of leases, in milliseconds. */
  readonly leaseNow: () => number;
  /** Its own listeners, of those that the kernel can carry; leases are held for all of them. */
  readonly carries: (listener: Listener) => boolean;
  readonly startProbes: StartProbes;
}

/**
 * Carries TCP and UDP listeners in the kernel: nftables chooses the server of each new flow, and
 * conntrack keeps it there. nft is not run before there is something to carry.
 */
export class NftablesEngine implements Engine {
  readonly #log: Log;
  readonly #carries: NftablesOptions['carries'];
  readonly #leases: KernelLeases;
  readonly #ruleset: Ruleset;
  /** Whether this life or an earlier one has changed the kernel. */
  readonly #hasWritten: () => boolean;
  readonly #conntrack = new Conntrack();
  readonly #cuts: Cuts;
  readonly #probes: Probes;
  /** What each load balancer carries. */
  readonly #carried = new Map<string, readonly Service[]>();
  /** Who has an address and port, by `flowKey`. */
  readonly #claims = new Map<string, string>();
  readonly #turns = new Turns();
  readonly #listeners: ((reason: string) => void)[] = [];
  #levelling: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: NftablesOptions) {
    const { folder, instance, now, leaseNow, log, carries, startProbes } = options;
    const own = instance === undefined ? {} : { instance };
    this.#log = log;
    this.#carries = carries;
    this.#leases = new KernelLeases({ ...own, file: join(folder, 'leases.nft'), leaseNow, log });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const onLost = (reason: string) => {
      for (const listener of this.#listeners) listener(reason);
    };
    this.#hasWritten = () => existsSync(join(folder, 'transaction.nft'));
    this.#ruleset = new Ruleset({
      ...own,
      file: join(folder, 'transaction.nft'),
      onLost,
    });
    const inTurn = (id: string, run: () => Promise<void>) => this.#turns.take(id, run);
    this.#cuts = new Cuts({ conntrack: this.#conntrack, now, log, inTurn });
    this.#probes = startProbes((key) => this.#probed(key));
  }

  apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]> {
    const { id } = wanted;
    return this.#turns.take(id, async () => {
      let services: readonly Service[] = [];
      try {
        services = servicesOf({ ...wanted, listeners: wanted.listeners.filter(this.#carries) });
        // Listeners are held before they take flows, and until they take none.
        await this.#leases.place(wanted);
        const failures = await this.#settle(wanted, services);
        await this.#leases.keepOnly(wanted);
        return failures;
      } catch (error) {
        if (!(error instanceof UnsafeValue || error instanceof NftRefused)) throw error;
        const reason = error.message;
        if (services.length === 0) return [{ loadBalancerId: id, reason }];
        // Where nft cannot be used, and never could, the kernel has nothing of ours.
        const inert = this.#hasWritten() ? {} : { inert: true as const };
        return services.map(({ listener }) => ({ loadBalancerId: id, listener, reason, ...inert }));
      }
    });
  }

  remove(loadBalancerId: string): Promise<void> {
    return this.#turns.take(loadBalancerId, async () => {
      await this.#settle({ id: loadBalancerId, draining: [] }, []);
      await this.#leases.drop(loadBalancerId);
    });
  }

  async prune(wanted: ReadonlySet<string>): Promise<void> {
    try {
      await this.#leases.pruned();
      // A machine without anything to carry needs no table, and gets none.
      if (!this.#ruleset.isOpen && !(await this.#ruleset.hasListeners())) return;
      await this.#ruleset.open();
    } catch (error) {
      if (!(error instanceof NftRefused)) throw error;
      // Where nft cannot be used nothing of ours can be left.
      return this.#log.info({ reason: error.message }, 'nftables was not looked at');
    }
    const strays = [...this.#ruleset.owners()].filter((id) => !wanted.has(id));
    await Promise.all(strays.map((id) => this.remove(id)));
    if (strays.length > 0) {
      this.#log.warn({ loadBalancers: strays }, 'ended what an earlier life left in the kernel');
    }
  }

  /**
   * Ends all that an earlier life left in the kernel, flows and table included.
   * @returns how many listeners there were
   */
  async takeDown(): Promise<number> {
    await this.#leases.takeDown();
    try {
      if (!(await this.#ruleset.hasTable())) return 0;
    } catch (error) {
      if (!(error instanceof NftRefused)) throw error;
      // Where nft cannot be used nothing of ours can be left.
      return 0;
    }
    await this.#ruleset.open();
    return this.#clear();
  }

  /** @returns how many listeners there were */
  async #clear(): Promise<number> {
    const places = this.#ruleset.places();
    await this.#ruleset.clear();
    await this.#cuts.cut(places.map((place) => ({ place, servers: new Set(), isGone: true })));
    return places.length;
  }

  drains(): Promise<readonly ReportDrain[]> {
    return this.#cuts.progress();
  }

  /** Servers at rest (weight 0) are probed by nobody and left out. */
  async health(): Promise<readonly ReportHealth[]> {
    return [...this.#carried.values()].flat().flatMap((service) =>
      service.servers
        .filter(({ weight }) => weight > 0)
        .map((server) => ({
          loadBalancerId: service.loadBalancerId,
          listener: service.listener,
          serverId: server.backend.serverId,
          healthy: this.#isHealthy(service, server),
        })),
    );
  }

  async counters(): Promise<readonly ReportCounters[]> {
    const services = [...this.#carried.values()].flat();
    if (services.length === 0) return [];
    const [counts, flows] = await Promise.all([this.#ruleset.counters(), this.#conntrack.read()]);
    return countersOf(services, counts, flows);
  }

  async traffic(ids: ReadonlySet<string>): Promise<readonly TrafficCount[]> {
    const services = [...ids].flatMap((id) => this.#carried.get(id) ?? []);
    if (services.length === 0) return [];
    const [counts, flows] = await Promise.all([
      // A server that has just come or gone is refused together with the rest; the next is right.
      this.#ruleset.countersOf(services).catch(() => undefined),
      Promise.all(services.map((service) => this.#conntrack.of(service))),
    ]);
    return services.flatMap((service, index) =>
      trafficOf(service, counts, flows[index]!, (server) =>
        server.weight > 0 ? this.#isHealthy(service, server) : undefined,
      ),
    );
  }

  guard(leases: ReadonlyMap<string, number>): Promise<void> {
    return this.#leases.guard(leases);
  }

  renew(site: string, until: number): Promise<void> {
    return this.#leases.renew(site, until);
  }

  notices(): readonly string[] {
    return [];
  }

  onLost(listener: (reason: string) => void): void {
    this.#listeners.push(listener);
  }

  async close({ stopTraffic }: { readonly stopTraffic: boolean }): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#levelling);
    await this.#turns.settled();
    this.#cuts.close();
    this.#probes.close();
    if (stopTraffic && this.#ruleset.isOpen) await this.#clear();
    await this.#ruleset.close();
    if (stopTraffic) await this.#leases.clear();
    await this.#leases.close();
  }

  async #settle(
    loadBalancer: Pick<LoadBalancer, 'id' | 'draining'>,
    services: readonly Service[],
  ): Promise<ReportFailure[]> {
    const { id } = loadBalancer;
    // Most load balancers have nothing here, and most machines need no table.
    if (services.length === 0 && !this.#ruleset.isOpen) return [];
    await this.#ruleset.open();
    const before = this.#ruleset.places(id);
    const known = this.#carried.get(id);
    const { admitted, failures } = await this.#admit(id, services);
    await this.#render(id, admitted);
    for (const service of known ?? []) this.#claims.delete(flowKey(service));
    for (const service of admitted) this.#claims.set(flowKey(service), id);
    this.#carried.set(id, admitted);
    if (admitted.length === 0) this.#carried.delete(id);
    this.#probes.want(id, admitted.flatMap(probeTargets));
    this.#cuts.watch(loadBalancer, admitted);
    this.#level();
    const gone = before.filter(
      (place) => !admitted.some((service) => flowKey(service) === flowKey(place)),
    );
    const isCut = await this.#cuts.cut([
      ...gone.map((place) => ({ place, servers: new Set<string>(), isGone: true })),
      ...admitted.map((service) => this.#cuts.allowed(service)).filter(losesFlows(known)),
    ]);
    if (isCut) return failures;
    return [
      ...failures,
      { loadBalancerId: id, reason: 'flows of removed servers are still there' },
    ];
  }

  /** Renders and commits. @param flows read when they are needed and absent */
  async #render(id: string, services: readonly Service[], flows?: FlowTable): Promise<void> {
    const isLevelled = services.some(({ settings }) => settings.scheduler === 'wlc');
    const counts = flows ?? (isLevelled ? await this.#conntrack.read() : new Map());
    const fragments = services.map((service) => render(service, this.#open(service, counts)));
    await this.#ruleset.settle(id, fragments);
  }

  #open(service: Service, flows: FlowTable): OpenServer[] {
    const servers = openServers(service, (server) => this.#isHealthy(service, server));
    if (service.settings.scheduler !== 'wlc') {
      return servers.map((server) => ({ server, share: server.weight }));
    }
    const counts = flows.get(flowKey(service));
    const shares = levelWeights(
      servers.map((server) => ({
        weight: server.weight,
        flows: counts?.get(targetEndpoint(server))?.sessions ?? 0,
      })),
    );
    const open = servers.map((server, index) => ({ server, share: shares[index]! }));
    return open.filter(({ share }) => share > 0);
  }

  /** What can be carried, and what stands in the way of the rest. */
  async #admit(id: string, services: readonly Service[]) {
    const held = new Set(this.#ruleset.places(id).map(flowKey));
    const admitted: Service[] = [];
    const failures: ReportFailure[] = [];
    for (const service of services) {
      const key = flowKey(service);
      const fail = (reason: string) =>
        failures.push({ loadBalancerId: id, listener: service.listener, reason, inert: true });
      const other = this.#claims.get(key);
      const problem =
        other !== undefined && other !== id
          ? `cannot listen at ${endpointOf(service)}: ${other} does`
          : held.has(key)
            ? undefined
            : ((await this.#otherSluice(service)) ??
              (await bindProblem(endpointOf(service), service.protocol)));
      if (problem !== undefined) {
        fail(problem);
        continue;
      }
      admitted.push(service);
      // It is carried as far as it can be; what cannot be is told.
      for (const ip of service.outOfReach) fail(`${ip} cannot be reached from ${service.address}`);
      const blocked = forwardingProblem(service);
      if (blocked !== undefined) fail(blocked);
    }
    return { admitted, failures };
  }

  /** Rules in the kernel hold no socket that a bind would meet. */
  async #otherSluice(service: Service): Promise<string | undefined> {
    const table = await this.#ruleset.otherAt(service);
    return table && `cannot listen at ${endpointOf(service)}: another Sluice does (nft ${table})`;
  }

  #isHealthy(service: Service, server: Server): boolean {
    return !service.settings.health.enabled || this.#probes.isHealthy(probeKey(service, server));
  }

  /** A server failed or recovered: new flows go elsewhere, those that it has stay. */
  #probed(key: string): void {
    const [id = ''] = key.split(' ');
    void this.#again(id, 'probes');
  }

  /** Looks now and then how many flows the servers of wlc listeners have. */
  #level(): void {
    const isLevelled = (services: readonly Service[]) =>
      services.some(({ settings }) => settings.scheduler === 'wlc');
    const ids = () => [...this.#carried].filter(([, each]) => isLevelled(each)).map(([id]) => id);
    if (this.#levelling !== undefined || this.#isClosed || ids().length === 0) return;
    this.#levelling = setTimeout(async () => {
      await Promise.all(ids().map((id) => this.#again(id, 'wlc')));
      this.#levelling = undefined;
      this.#level();
    }, limits.levelPause).unref();
  }

  /** Renders anew what is carried. */
  #again(id: string, why: string): Promise<void> {
    return this.#turns.take(id, async () => {
      const services = this.#carried.get(id);
      if (services === undefined || this.#isClosed) return;
      try {
        await this.#render(id, services);
      } catch (error) {
        this.#log.warn({ loadBalancerId: id, why, reason: reasonOf(error) }, 'not rendered anew');
      }
    });
  }
}

/**
 * Whether a listener may have flows that must end: it is new in this life, or a server that it
 * had is no longer allowed. Looking costs a listing of all flows.
 */
function losesFlows(known: readonly Service[] | undefined) {
  return ({ place, servers }: Allowed): boolean => {
    const before = known?.find((service) => flowKey(service) === flowKey(place));
    if (before === undefined) return true;
    const had = [...before.servers, ...before.draining].map(targetEndpoint);
    return had.some((server) => !servers.has(server));
  };
}
