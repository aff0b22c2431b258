/**
 * What WatchLoadBalancer and WatchLoadBalancers say, one JSON message a line. A reader that also
 * runs in a browser takes these types from `sdk/live.ts`. Times are UTC texts.
 */

/** With every line. */
interface Stamped {
  /** The control plane's clock when it wrote the line, yyyy-MM-ddTHH:mm:ss.SSSZ. */
  readonly Time: string;
}

/**
 * A line of WatchLoadBalancer. The first is `state` and has every part; a `change` has those parts
 * that are new, each whole, so that a reader holds `{ ...state, ...line }`. The stream ends behind
 * `deleted`, and now and then without it: then the reader calls again and begins anew.
 */
export type LoadBalancerLine =
  | (Stamped & LoadBalancerState & { readonly Type: 'state' })
  | (Stamped & Partial<LoadBalancerState> & { readonly Type: 'change' })
  | (Stamped & { readonly Type: 'heartbeat' })
  | (Stamped & { readonly Type: 'deleted' });

export interface LoadBalancerState {
  /** Of its last change; what x-sluice-if-revision takes. */
  readonly Revision: number;
  readonly LoadBalancer: WatchedLoadBalancer;
  readonly Rollout: WatchedRollout;
  /** Servers that were removed, the last first; for a minute more once their time is over. */
  readonly Drains: readonly WatchedDrain[];
  /** What each live forwarder's probes say; no row = not probed there, or not told. */
  readonly Health: readonly WatchedHealth[];
  readonly Figures: WatchedFigures;
}

/** As DescribeLoadBalancerAttribute has it, with what a page shows besides. */
export interface WatchedLoadBalancer {
  readonly LoadBalancerId: string;
  readonly LoadBalancerName: string;
  /** `Active` or `InActive`. */
  readonly LoadBalancerStatus: string;
  readonly LoadBalancerType: string;
  readonly LoadBalancerSpec: string;
  readonly Address: string;
  readonly AddressIPVersion: string;
  readonly AddressType: string;
  /** Megabits per second; -1 = no cap. */
  readonly Bandwidth: number;
  readonly CreateTime: string;
  readonly EnsRegionId: string;
  readonly NetworkId: string;
  readonly VSwitchId: string;
  readonly PayType: string;
  /** How long a removed server's sessions may go on when the call does not say. */
  readonly DrainSeconds: number;
  readonly BackendServers: readonly WatchedServer[];
  readonly Listeners: readonly WatchedListener[];
}

/** What tells two entries of a pool apart. */
export interface ServerKey {
  readonly ServerId: string;
  /** `ens` or `eni`. */
  readonly Type: string;
  readonly Ip: string;
  /** 0 = the listener's BackendServerPort. */
  readonly Port: number;
}

export interface WatchedServer extends ServerKey {
  readonly Weight: number;
}

export interface WatchedListener {
  /** `tcp:80`: by this the other parts name it. */
  readonly Listener: string;
  readonly ListenerPort: number;
  /** `tcp`, `udp`, `http` or `https`. */
  readonly ListenerProtocol: string;
  readonly BackendServerPort: number;
  readonly Description: string;
  readonly Scheduler: string;
  /** `Running`, `Stopped`, and as the listener's own Describe action has it. */
  readonly Status: string;
  /** `on` or `off`. */
  readonly HealthCheck: string;
}

/** How far the last change has come: `Applied` of `Counted` forwarders. */
export interface WatchedRollout {
  readonly Applied: number;
  /** Forwarders that may serve the site, whether they report or not. */
  readonly Counted: number;
  /** Of these, the ones that report. */
  readonly Live: number;
  /** Forwarders are told of no change while it lasts. */
  readonly Frozen: boolean;
  /** Every forwarder of the site. */
  readonly Forwarders: readonly WatchedForwarder[];
}

