import { certificateUses } from '../elb/certificates.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { keys } from '../store/keys.ts';
import { recordVersion } from '../store/records.ts';
import type { Write } from '../store/store.ts';

/**
 * What a change of a load balancer writes to the index of which listener uses which certificate.
 * Both ways of writing a load balancer commit it along, so no action can forget to.
 * @param before undefined: it is made; @param after undefined: it is deleted
 */
export function useChanges(
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): { readonly puts: readonly Write[]; readonly deletes: readonly string[] } {
  // Most changes are of servers.
  if (before?.listeners === after?.listeners) return { puts: [], deletes: [] };
  const [had, has] = [useKeys(before), useKeys(after)];
  const value = JSON.stringify({ v: recordVersion });
  return {
    puts: Array.from(has.difference(had), (key) => ({ key, value })),
    deletes: [...had.difference(has)],
  };
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
