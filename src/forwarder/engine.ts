import type { BackendServer, LoadBalancer } from '../elb/types.ts';

/** What went wrong with one load balancer on this forwarder; `listener` as `tcp:80`. */
export interface Failure {
  readonly loadBalancerId: string;
  readonly listener?: string;
  readonly reason: string;
}

/** Sessions a removed server still has here. 0 = the drain is over on this forwarder. */
export interface DrainProgress {
  readonly loadBalancerId: string;
  readonly server: BackendServer;
  /** Unix milliseconds. */
  readonly deadline: number;
  readonly sessions: number;
}

/** One server behind one listener as the engine sees it. */
export interface ServerHealth {
  readonly loadBalancerId: string;
  readonly listener: string;
  readonly serverId: string;
  readonly healthy: boolean;
}

/**
 * A data plane: three idempotent verbs and what can be read from it. A verb resolves only after
 * the engine was read back and found to be as wanted; what the engine refused comes back as
 * failures, never as silence. Verbs for different load balancers may run at once, and share one
 * reload when they need one.
 */
export interface Engine {
  /** Makes the engine carry `wanted`, whatever it carried before. */
  apply(wanted: LoadBalancer): Promise<readonly Failure[]>;
  /** Stops carrying a load balancer: listeners close, sessions are cut. */
  remove(loadBalancerId: string): Promise<void>;
  /** Removes whatever of ours is not in `wanted` (left by an earlier life of the agent). */
  prune(wanted: ReadonlySet<string>): Promise<void>;
  /** Drains under way, with sessions left; entries whose sessions all ended have 0. */
  drains(): Promise<readonly DrainProgress[]>;
  health(): Promise<readonly ServerHealth[]>;
  /** Called with a reason when the engine lost its state (restart, flush by somebody else). */
  onLost(listener: (reason: string) => void): void;
  /** Leaves traffic flowing unless told to stop it. */
  close(options: { readonly stopTraffic: boolean }): Promise<void>;
}
