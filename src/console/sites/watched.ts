import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LoadBalancersLine } from '../../sdk/live.ts';
import { Pace } from '../pace.ts';
import { readOn } from '../stream.ts';

/** Between two readings of what changed: many changes may come at once. Milliseconds. */
const calm = 400;

export interface Watched {
  /** Goes up when something about forwarders, load balancers or the freeze is new. */
  readonly news: number;
  /** Why the stream is not there now. */
  readonly trouble: unknown;
  /** `site/forwarder` -> when this page was told that it is no longer live. */
  readonly lost: ReadonlyMap<string, string>;
}

/** Follows WatchLoadBalancers for as long as the page is shown. */
export function useWatched(): Watched {
  const news = useSignal(0);
  const trouble = useSignal<unknown>(undefined);
  const lost = useSignal<ReadonlyMap<string, string>>(new Map());
  useEffect(() => {
    const stop = new AbortController();
    const live = new Set<string>();
    const pace = new Pace(calm, () => {
      news.value += 1;
    });
    const take = (line: LoadBalancersLine) => {
      trouble.value = undefined;
      if (line.Type !== 'heartbeat') {
        lost.value = lostAfter(lost.value, live, line);
        pace.note();
      }
      return false;
    };
    const away = (error: unknown) => {
      trouble.value = error;
    };
    void readOn({ action: 'WatchLoadBalancers', parameters: {}, take, away }, stop.signal);
    return () => {
      stop.abort();
      pace.stop();
    };
  }, []);
  return { news: news.value, trouble: trouble.value, lost: lost.value };
}

/** Forwarders that were live, and no longer are; whoever is heard of again is lost no more. */
function lostAfter(
  before: ReadonlyMap<string, string>,
  live: Set<string>,
  { Forwarders = [], Time }: Exclude<LoadBalancersLine, { Type: 'heartbeat' }>,
): ReadonlyMap<string, string> {
  const after = new Map(before);
  for (const { EnsRegionId, ForwarderName, Live } of Forwarders) {
    const key = `${EnsRegionId}/${ForwarderName}`;
    if (Live) after.delete(key);
    else if (live.has(key)) after.set(key, Time);
    if (Live) live.add(key);
    else live.delete(key);
  }
  return after;
}
