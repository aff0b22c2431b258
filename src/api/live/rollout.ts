import type { LoadBalancer } from '../../elb/types.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { everyLoadBalancer } from '../../fleet/protocol.ts';
import type { Stored } from '../call.ts';

/** How far one live forwarder has come with the last change of a load balancer. */
export interface ForwarderRollout {
  readonly ForwarderName: string;
  /** How far the forwarder is with the whole site. */
  readonly Revision: number;
  readonly Applied: boolean;
  /** Why not; empty when applied. */
  readonly Reasons: string[];
}

/** How far the last change of a load balancer has come, as things stand now. */
export async function rolloutOf(
  fleet: Pick<Fleet, 'confirm' | 'forwarders'>,
  { value: { id, site }, revision }: Stored<LoadBalancer>,
): Promise<{ applied: number; live: number; forwarders: ForwarderRollout[] }> {
  const { applied, live, missing } = await fleet.confirm(site, revision, id, 0);
  const forwarders = fleet.forwarders(site).map((forwarder) => {
    const lacking = missing.find((each) => each.forwarder === forwarder.name);
    const failures = forwarder.failures.filter(
      ({ loadBalancerId }) => loadBalancerId === id || loadBalancerId === everyLoadBalancer,
    );
    const said = failures.map(({ listener, reason }) =>
      listener === undefined ? reason : `${listener}: ${reason}`,
    );
    return {
      ForwarderName: forwarder.name,
      Revision: forwarder.revision,
      Applied: lacking === undefined,
      Reasons: said.length > 0 || lacking === undefined ? said : [lacking.reason],
    };
  });
  return { applied, live, forwarders };
}
