import type { Timers } from '../clock.ts';
import type { ReportTraffic, SiteTraffic } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import type { Engine, TrafficCount } from './engine.ts';
import { Lane } from './lane.ts';
import { Rates } from './rates.ts';
import type { Reporter } from './transport.ts';

export interface TrafficOptions {
  readonly engine: Engine;
  readonly transport: Reporter;
  readonly timers: Timers;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
}

/** A site with load balancers that somebody watches. */
interface Watched {
  ids: readonly string[];
  /** What is told of them. */
  traffic: SiteTraffic;
  readonly lane: Lane;
}

/**
 * Counts the traffic of load balancers that somebody watches, once a second, and tells the
 * control plane. While nobody watches the engine is not asked.
 */
export class TrafficLoop {
  readonly #options: TrafficOptions;
  readonly #sites = new Map<string, Watched>();
  readonly #rates = new Rates();
  #isRunning = false;
  #isClosed = false;
  #cancel: () => void = () => {};

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** From now on these load balancers of a site are watched, and no others. */
  watch(site: string, ids: readonly string[]): void {
    const watched = this.#sites.get(site) ?? this.#open(site);
    if (watched === undefined || (ids.length === 0 && watched.ids.length === 0)) return;
    watched.ids = ids;
    if (ids.length === 0) {
      // Said once, so that nobody takes what was counted last for what is.
      watched.traffic = {};
      watched.lane.touch();
    }
    if (!this.#isRunning) void this.#run();
  }

  /** Nobody can be told any more: of a site, or of all. */
  forget(site?: string): void {
    for (const [each, { lane }] of this.#sites) {
      if (site !== undefined && each !== site) continue;
      lane.close();
      this.#sites.delete(each);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.forget();
  }

  #open(site: string): Watched | undefined {
    if (this.#isClosed) return undefined;
    const { transport } = this.#options;
    const send = () => transport.report(site, { traffic: this.#sites.get(site)?.traffic ?? {} });
    const watched: Watched = {
      ids: [],
      traffic: {},
      lane: new Lane({ ...this.#options, send }),
    };
    this.#sites.set(site, watched);
    return watched;
  }

  async #run(): Promise<void> {
    const ids = new Set([...this.#sites.values()].flatMap((watched) => watched.ids));
    this.#isRunning = ids.size > 0 && !this.#isClosed;
    if (!this.#isRunning) return this.#rates.clear();
    await this.#count(ids);
    if (this.#isClosed) return;
    this.#cancel = this.#options.timers.after(limits.trafficEvery, () => void this.#run());
  }

  async #count(ids: ReadonlySet<string>): Promise<void> {
    const { engine, now, log } = this.#options;
    let counts: readonly TrafficCount[] = [];
    try {
      counts = await engine.traffic(ids);
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'cannot count the traffic of who is watched');
    }
    const rows = this.#rates.since(counts, now());
    for (const watched of this.#sites.values()) {
      if (watched.ids.length === 0) continue;
      watched.traffic = bounded(watched.ids, rows);
      watched.lane.touch();
    }
  }
}

/** Whole load balancers, as many as a report has room for. */
function bounded(
  ids: readonly string[],
  rows: ReadonlyMap<string, readonly ReportTraffic[]>,
): SiteTraffic {
  let left: number = limits.trafficRows;
  return Object.fromEntries(
    ids.flatMap((id) => {
      const own = rows.get(id) ?? [];
      left -= own.length;
      return left < 0 ? [] : [[id, own] as const];
    }),
  );
}
