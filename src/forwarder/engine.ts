import type { LoadBalancer } from '../elb/types.ts';
import type { ReportDrain, ReportFailure, ReportHealth } from '../fleet/protocol.ts';

/**
 * A data plane: three idempotent verbs and what can be read from it. A verb resolves only after
 * the engine was read back and found to be as wanted; what the engine refused comes back as
 * failures, never as silence. Verbs for different load balancers may run at once, and share one
 * reload when they need one.
 */
export interface Engine {
  /** Makes the engine carry `wanted`, whatever it carried before. */
  apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]>;
  /** Stops carrying a load balancer: listeners close, sessions are cut. */
  remove(loadBalancerId: string): Promise<void>;
  /** Removes whatever of ours is not in `wanted` (left by an earlier life of the agent). */
  prune(wanted: ReadonlySet<string>): Promise<void>;
  /** Drains under way, with sessions left; entries whose sessions all ended have 0. */
  drains(): Promise<readonly ReportDrain[]>;
  health(): Promise<readonly ReportHealth[]>;
  /** Called with a reason when the engine lost its state (restart, flush by somebody else). */
  onLost(listener: (reason: string) => void): void;
  /** Leaves traffic flowing unless told to stop it. */
  close(options: { readonly stopTraffic: boolean }): Promise<void>;
}
