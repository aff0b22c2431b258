import { randomBytes } from 'node:crypto';
import { limits } from '../limits.ts';
import { isoSeconds } from '../signing.ts';
import { keys } from '../store/keys.ts';
import type { Change, Range } from '../store/store.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import type { SiteReport } from './protocol.ts';
import { ReportLeases } from './report-leases.ts';

export type Applied = NonNullable<SiteReport['applied']>;
export type Status = NonNullable<SiteReport['status']>;

/** What one forwarder has said of one site. Without `applied` it is not live. */
export interface Heard {
  readonly applied?: Applied;
  readonly status?: Status;
}

/** As it stands in the store; `by` is the control plane that took the report. */
interface Stored<T> {
  readonly v: 1;
  readonly by: string;
  readonly value: T;
}

type Part = 'applied' | 'status';

/** Called when a part of what a forwarder says has come, changed or gone. */
type OnHeard = (site: string, forwarder: string, part: Part) => void;

/**
 * What all forwarders have said, from whichever control plane they said it to. A report lives as
 * long as the forwarder goes on reporting: only a report proves that the whole way from its
 * engine to here works, an open stream does not.
 */
export class Reports implements Follower {
  readonly #surroundings: Surroundings;
  readonly #leases: ReportLeases;
  /** Which reports went through this process. */
  readonly #self = randomBytes(8).toString('hex');
  /** Site -> forwarder -> what it said. */
  #heard = new Map<string, Map<string, Heard>>();
  /** `<site>/<forwarder>`, and each forwarder alone -> monotonic time of the last report. */
  readonly #reportedAt = new Map<string, number>();
  /** Key -> the text that this process knows the store to hold, or is writing. */
  readonly #texts = new Map<string, string>();
  readonly #startedAt: number;
  readonly #onHeard: OnHeard;
  #resolveLoaded: () => void = () => {};

  constructor(surroundings: Surroundings, onHeard: OnHeard) {
    this.#surroundings = surroundings;
    this.#leases = new ReportLeases(surroundings);
    this.#onHeard = onHeard;
    this.#startedAt = surroundings.monotonic();
  }

