import type { BackendKey, LoadBalancer } from '../elb/types.ts';
import type { ReportDrain, ReportFailure, ReportHealth } from '../fleet/protocol.ts';

/**
 * What one listener has done since `source` began to count: running totals but for `active` and
 * `averageMs`. A source that was not there before has counted from zero; a count that begins again
 * must have another source. One listener may have several sources, whose totals add up.
 */
export interface ReportCounters {
  readonly loadBalancerId: string;
  /** `tcp:80` */
  readonly listener: string;
  /** Such as one worker process: the same as long as it goes on counting. */
  readonly source: string;
  /** Connections (UDP: flows) open now. */
  readonly active: number;
  readonly connections: number;
  /** Connections that no server was found for or that were refused. */
  readonly dropped: number;
  /** From clients, and to them. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Absent: the engine does not count packets. */
  readonly packetsIn?: number;
  readonly packetsOut?: number;
  /** HTTP requests, and their answers by class; 0 for other listeners. */
  readonly requests: number;
  readonly responses2xx: number;
  readonly responses3xx: number;
  readonly responses4xx: number;
  readonly responses5xx: number;
  /** Milliseconds that servers took for recent requests, on average. */
  readonly averageMs: number;
}

/** Counters of a listener that has done nothing. */
export const noCounts = {
  active: 0,
  connections: 0,
  dropped: 0,
  bytesIn: 0,
  bytesOut: 0,
  requests: 0,
  responses2xx: 0,
  responses3xx: 0,
  responses4xx: 0,
  responses5xx: 0,
  averageMs: 0,
} as const satisfies Partial<ReportCounters>;

/**
 * What a listener (without `server`) or a server behind it does: running totals but for `healthy`
 * and `sessions`. One may have several sources, as in `ReportCounters`.
 */
export interface TrafficCount {
  readonly loadBalancerId: string;
  /** `tcp:80` */
  readonly listener: string;
  readonly server?: BackendKey;
  readonly source: string;
  /** Absent: not probed, or not seen from this source. */
  readonly healthy?: boolean;
  /** Open now: connections or flows; of a server in HTTP, requests. */
  readonly sessions: number;
  readonly connections?: number;
  /** HTTP and HTTPS listeners alone. */
  readonly requests?: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

/**
 * A data plane: three idempotent verbs, leases, and what can be read. A verb resolves only after
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
  /**
   * What its listeners have counted. A source that has ended is told once more, with its last
   * totals. It waits for no verb, and no verb for it.
   */
  counters(): Promise<readonly ReportCounters[]>;
  /** What these load balancers do now; at little cost, however many others there are. */
  traffic(ids: ReadonlySet<string>): Promise<readonly TrafficCount[]>;
  /**
   * Holds load balancers of the given sites to a lease: they take traffic only while it runs, by
   * the engine's own means, whether or not this process runs. Replaces the set held before; a site
   * absent from it carries without a lease. An engine that is opened keeps the set of its last
   * life, every lease over, until it is called. Waits for no verb that is under way. Resolves once
   * the engine was read back and found so. A change of the set may load HAProxy: renew meanwhile.
   * @param leases site -> when its lease ends (milliseconds of the agent's lease clock); a time
   *   that is past = fenced now
   */
  guard(leases: ReadonlyMap<string, number>): Promise<void>;
  /**
   * Extends the lease of a guarded site. One that is already over by then extends nothing, and one
   * that ends sooner than the current one shortens nothing. Waits for no verb and no reload.
   * Resolves when the engine has it.
   */
  renew(site: string, until: number): Promise<void>;
  /** What an operator should know of it; empty when all is well. */
  notices(): readonly string[];
  /** Called with a reason when the engine lost its state (restart, flush by somebody else). */
  onLost(listener: (reason: string) => void): void;
  /** Leaves traffic flowing unless told to stop it. */
  close(options: { readonly stopTraffic: boolean }): Promise<void>;
}
