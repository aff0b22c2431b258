import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import { parseRecord } from '../../store/records.ts';
import { StoreUnavailable } from '../../store/store.ts';
import type { Call, Stored } from '../call.ts';
import type { LoadBalancerChange } from './changes.ts';
import type { LoadBalancerLine, LoadBalancerState } from './messages.ts';
import { Pulse } from './pulse.ts';
import { stateOf } from './state.ts';

/**
 * The lines of WatchLoadBalancer.
 * @throws LoadBalancerNotFound; ApiError Throttling.User, before the first line
 */
export async function* watchOne(id: string, call: Call): AsyncIterable<string> {
  const leave = call.live.enter(call.caller.account);
  const watched = new Watched(id, call);
  try {
    await watched.begin();
    yield* watched.lines();
  } finally {
    watched.end();
    leave();
  }
}

class Watched {
  readonly #id: string;
  readonly #call: Call;
  readonly #pulse: Pulse;
  readonly #stops: (() => void)[] = [];
  /** Part -> its text as it was told last. */
  readonly #told = new Map<string, string>();
  /** Undefined: to be read; null: it is gone. */
  #stored: Stored<LoadBalancer> | null | undefined;

  constructor(id: string, call: Call) {
    this.#id = id;
    this.#call = call;
    this.#pulse = new Pulse(call.live.timers);
  }

  async begin(): Promise<void> {
    const { live, fleet } = this.#call;
    this.#stops.push(await live.changes.subscribe(this.#id, (change) => this.#changed(change)));
    const { value } = await this.#call.loadBalancer(this.#id);
    this.#stops.push(
      fleet.onChange((site) => {
        if (site === undefined || site === value.site) this.#pulse.touch();
      }),
      fleet.watchTraffic(value.site, this.#id),
    );
  }

  end(): void {
    for (const stop of this.#stops) stop();
  }

  async *lines(): AsyncIterable<string> {
    for await (const _ of this.#pulse.beats(this.#call.signal)) {
      const stored = await this.#read();
      if (stored === null) {
        yield this.#line({ Type: 'deleted' });
        return;
      }
      yield await this.#next(stored);
    }
  }

  /** What is new; a heartbeat when nothing is. */
  async #next(stored: Stored<LoadBalancer> | undefined): Promise<string> {
    if (stored === undefined) return this.#line({ Type: 'heartbeat' });
    const { fleet, now } = this.#call;
    const state = await stateOf(fleet, stored, now());
    const isFirst = this.#told.size === 0;
    const news: [string, unknown][] = [];
    for (const [part, value] of Object.entries(state)) {
      const text = JSON.stringify(value);
      if (this.#told.get(part) === text) continue;
      this.#told.set(part, text);
      news.push([part, value]);
    }
    if (isFirst) return this.#line({ Type: 'state', ...state });
    if (news.length === 0) return this.#line({ Type: 'heartbeat' });
    const parts: Partial<LoadBalancerState> = Object.fromEntries(news);
    return this.#line({ Type: 'change', ...parts });
  }

  #changed(change: LoadBalancerChange | 'lost'): void {
    if (change === 'lost') {
      this.#stored = undefined;
    } else {
      const { key, value, revision } = change;
      this.#stored = value === null ? null : parseRecord({ key, value, revision });
    }
    this.#pulse.touch();
  }

  /** Undefined: the store is away, and what was told last stands. */
  async #read(): Promise<Stored<LoadBalancer> | null | undefined> {
    if (this.#stored !== undefined) return this.#stored;
    try {
      const read = await this.#call.loadBalancer(this.#id);
      // A commit that came while it was read is newer.
      this.#stored ??= read;
      return this.#stored;
    } catch (error) {
      if (error instanceof StoreUnavailable) return undefined;
      if (error instanceof Refusal && error.code === 'LoadBalancerNotFound') return null;
      throw error;
    }
  }

  #line(line: WithoutTime<LoadBalancerLine>): string {
    const Time = new Date(this.#call.now()).toISOString();
    return `${JSON.stringify({ ...line, Time })}\n`;
  }
}

type WithoutTime<Line> = Line extends unknown ? Omit<Line, 'Time'> : never;
