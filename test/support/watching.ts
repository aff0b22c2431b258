import type { RpcClient } from '../../src/client.ts';
import {
  type LoadBalancerLine,
  type LoadBalancerState,
  type LoadBalancersLine,
  stateAfter,
} from '../../src/sdk/live.ts';
import { until } from './wait.ts';

/** Somebody who watches one load balancer. */
export interface Watching {
  readonly lines: readonly LoadBalancerLine[];
  /** Waits until what is known is as `isWanted` says. */
  state(what: string, isWanted: (state: LoadBalancerState) => unknown): Promise<LoadBalancerState>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export function watchLoadBalancer(client: RpcClient, LoadBalancerId: string): Watching {
  const abort = new AbortController();
  const lines: LoadBalancerLine[] = [];
  let state: LoadBalancerState | undefined;
  const ended = (async () => {
    const parameters = { LoadBalancerId };
    const stream = client.stream('Sluice', 'WatchLoadBalancer', parameters, abort.signal);
    for await (const text of stream) {
      const line = JSON.parse(text) as LoadBalancerLine;
      lines.push(line);
      state = stateAfter(state, line);
    }
  })();
  return {
    lines,
    ended,
    state: (what, isWanted) =>
      until(() => (state !== undefined && isWanted(state) ? state : undefined), { what }),
    stop: async () => {
      abort.abort();
      await ended.catch(() => {
        // Broken off, as was asked.
      });
    },
  };
}

/** The lines of WatchLoadBalancers as they come in, until `signal` aborts. */
export function watchLoadBalancers(client: RpcClient, signal: AbortSignal): LoadBalancersLine[] {
  const lines: LoadBalancersLine[] = [];
  void (async () => {
    try {
      for await (const text of client.stream('Sluice', 'WatchLoadBalancers', {}, signal)) {
        lines.push(JSON.parse(text) as LoadBalancersLine);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  })();
  return lines;
}
