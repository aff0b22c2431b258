import type { LoadBalancerLine, LoadBalancerState } from '../api/live/messages.ts';

/** What streamed actions say of load balancers, for whoever reads them. */
export type * from '../api/live/messages.ts';

/**
 * What a reader of WatchLoadBalancer knows once it has read a line.
 * @param state before the line; undefined: nothing yet
 * @returns undefined: nothing is known yet, or the load balancer is gone
 */
export function stateAfter(
  state: LoadBalancerState | undefined,
  line: LoadBalancerLine,
): LoadBalancerState | undefined {
  switch (line.Type) {
    case 'state':
      return partsOf(line) as LoadBalancerState;
    case 'change':
      return state && { ...state, ...partsOf(line) };
    case 'heartbeat':
      return state;
    case 'deleted':
      return undefined;
  }
}

function partsOf<Line extends LoadBalancerLine>({ Type: _, Time: __, ...parts }: Line) {
  return parts;
}
