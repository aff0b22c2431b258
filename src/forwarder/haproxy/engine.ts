import { setTimeout as delay } from 'node:timers/promises';
import type { LoadBalancer } from '../../elb/types.ts';
import type { ReportDrain, ReportFailure, ReportHealth } from '../../fleet/protocol.ts';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import type { ServerCertificate } from '../certificates.ts';
import type { Engine, ReportCounters, TrafficCount } from '../engine.ts';
import { Turns } from '../turns.ts';
import { CertificateFiles, type ListenerPem } from './certificates.ts';
import { Counters } from './counters.ts';
import { Drains } from './drains.ts';
import { Leases } from './leases.ts';
import { Loader } from './loader.ts';
import { parseSection, parseServer, UnsafeValue } from './names.ts';
import type { OldWorkerBounds } from './old-worker-bounds.ts';
import { OldWorkers } from './old-workers.ts';
import { makeFolders, pathsOf, unprivilegedUser } from './paths.ts';
import { LoadRefused } from './process.ts';
import { type Carried, carry } from './render.ts';
import { WorkerGone } from './runtime.ts';
import { Traffic } from './traffic.ts';

export interface HaproxyOptions {
  /** Where its files live, its own alone; made when absent. */
  readonly folder: string;
  /** Unix milliseconds: what drain deadlines are measured by. */
  readonly now: () => number;
  readonly log: Log;
  /** The clock of leases, in milliseconds. */
  readonly leaseNow: () => number;
  /** The certificate of an id, where it has come. */
  readonly certificateOf: (id: string) => ServerCertificate | undefined;
  /** What the workers that reloads have replaced may hold. */
  readonly oldWorkers: OldWorkerBounds;
  /** The executable; found on the path when absent. */
  readonly haproxyPath?: string;
}

/**
 * Opens the HAProxy data plane. A HAProxy that an earlier life left running is taken over as it
 * is; else one is started on the files that are there.
 * @throws when HAProxy cannot be started
 */
export async function openHaproxyEngine(options: HaproxyOptions): Promise<HaproxyEngine> {
  const engine = new HaproxyEngine(options);
  await engine.open();
  return engine;
}

export class HaproxyEngine implements Engine {
  readonly #loader: Loader;
  readonly #drains: Drains;
  readonly #counters: Counters;
  readonly #traffic: Traffic;
  readonly #oldWorkers: OldWorkers;
  readonly #certificates: CertificateFiles;
  readonly #leases: Leases;
  /** As applied last: guarding its site renders it anew. */
  readonly #wanted = new Map<string, LoadBalancer>();
  #guarding: Promise<unknown> = Promise.resolve();
  readonly #turns = new Turns();
  readonly #listeners: ((reason: string) => void)[] = [];

