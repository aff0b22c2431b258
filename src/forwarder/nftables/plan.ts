import type { LoadBalancer } from '../../elb/types.ts';
import { type Fragment, render } from './render.ts';
import { openServers, servicesOf } from './service.ts';
import { changeLines, heldBy } from './table.ts';

/**
 * What nft is told to get from one state of a load balancer to the next, in one transaction, where
 * every probe succeeds and no server has more flows than its share.
 */
export function planTransaction(
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): string[] {
  const [had, next] = [byName(before), byName(after)];
  return [...new Set([...had.keys(), ...next.keys()])].flatMap((name) => {
    const held = had.get(name);
    return changeLines(held === undefined ? undefined : heldBy(held), next.get(name));
  });
}

/** The rules of each listener, every probe succeeding. */
export function planFragments(loadBalancer: LoadBalancer | undefined): Fragment[] {
  if (loadBalancer === undefined) return [];
  return servicesOf(loadBalancer).map((service) => {
    const open = openServers(service, () => true);
    return render(
      service,
      open.map((server) => ({ server, share: server.weight })),
    );
  });
}

function byName(loadBalancer: LoadBalancer | undefined): Map<string, Fragment> {
  const fragments = planFragments(loadBalancer);
  return new Map(fragments.map((fragment) => [fragment.chains[0]!.name, fragment]));
}
