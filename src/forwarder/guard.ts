import { type LoadBalancer, sameBackend } from '../elb/types.ts';
import { limits } from '../limits.ts';

/**
 * What a forwarder does not believe without a reason. The outages of this kind of system had one
 * shape: a healthy pipeline carried an empty state. So an emptied pool must say which call emptied
 * it, and a load balancer that vanishes must be named as deleted.
 */

/** Why `next` must not take the place of `good`, or undefined when what it loses is explained. */
export function unexplainedEmptying(good: LoadBalancer, next: LoadBalancer): string | undefined {
  if (next.backends.length > 0 || next.emptiedBy !== undefined) return undefined;
  const gone = good.backends.filter(
    (server) => !next.draining.some((drain) => sameBackend(drain, server)),
  );
  if (gone.length === 0) return undefined;
  return `held back: all ${good.backends.length} servers would go and no call explains it`;
}

export const unexplainedAbsence = 'held back: it vanished and no deletion explains it';

/**
 * True when a snapshot loses so much without a reason that nothing in it is to be believed.
 * @param lost load balancers that would vanish or be emptied unexplained
 * @param total load balancers the site has now
 */
export function tooMuchLost(lost: number, total: number): boolean {
  const { loadBalancers, share } = limits.unexplainedLoss;
  return lost > loadBalancers && lost > total * share;
}
