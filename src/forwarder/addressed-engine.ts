import type { LoadBalancer } from '../elb/types.ts';
import type { ReportFailure } from '../fleet/protocol.ts';
import type { Addresses } from './addresses.ts';
import type { Engine } from './engine.ts';

/**
 * An engine whose load balancers have their addresses on this machine: there before the engine
 * listens at one, gone after it has let go. While an address cannot be had, the engine still
 * follows every change, and the failure says why nobody reaches it.
 */
export function withAddresses(engine: Engine, addresses: Addresses): Engine {
  return {
    async apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]> {
      const reason = await addresses.hold(wanted.id, wanted.address);
      const failures = await engine.apply(wanted);
      if (reason === undefined) return failures;
      return [{ loadBalancerId: wanted.id, reason }, ...failures];
    },
    async remove(loadBalancerId) {
      await engine.remove(loadBalancerId);
      await addresses.release(loadBalancerId);
    },
    async prune(wanted) {
      await engine.prune(wanted);
      await addresses.keepOnly(wanted);
    },
    drains: () => engine.drains(),
    health: () => engine.health(),
    counters: () => engine.counters(),
    traffic: (ids) => engine.traffic(ids),
    guard: (leases) => engine.guard(leases),
    renew: (site, until) => engine.renew(site, until),
    notices: () => engine.notices(),
    onLost: (listener) => engine.onLost(listener),
    async close(how) {
      await engine.close(how);
      if (how.stopTraffic) await addresses.keepOnly(new Set());
    },
  };
}
