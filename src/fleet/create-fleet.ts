import { systemTimers, type Timers } from '../clock.ts';
import type { Log } from '../log.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { Confirmations } from './confirmations.ts';
import { SiteFeed } from './feed.ts';
import type { Confirmation, Deliver, Fleet, FleetListener, ForwarderState } from './fleet.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import { type SiteReport, type SiteTraffic, unclaimedSites } from './protocol.ts';
import { Registry } from './registry.ts';
import { Reports } from './reports.ts';
import { Subscriber } from './subscriber.ts';
import { Traffic } from './traffic.ts';

export interface FleetOptions {
  readonly store: Store;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  readonly timers?: Timers;
  /** 0 to 1, as Math.random gives it. */
  readonly random?: () => number;
}

/**
 * The fleet as this control plane sees it. Resolves once the registered forwarders, their reports
 * and the freeze were read; waits for the store for as long as that takes.
 */
export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const fleet = new StoreFleet({ timers: systemTimers, random: Math.random, ...options });
  await fleet.start();
  return fleet;
}

class StoreFleet implements Fleet {
  readonly #surroundings: Surroundings;
  readonly #abort = new AbortController();
  readonly #gate = { frozen: false };
  readonly #registry = new Registry();
  readonly #reports: Reports;
  readonly #confirmations: Confirmations;
  readonly #traffic: Traffic;
  readonly #feeds = new Map<string, SiteFeed>();
  readonly #listeners = new Set<FleetListener>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#reports = new Reports(surroundings, (site, forwarder, part) => {
      if (part === 'applied') this.#confirmations.heard(site, forwarder);
      this.#tell(site);
    });
    this.#confirmations = new Confirmations({
      registry: this.#registry,
      reports: this.#reports,
      gate: this.#gate,
      timers: surroundings.timers,
    });
    this.#traffic = new Traffic(surroundings, (site) => this.#tell(site));
  }

  async start(): Promise<void> {
    const { signal } = this.#abort;
    await this.#followFreeze(signal);
    await this.#registry.start(this.#surroundings, signal);
    this.#registry.onChange(() => {
      this.#confirmations.registryChanged();
      this.#tell(undefined);
    });
    await this.#reports.start(signal);
    this.#traffic.start(signal);
  }

  async *watchSite(site: string, signal: AbortSignal, deliver?: Deliver): AsyncIterable<string> {
    const subscriber = new Subscriber(this.#gate, (certificate) => {
      try {
        return deliver?.(certificate);
      } catch (error) {
        // One that cannot be opened must not keep the rest of the site from its forwarders.
        const { id } = certificate;
        this.#surroundings.log.error({ err: error, certificate: id }, 'cannot be delivered');
        return undefined;
      }
    });
    const stop =
      site === unclaimedSites ? this.#joinUnclaimed(subscriber) : this.#join(site, subscriber);
    try {
      yield* subscriber.lines(AbortSignal.any([signal, this.#abort.signal]));
    } finally {
      stop();
    }
  }

  async report(site: string, forwarder: string, report: SiteReport): Promise<void> {
    const { traffic, ...rest } = report;
    if (traffic !== undefined) await this.#traffic.take(site, forwarder, traffic);
    if (Object.keys(rest).length > 0) await this.#reports.take(site, forwarder, rest);
  }

  confirm(
    site: string,
    revision: number,
    loadBalancerId: string,
    waitMs: number,
  ): Promise<Confirmation> {
    return this.#confirmations.confirm(site, revision, loadBalancerId, waitMs);
  }

  forwarders(site: string): readonly ForwarderState[] {
    const sites =
      site === unclaimedSites
        ? [...this.#reports.sites()].filter((each) => !this.#registry.claimed(each))
        : [site];
    return sites.flatMap((each) =>
      Array.from(this.#confirmations.live(each), ([name, { revision, failures }]) => {
        const status = this.#reports.of(each).get(name)?.status;
        return {
          site: each,
          name,
          revision,
          failures,
          drains: status?.drains ?? [],
          health: status?.health ?? [],
          engine: status?.engine ?? '',
          notices: status?.notices ?? [],
        };
      }),
    );
  }

  carriers(site: string): ReadonlySet<string> {
    return this.#registry.forwardersOf(site);
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
    for (const feed of this.#feeds.values()) feed.close();
    this.#confirmations.close();
  }

  #tell(site: string | undefined): void {
    for (const listener of this.#listeners) listener(site);
  }

  /** Joins one site; the returned function leaves it. */
  #join(site: string, subscriber: Subscriber): () => void {
    const feed = this.#feeds.get(site) ?? this.#openFeed(site);
    this.#feeds.set(site, feed);
    feed.subscribe(subscriber);
    return () =>
      feed.unsubscribe(subscriber, () => {
        this.#feeds.delete(site);
        feed.close();
      });
  }

  #openFeed(site: string): SiteFeed {
    const watched = () => this.#traffic.watched(site);
    return new SiteFeed(site, { ...this.#surroundings, gate: this.#gate, watched });
  }

  /** Joins every site without a forwarder of its own, as they come and go. */
  #joinUnclaimed(subscriber: Subscriber): () => void {
    const joined = new Map<string, () => void>();
    const leave = (site: string) => {
      joined.get(site)?.();
      joined.delete(site);
      subscriber.release(site);
    };
    const follow = () => {
      const sites = this.#registry.sites();
      for (const site of joined.keys()) {
        if (this.#registry.claimed(site) || !sites.has(site)) leave(site);
      }
      for (const site of sites) {
        if (this.#registry.claimed(site) || joined.has(site)) continue;
        joined.set(site, this.#join(site, subscriber));
      }
    };
    // A forwarder that was away may still carry sites that were claimed meanwhile.
    for (const site of this.#registry.sites()) if (this.#registry.claimed(site)) leave(site);
    follow();
    const stop = this.#registry.onChange(follow);
    return () => {
      stop();
      for (const unsubscribe of joined.values()) unsubscribe();
    };
  }

  /** Resolves once the freeze was read. */
  #followFreeze(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const set = (value: string | null | undefined) => {
        const frozen = isFrozen(value ?? undefined);
        if (frozen === this.#gate.frozen) return;
        this.#gate.frozen = frozen;
        // Lines that wait give way to a snapshot; while frozen it stays behind the gate.
        for (const feed of this.#feeds.values()) feed.refresh();
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
