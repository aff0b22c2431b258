import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LoadBalancersLine } from '../../sdk/live.ts';
import { Pace } from '../pace.ts';
import { readOn } from '../stream.ts';
import { concerns } from './list-state.ts';

/** Changes are shown together, at most so often: a fleet that is rolled out changes without end. */
const paceMs = 1_000;

/**
 * Counts up when what a page shows may have changed: one of its load balancers did, or there is
 * room on it for a new one.
 */
export function useChanges(shown: Signal<ReadonlySet<string>>): Signal<number> {
  const changes = useSignal(0);
  useEffect(() => {
    const stop = new AbortController();
    const pace = new Pace(paceMs, () => {
      changes.value += 1;
    });
    let isFirst = true;
    let wasAway = false;
    const take = (line: LoadBalancersLine) => {
      // The first line tells what the page has just been loaded with.
      if (wasAway || (!isFirst && concerns(line, shown.value))) pace.note();
      isFirst = false;
      wasAway = false;
      return false;
    };
    const away = () => {
      // The list stays as it is, and is read again when the stream is back.
      wasAway = true;
    };
    void readOn({ action: 'WatchLoadBalancers', parameters: {}, take, away }, stop.signal);
    return () => {
      stop.abort();
      pace.stop();
    };
  }, []);
  return changes;
}
