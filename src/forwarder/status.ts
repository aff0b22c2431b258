import type { Timers } from '../clock.ts';
import type { ReportDrain, ReportHealth } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Engine } from './engine.ts';
import type { Reconciler } from './reconcile.ts';
import type { Replica } from './replica.ts';

export interface StatusLoopOptions {
  readonly engine: Engine;
  readonly engineName: string;
  readonly timers: Timers;
  readonly log: Log;
  readonly reconciler: Reconciler;
  readonly replicas: ReadonlyMap<string, Replica>;
}

/** Looks at the engine now and then: often while sessions drain, seldom else. */
export class StatusLoop {
  readonly #options: StatusLoopOptions;
  #cancel: () => void = () => {};
  #looking = false;
  #soon = false;
  #closed = false;

  constructor(options: StatusLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(limits.statusDraining);
  }

  /** Something changed: a drain may have begun. */
  hurry(): void {
    if (this.#soon || this.#looking) return;
    this.#schedule(limits.statusDraining);
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #schedule(ms: number): void {
    this.#cancel();
    if (this.#closed) return;
    this.#soon = ms === limits.statusDraining;
    this.#cancel = this.#options.timers.after(ms, () => void this.#look(ms));
  }

  async #look(elapsedMs: number): Promise<void> {
    const { engine, log, reconciler } = this.#options;
    this.#looking = true;
    let draining = false;
    try {
      reconciler.refresh(elapsedMs / limits.engineRefresh);
      const [drains, health] = await Promise.all([engine.drains(), engine.health()]);
      draining = drains.some(({ sessions }) => sessions > 0);
      this.#tell(drains, health);
    } catch (error) {
      log.warn({ err: error }, 'cannot read the state of the engine');
    }
    this.#looking = false;
    this.#schedule(draining ? limits.statusDraining : limits.statusIdle);
  }

  #tell(drains: readonly ReportDrain[], health: readonly ReportHealth[]): void {
    const { engine, engineName, reconciler, replicas } = this.#options;
    const notices = engine.notices();
    const site = ({ loadBalancerId }: { readonly loadBalancerId: string }) =>
      reconciler.siteOf(loadBalancerId);
    const drainsOf = Map.groupBy(drains, site);
    // The unhealthy first, since what does not fit is left out.
    const healthOf = Map.groupBy(
      [...health].sort((a, b) => Number(a.healthy) - Number(b.healthy)),
      site,
    );
    for (const replica of replicas.values()) {
      replica.setStatus({
        drains: (drainsOf.get(replica.site) ?? []).slice(0, limits.reportedStatus),
        health: (healthOf.get(replica.site) ?? []).slice(0, limits.reportedStatus),
        engine: engineName,
        notices,
      });
    }
  }
}
