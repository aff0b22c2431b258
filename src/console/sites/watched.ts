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
}

/** Follows WatchLoadBalancers for as long as the page is shown. */
export function useWatched(): Watched {
  const news = useSignal(0);
  const trouble = useSignal<unknown>(undefined);
  useEffect(() => {
    const stop = new AbortController();
    const pace = new Pace(calm, () => {
      news.value += 1;
    });
    const take = (line: LoadBalancersLine) => {
      trouble.value = undefined;
      if (line.Type !== 'heartbeat') pace.note();
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
  return { news: news.value, trouble: trouble.value };
}
