import { randomBytes } from 'node:crypto';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Change, Range } from '../store/store.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import type { SiteTraffic } from './protocol.ts';
import { ReportLeases } from './report-leases.ts';

/** What stands in the store; `by` is the control plane that wrote it. */
interface Stored {
  readonly v: 1;
  readonly by: string;
  readonly value: SiteTraffic;
}

/**
 * Live traffic of load balancers, counted only while somebody watches them. Who watches and what
 * is counted are leased keys, apart from all other reports: a watcher's control plane may be
 * another than the forwarder's, and no confirmation ever waits behind a figure.
 */
export class Traffic {
  readonly #surroundings: Surroundings;
  readonly #onTraffic: (site: string) => void;
  readonly #leases: ReportLeases;
  readonly #self = randomBytes(8).toString('hex');
  /** Site -> load balancer -> watchers of this control plane. */
  readonly #own = new Map<string, Map<string, number>>();
  /** Key -> what the other control planes have watched. */
  readonly #others = new Map<string, { readonly site: string; readonly ids: readonly string[] }>();
  /** Site -> forwarder -> what it counts. */
  readonly #heard = new Map<string, Map<string, SiteTraffic>>();
  #cancelRenewal: () => void = () => {};

  /** @param onTraffic called when a forwarder has said what it counts at a site */
  constructor(surroundings: Surroundings, onTraffic: (site: string) => void) {
    this.#surroundings = surroundings;
    this.#onTraffic = onTraffic;
    this.#leases = new ReportLeases(surroundings);
  }

  /** Follows the store until `signal` aborts. */
  start(signal: AbortSignal): void {
    const prefixes = [
      [keys.allWatched, (key: string, value: string | null) => this.#readWatched(key, value)],
      [keys.allTraffic, (key: string, value: string | null) => this.#readTraffic(key, value)],
    ] as const;
    for (const [prefix, read] of prefixes) {
      void follow(prefix, new KeyFollower(read), this.#surroundings, signal);
    }
    signal.addEventListener('abort', () => this.#cancelRenewal());
  }

  /** Forwarder -> what it counts at a site. */
  of(site: string): ReadonlyMap<string, SiteTraffic> {
    return this.#heard.get(site) ?? new Map();
  }

  /** The load balancers of a site that somebody watches, here or elsewhere; bounded. */
  watched(site: string): readonly string[] {
    const others = [...this.#others.values()].filter((each) => each.site === site);
    const ids = [...(this.#own.get(site)?.keys() ?? []), ...others.flatMap((each) => each.ids)];
    return [...new Set(ids)].sort().slice(0, limits.trafficWatched);
  }

  /** Has a load balancer's traffic counted until the returned function is called. */
  watch(site: string, loadBalancerId: string): () => void {
    this.#count(site, loadBalancerId, 1);
    return () => this.#count(site, loadBalancerId, -1);
  }

  /**
   * Takes what a forwarder counts. It counts here at once and elsewhere when the store has it.
   * @throws StoreUnavailable
   */
  async take(site: string, forwarder: string, value: SiteTraffic): Promise<void> {
    this.#hear(site, forwarder, value);
    const key = keys.traffic(site, forwarder);
    const stored: Stored = { v: 1, by: this.#self, value };
    await this.#leases.put(key, new Map([[key, JSON.stringify(stored)]]));
  }

  #count(site: string, id: string, step: 1 | -1): void {
    const ids = this.#own.get(site) ?? new Map<string, number>();
    const count = (ids.get(id) ?? 0) + step;
    const isNews = count === 0 || (count === 1 && step === 1);
    if (count === 0) ids.delete(id);
    else ids.set(id, count);
    if (ids.size === 0) this.#own.delete(site);
    else this.#own.set(site, ids);
    if (!isNews) return;
    void this.#tell(site);
    this.#renewLater();
  }

  /** Tells the other control planes, for as long as it is told again. */
  async #tell(site: string): Promise<void> {
    const key = keys.watched(site, this.#self);
    const ids = [...(this.#own.get(site)?.keys() ?? [])].slice(0, limits.trafficWatched);
    try {
      await this.#leases.put(key, new Map([[key, JSON.stringify({ v: 1, ids })]]));
    } catch {
      // The store is away, and says so itself to every call; the next renewal tells again.
    }
  }

  #renewLater(): void {
    this.#cancelRenewal();
    if (this.#own.size === 0) return;
    this.#cancelRenewal = this.#surroundings.timers.after(
      (limits.forwarderLeaseSeconds * 1000) / 3,
      () => {
        for (const site of this.#own.keys()) void this.#tell(site);
        this.#renewLater();
      },
    );
  }

  #readWatched(key: string, value: string | null): void {
    const [, site = '', plane] = key.split('/');
    if (plane === this.#self) {
      if (value === null) this.#leases.forget(key);
      return;
    }
    if (value === null) this.#others.delete(key);
    else this.#others.set(key, { site, ids: (JSON.parse(value) as { ids: string[] }).ids });
  }

  #readTraffic(key: string, value: string | null): void {
    const [, site = '', forwarder = ''] = key.split('/');
    const stored = value === null ? undefined : (JSON.parse(value) as Stored);
    // What this process has written it has heard already, or something newer.
    if (stored?.by === this.#self) return;
    this.#leases.forget(key);
    this.#hear(site, forwarder, stored?.value);
  }

  #hear(site: string, forwarder: string, value: SiteTraffic | undefined): void {
    const forwarders = this.#heard.get(site) ?? new Map<string, SiteTraffic>();
    if (value === undefined) forwarders.delete(forwarder);
    else forwarders.set(forwarder, value);
    if (forwarders.size === 0) this.#heard.delete(site);
    else this.#heard.set(site, forwarders);
    this.#onTraffic(site);
  }
}

/** Tells of each key under a prefix: as it stands, and as it changes; null = gone. */
class KeyFollower implements Follower {
  readonly #read: (key: string, value: string | null) => void;
  #known = new Set<string>();

  constructor(read: (key: string, value: string | null) => void) {
    this.#read = read;
  }

  load({ entries }: Range): void {
    const present = new Set(entries.map(({ key }) => key));
    for (const key of this.#known) if (!present.has(key)) this.#read(key, null);
    this.#known = present;
    for (const { key, value } of entries) this.#read(key, value);
  }

  change(_revision: number, changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      if (value === null) this.#known.delete(key);
      else this.#known.add(key);
      this.#read(key, value);
    }
  }
}