export interface WatchedForwarder {
  readonly ForwarderName: string;
  /** It has reported within the last seconds. */
  readonly Live: boolean;
  /** `live`, `silent`, `fencing`, `fenced`, `left` or `unseen`, as DescribeRollouts has it. */
  readonly State: string;
  /** UTC; empty while it reports. */
  readonly SilentSince: string;
  /** It may serve the site: the change is not done without it. */
  readonly Counted: boolean;
  /** How far it is with the whole site; 0 when it is not live. */
  readonly Revision: number;
  /** It has this load balancer's last change, read back from its engine. */
  readonly Applied: boolean;
  /** Why not; empty when applied. */
  readonly Reasons: readonly string[];
}

export interface WatchedDrain extends WatchedServer {
  /** What is left then is cut. */
  readonly Deadline: string;
  /** An operator has ended it before its time. */
  readonly Cut: boolean;
  /** Every forwarder has counted no session of it, or the deadline has passed. */
  readonly Over: boolean;
  /** Those that have, or may have, sessions of it. */
  readonly Forwarders: readonly {
    readonly ForwarderName: string;
    /** In-flight requests, connections or flows. */
    readonly Sessions: number;
    /** false: not counted yet, or it does not report. */
    readonly Counted: boolean;
    /** UTC; empty while it reports. */
    readonly SilentSince: string;
  }[];
}

/** One server behind one listener, as one forwarder sees it. */
export interface WatchedHealth extends ServerKey {
  readonly Listener: string;
  readonly ForwarderName: string;
  readonly Healthy: boolean;
}

/**
 * What the forwarders count while somebody watches, added up, about once a second. Both lists are
 * empty until the first has come, within some two seconds; rates follow a second later.
 */
export interface WatchedFigures {
  /** Forwarders whose figures these are. */
  readonly Forwarders: readonly string[];
  readonly Listeners: readonly ListenerFigures[];
  /** Draining ones too. */
  readonly Servers: readonly ServerFigures[];
}

/** A member that is absent is not known: the engine does not count it, or not yet. */
export interface TrafficFigures {
  readonly Listener: string;
  /** Connections or flows that are open; of a server in HTTP, requests in flight. */
  readonly Sessions?: number;
  readonly ConnectionsPerSecond?: number;
  /** HTTP and HTTPS listeners alone. */
  readonly RequestsPerSecond?: number;
  /** From clients, and to them. */
  readonly BytesInPerSecond?: number;
  readonly BytesOutPerSecond?: number;
}

export type ListenerFigures = TrafficFigures;
export type ServerFigures = TrafficFigures & ServerKey;

/**
 * A line of WatchLoadBalancers. `all` comes first, and again whenever more has changed than was
 * kept for a slow reader: anything may then be other than it was. A `change` names what is new;
 * parts without news are absent. The stream ends now and then: the reader calls again.
 */
export type LoadBalancersLine =
  | (Stamped & {
      readonly Type: 'all';
      readonly Frozen: boolean;
      /** Every forwarder of every site of the account. */
      readonly Forwarders: readonly SiteForwarder[];
    })
  | (Stamped & {
      readonly Type: 'change';
      /** Load balancers that were made or changed, and those that were deleted. */
      readonly Changed?: readonly string[];
      readonly Deleted?: readonly string[];
      /** Of the last of these changes. */
      readonly Revision?: number;
      readonly Frozen?: boolean;
      /** Those that are new or other than they were. */
      readonly Forwarders?: readonly SiteForwarder[];
      /** Those that serve a site no more. */
      readonly Gone?: readonly Pick<SiteForwarder, 'EnsRegionId' | 'ForwarderName'>[];
    })
  | (Stamped & { readonly Type: 'heartbeat' });

/** One forwarder at one site that it should carry. */
export interface SiteForwarder {
  readonly EnsRegionId: string;
  readonly ForwarderName: string;
  readonly Live: boolean;
  /** `live`, `silent`, `fencing`, `fenced`, `left` or `unseen`. */
  readonly State: string;
  /** UTC; empty while it reports. */
  readonly SilentSince: string;
  /** Its engines refuse the traffic of the site when its lease ends. */
  readonly Fences: boolean;
  /** How far it is with the site; 0 when it is not live. */
  readonly Revision: number;
  readonly FailureCount: number;
  /** As an operator reads it: `haproxy 2.6.12`; empty when it is not live. */
  readonly Engine: string;
  readonly Notices: readonly string[];
}
