import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type LoadBalancerLine, type LoadBalancerState, stateAfter } from '../../sdk/live.ts';
import { CallFailed, follow } from '../door.ts';

export interface Watch {
  /** As it was told last; undefined until the first line. It stays when the load balancer goes. */
  readonly state: Signal<LoadBalancerState | undefined>;
  /** `live`: what is shown is what is so. `away`: it was so when the line broke. */
  readonly line: Signal<'opening' | 'live' | 'away' | 'deleted'>;
  /** Why nothing is told, where trying again would not help. */
  readonly trouble: Signal<unknown>;
  /** The control plane's clock less this machine's, in milliseconds. */
  readonly skew: Signal<number>;
}

/** Pauses before the stream is opened again: doubled from the first up to the last. */
const retryMs = { first: 500, most: 8_000 };

/** Follows one load balancer for as long as the page shows it. */
export function useWatch(id: string): Watch {
  const watch: Watch = {
    state: useSignal<LoadBalancerState | undefined>(undefined),
    line: useSignal<'opening' | 'live' | 'away' | 'deleted'>('opening'),
    trouble: useSignal<unknown>(undefined),
    skew: useSignal(0),
  };
  useEffect(() => {
    const stop = new AbortController();
    watch.state.value = undefined;
    watch.line.value = 'opening';
    watch.trouble.value = undefined;
    void followOn(id, watch, stop.signal);
    return () => stop.abort();
  }, [id]);
  return watch;
}

/** Reads one stream after the other: each ends now and then, and a broken one is opened anew. */
async function followOn(id: string, watch: Watch, signal: AbortSignal): Promise<void> {
  let pause = retryMs.first;
  while (!signal.aborted) {
    try {
      for await (const line of lines(id, signal)) {
        pause = retryMs.first;
        take(line, watch);
      }
      if (watch.line.value === 'deleted') return;
    } catch (error) {
      if (signal.aborted) return;
      // A refusal stays one however often it is asked again.
      if (error instanceof CallFailed && error.status >= 400 && error.status < 500) {
        watch.trouble.value = error;
        if (error.code !== 'Throttling.User') return;
      }
      watch.line.value = 'away';
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, retryMs.most);
  }
}

function lines(LoadBalancerId: string, signal: AbortSignal) {
  return follow<LoadBalancerLine>('Sluice', 'WatchLoadBalancer', { LoadBalancerId }, signal);
}

function take(line: LoadBalancerLine, watch: Watch): void {
  watch.skew.value = Date.parse(line.Time) - Date.now();
  watch.trouble.value = undefined;
  if (line.Type === 'deleted') {
    watch.line.value = 'deleted';
    return;
  }
  watch.line.value = 'live';
  watch.state.value = stateAfter(watch.state.value, line);
}
