import type { Timers } from '../../clock.ts';
import { limits } from '../../limits.ts';
import type { Store } from '../../store/store.ts';
import type { Call } from '../call.ts';
import { ApiError } from '../errors.ts';
import { LoadBalancerChanges } from './changes.ts';
import type { LoadBalancerLine, LoadBalancersLine } from './messages.ts';
import { Pulse } from './pulse.ts';

/** One who watches. */
export interface Watcher {
  /** @param touch to be called whenever something may be new */
  begin(touch: () => void): Promise<void>;
  /** What is new, as things stand now; undefined: nothing. Behind `deleted` nothing follows. */
  next(): Promise<NewLine<LoadBalancerLine | LoadBalancersLine> | undefined>;
  /** May come at any moment after `begin` was called, and more than once. */
  end(): void;
}

/** A line before it is written. */
export type NewLine<Line> = Line extends unknown ? Omit<Line, 'Time'> : never;

/** What the streams of watchers share on one control plane. */
export class Live {
  readonly #timers: Timers;
  readonly changes: LoadBalancerChanges;
  /** Account -> its open streams. */
  readonly #streams = new Map<string, number>();

  constructor(store: Store, timers: Timers) {
    this.#timers = timers;
    this.changes = new LoadBalancerChanges(store, timers);
  }

  /**
   * The lines of a watcher. It ends with its stream, and with its caller: who has left reads no
   * further, and a stream that is not read does not run to its end.
   * @throws ApiError Throttling.User when the account has too many; what `begin` throws
   */
  async *stream(watcher: Watcher, { caller, signal, now }: Call): AsyncIterable<string> {
    const pulse = new Pulse(this.#timers);
    let toldAt = Number.NEGATIVE_INFINITY;
    const leave = this.#enter(caller.account);
    const end = () => {
      leave();
      watcher.end();
    };
    signal.addEventListener('abort', end);
    try {
      await watcher.begin(() => pulse.touch());
      for await (const _ of pulse.beats(signal)) {
        const line = await watcher.next();
        const isRecent = now() - toldAt < limits.heartbeat - limits.livePace;
        if (line === undefined && isRecent) continue;
        toldAt = now();
        const Time = new Date(toldAt).toISOString();
        yield `${JSON.stringify({ ...(line ?? { Type: 'heartbeat' }), Time })}\n`;
        if (line?.Type === 'deleted') return;
      }
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  }

  #enter(account: string): () => void {
    const open = this.#streams.get(account) ?? 0;
    if (open >= limits.liveStreams) {
      const detail = `the account watches by ${open} streams already`;
      throw new ApiError('Throttling.User', { detail });
    }
    this.#streams.set(account, open + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      const left = (this.#streams.get(account) ?? 1) - 1;
      if (left > 0) this.#streams.set(account, left);
      else this.#streams.delete(account);
    };
  }
}
