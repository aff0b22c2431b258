import type { Timers } from '../clock.ts';
import {
  type ListenerMinute,
  type MinuteReport,
  type PackedMinute,
  packMinute,
} from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import type { Disk } from './disk.ts';
import type { Engine } from './engine.ts';
import { Lane } from './lane.ts';
import { type Baseline, baselineOf, type Growth, growthSince } from './minutes.ts';
import type { Reporter } from './transport.ts';

const minuteMs = 60_000;
const fileName = 'minutes.json';

interface Waiting {
  readonly site: string;
  readonly minute: MinuteReport;
}

/** The file: what was read last, and what the control plane has not taken yet. */
interface Saved {
  readonly v: 1;
  readonly baseline: Baseline;
  readonly waiting: readonly Waiting[];
}

export interface CountingOptions {
  readonly engine: Engine;
  readonly disk: Disk;
  readonly transport: Reporter;
  readonly timers: Timers;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
  /** The site of a load balancer that is carried. */
  readonly siteOf: (loadBalancerId: string) => string | undefined;
}

/**
 * Reads what the engine has counted once a minute and tells the control plane what the minute
 * added. A minute is on disk before it is told, together with what the next one is measured by,
 * and is told under one name until it is taken: a lost answer, a repeated report and a killed
 * agent neither lose it nor count it twice.
 */
export class Counting {
  readonly #options: CountingOptions;
  readonly #lane: Lane;
  /** Undefined: nothing is known of what was told already. */
  #baseline: Baseline | undefined;
  /** Oldest first. */
  #waiting: Waiting[] = [];
  /** Which of them is told next. */
  #turn = 0;
  #cancel: () => void = () => {};
  /** The last reading; one at a time. */
  #reading: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: CountingOptions) {
    this.#options = options;
    this.#lane = new Lane({ ...options, send: () => this.#send() });
  }

  async boot(): Promise<void> {
    const { disk, log } = this.#options;
    try {
      const text = await disk.read(fileName);
      if (text === undefined) return;
      const saved = JSON.parse(text) as Saved;
      if (saved.v !== 1) throw new Error(`version ${saved.v}`);
      this.#baseline = saved.baseline;
      this.#waiting = [...saved.waiting];
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'what was counted last is not known');
    }
  }

  start(): void {
    // Without a file: whatever the engine has counted until now was perhaps told already.
    if (this.#baseline === undefined) this.#read();
    if (this.#waiting.length > 0) this.#lane.touch();
    this.#schedule();
  }

  /** The minute that has begun is kept for the next life. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    this.#lane.close();
    this.#read();
    await this.#reading;
  }

  /** At the end of this minute; of the next one where this one ends at once. */
  #schedule(): void {
    const { timers, now } = this.#options;
    const left = minuteMs - (now() % minuteMs);
    this.#cancel = timers.after(left < 1_000 ? left + minuteMs : left, () => {
      this.#read();
      if (!this.#isClosed) this.#schedule();
    });
  }

  #read(): void {
    const { log } = this.#options;
    this.#reading = this.#reading
      .then(() => this.#readOnce())
      .catch((error: unknown) => {
        // What was not read or kept now is part of the next minute.
        log.warn({ reason: reasonOf(error) }, 'the minute could not be counted');
      });
  }

  async #readOnce(): Promise<void> {
    const { engine, now, disk, log } = this.#options;
    const at = now();
    const [counters, health] = await Promise.all([engine.counters(), engine.health()]);
    const before = this.#baseline;
    const fresh =
      before === undefined ? [] : this.#parts(growthSince(before, counters, health), at);
    const baseline = baselineOf(before ?? {}, counters);
    const saved: Saved = { v: 1, baseline, waiting: this.#bounded(fresh) };
    await disk.replace(fileName, JSON.stringify(saved));
    this.#baseline = baseline;
    // Some may have been taken meanwhile.
    const all = this.#waiting.length + fresh.length;
    this.#waiting = this.#bounded(fresh);
    const lost = all - this.#waiting.length;
    if (lost > 0) log.warn({ lost }, 'what was counted in an old minute was told to nobody');
    if (this.#waiting.length > 0 && !this.#isClosed) this.#lane.touch();
  }

  /** What waits, and of old minutes no more than may. */
  #bounded(fresh: readonly Waiting[]): Waiting[] {
    const all = [...this.#waiting, ...fresh];
    const minutes = new Set(all.map(({ minute }) => minute.minute));
    const kept = new Set([...minutes].slice(-limits.minutesWaiting));
    return all.filter(({ minute }) => kept.has(minute.minute));
  }

  /** One report for each site, more where a site has many listeners. */
  #parts(growth: Growth, at: number): Waiting[] {
    const bySite = Map.groupBy(growth, ([id]) => this.#options.siteOf(id));
    // A second's grace: the timer of a minute's end may come a little early or late.
    const minute = new Date(at - 1_000).toISOString().slice(0, 16);
    return [...bySite].flatMap(([site, loadBalancers]) => {
      if (site === undefined) return [];
      return inParts(loadBalancers).map((listeners, index) => ({
        site,
        minute: { minute, part: `${at}-${index}`, listeners },
      }));
    });
  }

  /** Tells one; the lane comes again for the next. */
  async #send(): Promise<void> {
    const next = this.#waiting[this.#turn % this.#waiting.length];
    if (next === undefined) return;
    try {
      await this.#options.transport.report(next.site, { minute: next.minute });
    } catch (error) {
      // The others may be of sites whose reports are taken.
      this.#turn += 1;
      throw error;
    }
    this.#waiting = this.#waiting.filter((each) => each !== next);
    if (this.#waiting.length > 0) this.#lane.touch();
  }
}

/** Load balancers in groups of so many listeners as a report takes. */
function inParts(
  loadBalancers: readonly (readonly [string, ReadonlyMap<string, ListenerMinute>])[],
): Record<string, Record<string, PackedMinute>>[] {
  const parts: Record<string, Record<string, PackedMinute>>[] = [];
  let count = Number.POSITIVE_INFINITY;
  for (const [id, listeners] of loadBalancers) {
    if (count + listeners.size > limits.minuteListeners) {
      parts.push({});
      count = 0;
    }
    count += listeners.size;
    const packed = Array.from(listeners, ([name, minute]) => [name, packMinute(minute)]);
    parts.at(-1)![id] = Object.fromEntries(packed);
  }
  return parts;
}