  constructor(options: HaproxyOptions) {
    const { folder, now, leaseNow, log, certificateOf, oldWorkers: bounds } = options;
    const { haproxyPath: program = 'haproxy' } = options;
    const paths = pathsOf(folder);
    const user = unprivilegedUser();
    makeFolders(paths, user);
    const onLost = (reason: string) => {
      for (const listener of this.#listeners) listener(reason);
    };
    this.#certificates = new CertificateFiles(paths.certificates, certificateOf);
    this.#counters = new Counters(paths, log);
    this.#leases = new Leases({ paths, leaseNow, log });
    const beforeEnd = () => this.#counters.atReload('old');
    const onReload = (when: 'before' | 'after') => {
      void this.#counters.atReload(when === 'before' ? 'all' : 'old');
      this.#leases.atReload(when);
    };
    this.#loader = new Loader({
      paths,
      program,
      user,
      hardStopSeconds: Math.ceil((bounds.ageMs + 2 * bounds.graceMs) / 1_000),
      now,
      log,
      onLost,
      onReload,
      beforeLoad: () => {
        this.#certificates.restore();
        return this.#oldWorkers.makeRoom();
      },
    });
    const { crew } = this.#loader;
    this.#oldWorkers = new OldWorkers({ paths, crew, bounds, now, log, beforeEnd });
    this.#traffic = new Traffic(paths, crew);
    const inTurn = (id: string, run: () => Promise<void>) => this.#turns.take(id, run);
    this.#drains = new Drains({ crew, now, log, inTurn });
  }

  /** Called once, by `openHaproxyEngine`. */
  async open(): Promise<void> {
    await this.#leases.open();
    await this.#loader.open();
    this.#oldWorkers.start();
  }

  apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]> {
    return this.#turns.take(wanted.id, () => this.#apply(wanted));
  }

  async #apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]> {
    this.#wanted.set(wanted.id, wanted);
    const failures: ReportFailure[] = [];
    try {
      const { ready, pems, lacking } = this.#certificates.prepare(
        carry(wanted, this.#leases.isGuarded(wanted.site)),
      );
      failures.push(
        ...lacking.map((each) => ({ loadBalancerId: wanted.id, ...each, inert: true as const })),
      );
      return [...failures, ...(await this.#settle(wanted, ready, pems))];
    } catch (error) {
      const isOurs = error instanceof UnsafeValue || error instanceof LoadRefused;
      if (!isOurs) throw error;
      return [...failures, { loadBalancerId: wanted.id, reason: error.message }];
    }
  }

  remove(loadBalancerId: string): Promise<void> {
    return this.#turns.take(loadBalancerId, async () => {
      this.#wanted.delete(loadBalancerId);
      const [failure] = await this.#settle({ id: loadBalancerId, draining: [] }, [], []);
      if (failure !== undefined) throw new Error(failure.reason);
      await this.#drains.tend(loadBalancerId);
    });
  }

  async prune(wanted: ReadonlySet<string>): Promise<void> {
    const strays = [...this.#loader.ids()].filter((id) => !wanted.has(id));
    await Promise.all(strays.map((id) => this.remove(id)));
    await this.#inGuard(() => this.#leases.pruned());
  }

  drains(): Promise<readonly ReportDrain[]> {
    return this.#drains.progress();
  }

  /** Servers at rest (weight 0) are probed by nobody and left out. */
  async health(): Promise<readonly ReportHealth[]> {
    const states = await this.#loader.readStates();
    return states.flatMap(({ pool, name, up, probed, maintenance }) => {
      const section = parseSection(pool);
      const server = parseServer(name);
      if (section?.role !== 'pool' || server === undefined || maintenance) return [];
      const { loadBalancerId, listener } = section;
      return [{ loadBalancerId, listener, serverId: server.serverId, healthy: up || !probed }];
    });
  }

  counters(): Promise<readonly ReportCounters[]> {
    return this.#counters.all();
  }

  traffic(ids: ReadonlySet<string>): Promise<readonly TrafficCount[]> {
    return this.#traffic.read(ids);
  }

  guard(leases: ReadonlyMap<string, number>): Promise<void> {
    return this.#inGuard(() => this.#guard(leases));
  }

  renew(site: string, until: number): Promise<void> {
    return this.#leases.renew(site, until);
  }

  /** One change of the set at a time. */
  #inGuard(act: () => Promise<void>): Promise<void> {
    const done = this.#guarding.then(act);
    this.#guarding = done.catch(() => {
      // Its caller has the error; the next call replaces the set anyway.
    });
    return done;
  }

  async #guard(leases: ReadonlyMap<string, number>): Promise<void> {
    const changed = await this.#leases.hold(leases);
    const ids = [...this.#wanted.values()].filter(({ site }) => changed.has(site));
    await Promise.all(ids.map(({ id }) => this.#renderAnew(id)));
    await this.#leases.settle();
  }

  /** What it reports was reported when the load balancer was applied. */
  #renderAnew(id: string): Promise<unknown> {
    return this.#turns.take(id, async () => {
      const wanted = this.#wanted.get(id);
      if (wanted === undefined) return;
      const [failure] = await this.#apply(wanted);
      const { crew } = this.#loader;
      const pools = carry(wanted, this.#leases.isGuarded(wanted.site)).flatMap(
        (each) => each.pools,
      );
      const names = new Set(pools.map(({ name }) => name));
      const stale = (crew.isThere ? crew.current.pools(id) : []).find(
        ({ name }) => !names.has(name),
      );
      if (stale === undefined) return;
      throw new Error(`${id} is not loaded as its lease wants: ${failure?.reason ?? stale.name}`);
    });
  }

  notices(): readonly string[] {
    return this.#oldWorkers.notices();
  }

  onLost(listener: (reason: string) => void): void {
    this.#listeners.push(listener);
  }

  async close({ stopTraffic }: { readonly stopTraffic: boolean }): Promise<void> {
    await this.#turns.settled();
    this.#drains.close();
    this.#counters.close();
    this.#oldWorkers.close();
    await this.#leases.close();
    await this.#loader.close(stopTraffic);
  }

  /**
   * Brings file and workers to what is carried, and reads back. HAProxy may be loaded anew or end
   * at any moment, for another load balancer's sake or by accident; then it is done again.
   */
  async #settle(
    loadBalancer: Pick<LoadBalancer, 'id' | 'draining'>,
    carried: readonly Carried[],
    pems: readonly ListenerPem[],
  ): Promise<ReportFailure[]> {
    const { id } = loadBalancer;
    const loader = this.#loader;
    for (let attempt = 1; ; attempt++) {
      const { admitted, leftOut } = await loader.admit(id, carried);
      try {
        const wrong = await this.#carryOut(id, admitted, pems);
        if (wrong === undefined && attempt < limits.engineTries) continue;
        this.#drains.watch(loadBalancer, admitted);
        this.#certificates.sweep(id, carried);
        return [
          ...leftOut.map((left) => ({ loadBalancerId: id, ...left, inert: true as const })),
          ...(wrong ?? ['its listeners could not be loaded']).map((reason) => ({
            loadBalancerId: id,
            reason,
          })),
        ];
      } catch (error) {
        if (!(error instanceof WorkerGone)) throw error;
        if (attempt === limits.engineTries) {
          return [{ loadBalancerId: id, reason: reasonOf(error) }];
        }
        if (loader.isCutOff) await loader.load();
        else await loader.settled();
        await delay(limits.enginePause);
      }
    }
  }

  /** @returns what is not as wanted; undefined: HAProxy has refused a listener meanwhile */
  async #carryOut(
    id: string,
    admitted: readonly Carried[],
    pems: readonly ListenerPem[],
  ): Promise<string[] | undefined> {
    const loader = this.#loader;
    if (!loader.isStale(id, admitted) && !loader.isReading) {
      return this.#carryOutLive(id, admitted, pems);
    }
    loader.put(id, admitted);
    // Servers leave what runs now at once; a worker that comes up has it from the file, unless the
    // load began before that was written.
    if (loader.crew.isThere) await this.#sync(id, admitted, pems);
    if (loader.isStale(id, admitted)) await loader.load();
    else await loader.settled();
    return loader.isStale(id, admitted) ? undefined : this.#sync(id, admitted, pems);
  }

  /** File and worker at the same time: neither waits for the other. */
  async #carryOutLive(
    id: string,
    admitted: readonly Carried[],
    pems: readonly ListenerPem[],
  ): Promise<string[]> {
    const synced = this.#sync(id, admitted, pems);
    try {
      this.#loader.put(id, admitted);
    } catch (error) {
      await Promise.allSettled([synced]);
      throw error;
    }
    return synced;
  }

  /** @throws WorkerGone when what is not as wanted may be for a worker's being replaced */
  async #sync(
    id: string,
    admitted: readonly Carried[],
    pems: readonly ListenerPem[],
  ): Promise<string[]> {
    const { crew } = this.#loader;
    const worker = crew.current;
    const wrong = [...(await worker.sync(id, admitted)), ...(await worker.show(id, pems))];
    const isReplaced = this.#loader.isReading || !crew.isThere || crew.current !== worker;
    if (wrong.length > 0 && isReplaced) throw new WorkerGone(wrong.join(', '));
    return wrong;
  }
}
