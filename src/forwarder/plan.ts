import type { Listener, LoadBalancer } from '../elb/types.ts';
import { planCommands as planHaproxy } from './haproxy/plan.ts';
import { planTransaction } from './nftables/plan.ts';

/** What carries TCP listeners. */
export type L4 = 'haproxy' | 'kernel';

/** Whether the kernel carries a listener: UDP always, TCP where it is told so. */
export function isKernels({ protocol }: Listener, l4: L4): boolean {
  return protocol === 'udp' || (protocol === 'tcp' && l4 === 'kernel');
}

/** What a forwarder runs to get from one state of a load balancer to the next. */
export function planCommands(
  l4: L4,
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): string[] {
  const part = (loadBalancer: LoadBalancer | undefined, kernels: boolean) =>
    loadBalancer && {
      ...loadBalancer,
      listeners: loadBalancer.listeners.filter((each) => isKernels(each, l4) === kernels),
    };
  return [
    ...planHaproxy(part(before, false), part(after, false)),
    ...planTransaction(part(before, true), part(after, true)).map((line) => `nft ${line}`),
  ];
}