  /** Follows the store until `signal` aborts; resolves once the reports were read. */
  start(signal: AbortSignal): Promise<void> {
    const loaded = new Promise<void>((resolve) => (this.#resolveLoaded = resolve));
    void follow(keys.allReports, this, this.#surroundings, signal);
    return loaded;
  }

  of(site: string): ReadonlyMap<string, Heard> {
    return this.#heard.get(site) ?? new Map();
  }

  /** Sites that somebody has reported of. */
  sites(): Iterable<string> {
    return this.#heard.keys();
  }

  /**
   * When the last report about a site came, by the monotonic clock. Before the first one it counts
   * from the start of this control plane: it cannot know of earlier ones.
   */
  reportedAt(site: string, forwarder: string): number {
    return this.#reportedAt.get(`${site}/${forwarder}`) ?? this.#startedAt;
  }

  /** How many milliseconds ago that was. */
  quietMs(site: string, forwarder: string): number {
    return this.#surroundings.monotonic() - this.reportedAt(site, forwarder);
  }

  /** How many milliseconds ago a forwarder last reported about any site; never: infinite. */
  quietEverywhereMs(forwarder: string): number {
    const at = this.#reportedAt.get(forwarder);
    return at === undefined ? Number.POSITIVE_INFINITY : this.#surroundings.monotonic() - at;
  }

  /** When the last report about a site came, UTC; empty: none has come to this control plane. */
  lastReport(site: string, forwarder: string): string {
    const at = this.#reportedAt.get(`${site}/${forwarder}`);
    const { now, monotonic } = this.#surroundings;
    return at === undefined ? '' : isoSeconds(now() - (monotonic() - at));
  }

  /** Takes note that a forwarder reports, or that a first report is due from now on. */
  expect(site: string, forwarder: string): void {
    const now = this.#surroundings.monotonic();
    this.#reportedAt.set(`${site}/${forwarder}`, now);
    this.#reportedAt.set(forwarder, now);
  }

  /**
   * True when no other control plane has taken a report that this one has not seen: `reportedAt`
   * is then the last one's, at the moment of the call.
   * @throws StoreUnavailable
   */
  async isNewest(site: string, forwarder: string): Promise<boolean> {
    const key = keys.applied(site, forwarder);
    const known = this.#texts.get(key);
    const entry = await this.#surroundings.store.get(key);
    return entry === undefined || entry.value === known;
  }

  /** The forwarder serves the site no more: what it reported counts no more. */
  async end(site: string, forwarder: string): Promise<void> {
    this.#hear(site, forwarder, 'status', undefined);
    this.#hear(site, forwarder, 'applied', undefined);
    await this.#leases.end(`${site}/${forwarder}`);
  }

  /**
   * Takes a report. It counts here at once and for the other control planes when the store has
   * it, which is when this resolves. Late news, overtaken on the way, says nothing and renews
   * nothing: the forwarder that is alive says more.
   * @throws StoreUnavailable: the forwarder reports again
   */
  async take(site: string, forwarder: string, { applied, status }: SiteReport): Promise<void> {
    const known = this.of(site).get(forwarder)?.applied;
    if (applied !== undefined) {
      if (known !== undefined && late(known, applied)) return;
      this.expect(site, forwarder);
      this.#hear(site, forwarder, 'applied', applied);
    }
    if (status !== undefined) this.#hear(site, forwarder, 'status', status);
    const heard = this.of(site).get(forwarder);
    if (heard?.applied === undefined) return;
    const values = new Map([
      [keys.applied(site, forwarder), this.#format(heard.applied)],
      ...(heard.status === undefined
        ? []
        : [[keys.status(site, forwarder), this.#format(heard.status)] as const]),
    ]);
    this.#texts.set(keys.applied(site, forwarder), this.#format(heard.applied));
    try {
      await this.#leases.put(`${site}/${forwarder}`, values);
    } catch (error) {
      this.#forgetUnlessHeard(site, forwarder, heard);
      throw error;
    }
  }

  load({ entries }: Range): void {
    const before = this.#heard;
    this.#heard = new Map();
    for (const { key, value } of entries) this.#read(key, value);
    for (const [site, forwarders] of before) {
      for (const name of forwarders.keys()) {
        if (!this.of(site).has(name)) this.#onHeard(site, name, 'applied');
      }
    }
    this.#resolveLoaded();
  }

  change(_revision: number, changes: readonly Change[]): void {
    for (const { key, value } of changes) this.#read(key, value);
  }

  /** One key of the store, read or changed. */
  #read(key: string, value: string | null): void {
    const path = parseKey(key);
    if (path === undefined) return;
    const { site, forwarder, part } = path;
    const stored = value === null ? undefined : (JSON.parse(value) as Stored<Applied & Status>);
    const own = stored?.by === this.#self;
    if (part === 'applied') {
      if (value !== null && !own) {
        this.#texts.set(key, value);
        this.expect(site, forwarder);
      }
      // Written elsewhere, or lapsed: the next report through here must write it again.
      if (!own) this.#leases.forget(`${site}/${forwarder}`);
      const known = this.of(site).get(forwarder)?.applied;
      if (known !== undefined && stored !== undefined) {
        // An echo of what this process wrote may be older than what it has heard since.
        if (late(known, stored.value) || (own && !late(stored.value, known))) return;
      }
    }
    this.#hear(site, forwarder, part, stored?.value);
  }

  #hear(site: string, forwarder: string, part: Part, value: Applied | Status | undefined): void {
    const forwarders = this.#heard.get(site) ?? new Map<string, Heard>();
    const { [part]: _, ...rest } = forwarders.get(forwarder) ?? ({} as Heard);
    const heard: Heard = value === undefined ? rest : { ...rest, [part]: value };
    if (heard.applied === undefined && heard.status === undefined) forwarders.delete(forwarder);
    else forwarders.set(forwarder, heard);
    if (forwarders.size > 0) this.#heard.set(site, forwarders);
    else this.#heard.delete(site);
    this.#onHeard(site, forwarder, part);
  }

  /** A report that the store did not take lives as long as its lease would have. */
  #forgetUnlessHeard(site: string, forwarder: string, heard: Heard): void {
    this.#surroundings.timers.after(limits.forwarderLeaseSeconds * 1000, () => {
      if (this.of(site).get(forwarder) === heard) this.#hear(site, forwarder, 'applied', undefined);
    });
  }

  #format(value: Applied | Status): string {
    return JSON.stringify({ v: 1, by: this.#self, value } satisfies Stored<Applied | Status>);
  }
}

/** True when `next` was said before `known`: by an earlier life, or at a lower revision. */
function late(known: Applied, next: Applied): boolean {
  const lives = (next.startedAt ?? 0) - (known.startedAt ?? 0);
  return lives === 0 ? next.revision < known.revision : lives < 0;
}

/** Site, forwarder and part of `report/<site>/<forwarder>/<part>`. */
function parseKey(key: string) {
  const [, site, forwarder, part, ...rest] = key.split('/');
  if (site === undefined || forwarder === undefined || rest.length > 0) return undefined;
  if (part !== 'applied' && part !== 'status') return undefined;
  return { site, forwarder, part: part as Part };
}
