import type { Listener, LoadBalancer } from '../../elb/types.ts';
import { everyLoadBalancer } from '../../fleet/protocol.ts';
import type { Call, Stored } from '../call.ts';

export type ListenerStatus = 'Running' | 'Stopped' | 'Starting';

/**
 * Tells the status of the listeners of one load balancer: what carries traffic. Running is what a
 * live forwarder has brought up at the load balancer's revision; Starting is desired to run, but
 * there is no live forwarder, none has reached the revision, or each reports a failure. While the
 * load balancer is InActive all its listeners are Stopped.
 */
export async function listenerStatuses(
  { value, revision }: Stored<LoadBalancer>,
  call: Pick<Call, 'fleet'>,
): Promise<(listener: Listener) => ListenerStatus> {
  const forwarders = call.fleet.forwarders(value.site);
  const { applied } = call.fleet.progress(value.site, revision, value.id);
  const failsEverywhere = (name: string) =>
    forwarders.every(
      (forwarder) =>
        forwarder.revision < revision ||
        forwarder.failures.some(
          ({ loadBalancerId, listener }) =>
            loadBalancerId === everyLoadBalancer ||
            (loadBalancerId === value.id && (listener === undefined || listener === name)),
        ),
    );
  return (listener) => {
    if (!listener.running || value.status === 'InActive') return 'Stopped';
    if (applied > 0) return 'Running';
    return failsEverywhere(`${listener.protocol}:${listener.port}`) ? 'Starting' : 'Running';
  };
}
