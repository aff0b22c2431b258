import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import { parseRecord } from '../../store/records.ts';
import { type Entry, StoreUnavailable } from '../../store/store.ts';
import type { Call, Stored } from '../call.ts';
import type { LoadBalancerChange } from './changes.ts';
import type { NewLine, Watcher } from './live.ts';
import type { LoadBalancerLine, LoadBalancerState } from './messages.ts';
import { stateOf } from './state.ts';

/** Who watches one load balancer. `begin` throws LoadBalancerNotFound. */
export class LoadBalancerWatcher implements Watcher {
  readonly #id: string;
  readonly #call: Call;
  #touch: () => void = () => {};
  readonly #stops: (() => void)[] = [];
  /** Part -> its text as it was told last. */
  readonly #told = new Map<string, string>();
  /** Undefined: to be read; null: it is gone. */
  #stored: Stored<LoadBalancer> | null | undefined;
  /** Its last change, which is not parsed before it is told: others may come until then. */
  #entry: Entry | undefined;

  constructor(id: string, call: Call) {
    this.#id = id;
    this.#call = call;
  }

  async begin(touch: () => void): Promise<void> {
    this.#touch = touch;
    const { live, fleet } = this.#call;
    this.#stops.push(await live.changes.subscribe(this.#id, (change) => this.#changed(change)));
    const { value } = await this.#readAnew();
    this.#stops.push(
      fleet.onChange((site) => {
        if (site === undefined || site === value.site) this.#touch();
      }),
      fleet.watchTraffic(value.site, this.#id),
    );
  }

  end(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  async next(): Promise<NewLine<LoadBalancerLine> | undefined> {
    const stored = await this.#read();
    if (stored === null) return { Type: 'deleted' };
    if (stored === undefined) return undefined;
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
    if (isFirst) return { Type: 'state', ...state };
    if (news.length === 0) return undefined;
    const parts: Partial<LoadBalancerState> = Object.fromEntries(news);
    return { Type: 'change', ...parts };
  }

  #changed(change: LoadBalancerChange | 'lost'): void {
    this.#stored = undefined;
    this.#entry = undefined;
    if (change !== 'lost') {
      const { key, value, revision } = change;
      if (value === null) this.#stored = null;
      else this.#entry = { key, value, revision };
    }
    this.#touch();
  }

  async #readAnew(): Promise<Stored<LoadBalancer>> {
    const read = await this.#call.loadBalancer(this.#id);
    // A commit that came while it was read is newer.
    if (this.#stored === undefined && this.#entry === undefined) this.#stored = read;
    return read;
  }

  /** Undefined: the store is away, and what was told last stands. */
  async #read(): Promise<Stored<LoadBalancer> | null | undefined> {
    if (this.#entry !== undefined) this.#stored = parseRecord(this.#entry);
    this.#entry = undefined;
    if (this.#stored !== undefined) return this.#stored;
    try {
      await this.#readAnew();
      return this.#entry === undefined ? this.#stored : await this.#read();
    } catch (error) {
      if (error instanceof StoreUnavailable) return undefined;
      if (error instanceof Refusal && error.code === 'LoadBalancerNotFound') return null;
      throw error;
    }
  }
}
