import { sleep, systemTimers, type Timers } from '../clock.ts';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { Confirmations } from './confirmations.ts';
import { Feeds } from './feeds.ts';
import type {
  Confirmation,
  ConfirmWait,
  Deliver,
  Fleet,
  FleetListener,
  ForwarderState,
  Watcher,
} from './fleet.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import { Isolation } from './isolation.ts';
import { Members } from './members.ts';
import { type LeaseTerms, type SiteReport, type SiteTraffic, unclaimedSites } from './protocol.ts';
import { Registry } from './registry.ts';
import { Reports } from './reports.ts';
import { type Standing, Standings } from './standings.ts';
import { Subscriber } from './subscriber.ts';
import { Traffic } from './traffic.ts';
import { Watching } from './watching.ts';

export interface FleetOptions {
  readonly store: Store;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic?: () => number;
  readonly timers?: Timers;
  /** 0 to 1, as Math.random gives it. */
  readonly random?: () => number;
}

/**
 * The fleet as this control plane sees it. Resolves once the registered forwarders, their reports
 * and the freeze were read; waits for the store for as long as that takes.
 */
export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const monotonic = () => performance.now();
  const defaults = { timers: systemTimers, random: Math.random, monotonic };
  const fleet = new StoreFleet({ ...defaults, ...options });
  await fleet.start();
  return fleet;
}

