import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type LoadBalancerLine, type LoadBalancerState, stateAfter } from '../../sdk/live.ts';
import { readOn } from '../stream.ts';

export interface Watch {
  /** As it was told last; undefined until the first line. It stays when the load balancer goes. */
  readonly state: Signal<LoadBalancerState | undefined>;
  /** `live`: what is shown is what is so. `away`: it was so when the line broke. */
  readonly line: Signal<'opening' | 'live' | 'away' | 'deleted'>;
  /** When the last line came, in Unix milliseconds; undefined before the first. */
  readonly at: Signal<number | undefined>;
  /** Why nothing is told, where trying again would not help. */
  readonly trouble: Signal<unknown>;
  /** The control plane's clock less this machine's, in milliseconds. */
  readonly skew: Signal<number>;
}

/** Follows one load balancer for as long as the page shows it. */
export function useWatch(LoadBalancerId: string): Watch {
  const watch: Watch = {
    state: useSignal<LoadBalancerState | undefined>(undefined),
    line: useSignal<'opening' | 'live' | 'away' | 'deleted'>('opening'),
    at: useSignal<number | undefined>(undefined),
    trouble: useSignal<unknown>(undefined),
    skew: useSignal(0),
  };
  useEffect(() => {
    const stop = new AbortController();
    watch.state.value = undefined;
    watch.line.value = 'opening';
    watch.at.value = undefined;
    watch.trouble.value = undefined;
    const reader = {
      action: 'WatchLoadBalancer',
      parameters: { LoadBalancerId },
      take: (line: LoadBalancerLine) => take(line, watch),
      away: (error: unknown, final: boolean) => {
        watch.line.value = 'away';
        if (final) watch.trouble.value = error;
      },
    };
    void readOn(reader, stop.signal);
    return () => stop.abort();
  }, [LoadBalancerId]);
  return watch;
}

function take(line: LoadBalancerLine, watch: Watch): boolean {
  watch.at.value = Date.now();
  watch.skew.value = Date.parse(line.Time) - Date.now();
  if (line.Type === 'deleted') {
    watch.line.value = 'deleted';
    return true;
  }
  watch.line.value = 'live';
  watch.state.value = stateAfter(watch.state.value, line);
  return false;
}
