import { certificateUses } from '../elb/certificates.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { keys } from '../store/keys.ts';

/**
 * The index of which listener uses which certificate, as it changes with a load balancer. Both
 * ways of writing a load balancer commit it along, so no action can forget to.
 * @param before undefined: it is made; @param after undefined: it is deleted
 */
export function useChanges(
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): { readonly begun: readonly string[]; readonly ended: readonly string[] } {
  const [had, has] = [useKeys(before), useKeys(after)];
  return { begun: [...has.difference(had)], ended: [...had.difference(has)] };
}

function useKeys(loadBalancer: LoadBalancer | undefined): Set<string> {
  if (loadBalancer === undefined) return new Set();
  const { site, id } = loadBalancer;
  return new Set(
    certificateUses(loadBalancer).map(({ certificate, port }) =>
      keys.certificateUse(certificate, site, id, port),
    ),
  );
}