class StoreFleet implements Fleet {
  readonly #surroundings: Surroundings;
  readonly #abort = new AbortController();
  readonly #gate = { frozen: false };
  readonly #registry = new Registry();
  readonly #reports: Reports;
  readonly #members: Members;
  readonly #standings: Standings;
  readonly #isolation: Isolation;
  readonly #confirmations: Confirmations;
  readonly #traffic: Traffic;
  readonly #feeds: Feeds;
  readonly #watching: Watching;
  readonly #listeners = new Set<FleetListener>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#reports = new Reports(surroundings, (site, forwarder, part) => {
      if (part === 'applied') this.#confirmations.changed(site, forwarder);
      this.#tell(site);
    });
    this.#members = new Members(surroundings.store, (site, forwarder, began) => {
      if (began) this.#reports.expect(site, forwarder);
      this.#confirmations.changed(site, forwarder);
      this.#tell(site);
    });
    const parts = { registry: this.#registry, members: this.#members, reports: this.#reports };
    this.#standings = new Standings(parts);
    this.#isolation = new Isolation({ ...surroundings, ...parts });
    this.#confirmations = new Confirmations({
      ...parts,
      standings: this.#standings,
      gate: this.#gate,
      timers: surroundings.timers,
    });
    this.#traffic = new Traffic(surroundings, (site) => this.#tell(site));
    const watched = (site: string) => this.#traffic.watched(site);
    this.#feeds = new Feeds({ ...surroundings, gate: this.#gate, watched });
    const { registry } = parts;
    const own = { registry, isolation: this.#isolation, feeds: this.#feeds };
    this.#watching = new Watching({ ...surroundings, ...own });
  }

  async start(): Promise<void> {
    const { signal } = this.#abort;
    await this.#followFreeze(signal);
    await this.#registry.start(this.#surroundings, signal);
    this.#registry.onChange(() => {
      this.#confirmations.registryChanged();
      this.#tell(undefined);
    });
    await this.#members.start(this.#surroundings, signal);
    await this.#reports.start(signal);
    this.#isolation.start(signal);
    this.#traffic.start(signal);
  }

  async *watchSite(
    site: string,
    signal: AbortSignal,
    deliver?: Deliver,
    forwarder?: Watcher,
  ): AsyncIterable<string> {
    const { timers } = this.#surroundings;
    const subscriber = new Subscriber(this.#gate, timers, (certificate) => {
      try {
        return deliver?.(certificate);
      } catch (error) {
        // One that cannot be opened must not keep the rest of the site from its forwarders.
        const { id } = certificate;
        this.#surroundings.log.error({ err: error, certificate: id }, 'cannot be delivered');
        return undefined;
      }
    });
    const stop = this.#watching.begin(site, subscriber, forwarder);
    try {
      yield* subscriber.lines(AbortSignal.any([signal, this.#abort.signal]));
    } finally {
      stop();
    }
  }

  async report(site: string, forwarder: string, report: SiteReport): Promise<LeaseTerms> {
    const { traffic, goodbye, ...rest } = report;
    if (traffic !== undefined) await this.#traffic.take(site, forwarder, traffic);
    if (Object.keys(rest).length > 0) await this.#reports.take(site, forwarder, rest);
    if (goodbye !== undefined) await this.#isolation.leave(site, forwarder, goodbye);
    return this.#isolation.terms(site, forwarder, rest.applied);
  }

  confirm(
    site: string,
    revision: number,
    loadBalancerId: string,
    wait: ConfirmWait,
  ): Promise<Confirmation> {
    return this.#confirmations.confirm(site, revision, loadBalancerId, wait);
  }

  progress(site: string, revision: number, loadBalancerId: string): Confirmation {
    return this.#confirmations.progress(site, revision, loadBalancerId);
  }

  forwarders(site: string): readonly ForwarderState[] {
    const sites =
      site === unclaimedSites
        ? [...this.#reports.sites()].filter((each) => !this.#registry.claimed(each))
        : [site];
    return sites.flatMap((each) =>
      this.#standings.of(each).flatMap(({ forwarder: name, applied }) => {
        if (applied === undefined) return [];
        const status = this.#reports.of(each).get(name)?.status;
        return {
          site: each,
          name,
          revision: applied.revision,
          failures: applied.failures,
          drains: status?.drains ?? [],
          health: status?.health ?? [],
          engine: status?.engine ?? '',
          notices: status?.notices ?? [],
        };
      }),
    );
  }

  standings(site: string): readonly Standing[] {
    return this.#standings.of(site);
  }

  async untilLeft(site: string, forwarder: string, waitMs: number): Promise<readonly string[]> {
    const { monotonic, timers } = this.#surroundings;
    const deadline = monotonic() + waitMs;
    for (;;) {
      const sites = await this.#servedBy(site, forwarder);
      if (sites.length === 0 || monotonic() >= deadline) return sites;
      await sleep(timers, limits.memberSweep, this.#abort.signal);
      if (this.#abort.signal.aborted) return sites;
    }
  }

  async forget(site: string, forwarder: string): Promise<void> {
    for (const each of site === unclaimedSites ? this.#members.sites() : [site]) {
      await this.#members.update(each, forwarder, () => undefined);
      await this.#reports.end(each, forwarder);
    }
  }

  /** The sites that a forwarder may serve, of the one or of all. */
  async #servedBy(site: string, forwarder: string): Promise<string[]> {
    const sites = site === unclaimedSites ? [...this.#members.sites()] : [site];
    const served: string[] = [];
    for (const each of sites) {
      const member = await this.#members.get(each, forwarder);
      if (member !== undefined && member.state !== 'left' && member.state !== 'fenced') {
        served.push(each);
      }
    }
    return served;
  }

  traffic(site: string): ReadonlyMap<string, SiteTraffic> {
    return this.#traffic.of(site);
  }

  watchTraffic(site: string, loadBalancerId: string): () => void {
    return this.#traffic.watch(site, loadBalancerId);
  }

  get frozen(): boolean {
    return this.#gate.frozen;
  }

  onChange(listener: FleetListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#feeds.close();
    this.#confirmations.close();
  }

  #tell(site: string | undefined): void {
    for (const listener of this.#listeners) listener(site);
  }

  /** Resolves once the freeze was read. */
  #followFreeze(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const set = (value: string | null | undefined) => {
        const frozen = isFrozen(value ?? undefined);
        if (frozen === this.#gate.frozen) return;
        this.#gate.frozen = frozen;
        // Lines that wait give way to a snapshot; while frozen it stays behind the gate.
        this.#feeds.refresh();
        this.#tell(undefined);
      };
      const follower: Follower = {
        load: ({ entries }) => {
          set(entries.find(({ key }) => key === keys.freeze)?.value);
          resolve();
        },
        change: (_revision, changes) => {
          for (const { key, value } of changes) if (key === keys.freeze) set(value);
        },
      };
      void follow(keys.freeze, follower, this.#surroundings, signal);
    });
  }
}

function isFrozen(value: string | undefined): boolean {
  return value !== undefined && (JSON.parse(value) as { frozen?: unknown }).frozen === true;
}
