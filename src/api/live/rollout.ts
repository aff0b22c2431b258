import type { LoadBalancer } from '../../elb/types.ts';
import type { Fleet, Standing } from '../../fleet/fleet.ts';
import { everyLoadBalancer } from '../../fleet/protocol.ts';
import type { Stored } from '../call.ts';

/** How far one forwarder of the site has come with the last change of a load balancer. */
export interface ForwarderRollout {
  readonly ForwarderName: string;
  /** `live`, `silent`, `fencing`, `fenced`, `left` or `unseen`. */
  readonly State: Standing['state'];
  /** UTC; empty while it reports. */
  readonly SilentSince: string;
  /** It may serve the site, so that the change is not done without it. */
  readonly Counted: boolean;
  /** How far the forwarder is with the whole site; 0 when it does not report. */
  readonly Revision: number;
  readonly Applied: boolean;
  /** Why not; and listeners that serve nothing since before the change, applied or not. */
  readonly Reasons: string[];
}

/** How far the last change of a load balancer has come, as far as this control plane knows. */
export interface Rollout {
  readonly applied: number;
  readonly counted: number;
  readonly live: number;
  readonly forwarders: readonly ForwarderRollout[];
}

export function rolloutOf(
  fleet: Pick<Fleet, 'progress' | 'standings'>,
  { value: { id, site }, revision }: Stored<LoadBalancer>,
): Rollout {
  const { missing, ...counts } = fleet.progress(site, revision, id);
  const forwarders = fleet.standings(site).map((standing) => {
    const { forwarder, state, silentSince, counted, applied } = standing;
    const lacking = missing.find((each) => each.forwarder === forwarder);
    const failures = (applied?.failures ?? []).filter(
      ({ loadBalancerId }) => loadBalancerId === id || loadBalancerId === everyLoadBalancer,
    );
    const said = failures.map(({ listener, reason }) =>
      listener === undefined ? reason : `${listener}: ${reason}`,
    );
    return {
      ForwarderName: forwarder,
      State: state,
      SilentSince: silentSince,
      Counted: counted,
      Revision: applied?.revision ?? 0,
      Applied: counted && lacking === undefined,
      Reasons: reasonsOf(standing, said, lacking?.reason),
    };
  });
  return { ...counts, forwarders };
}

function reasonsOf({ state }: Standing, failures: string[], lacking: string | undefined): string[] {
  if (state === 'fenced') return ['it is fenced: it serves nothing until it has caught up'];
  if (state === 'left') return ['it has stopped and serves nothing'];
  return failures.length > 0 || lacking === undefined ? failures : [lacking];
}
