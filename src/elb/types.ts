/**
 * The words of Sluice as data: what the store holds, what a forwarder is told, what the rules
 * change. All of it is JSON; nothing here imports anything.
 */

export type Protocol = 'tcp' | 'udp' | 'http' | 'https';

/**
 * wrr weighted round robin; wlc weight and live connections; rr plain order; sch consistent hash
 * of the client address; tch hash of the four-tuple; qch, iqch hash of the QUIC connection id.
 */
export type Scheduler = 'wrr' | 'wlc' | 'rr' | 'sch' | 'tch' | 'qch' | 'iqch';

export type ServerType = 'ens' | 'eni';

/** What tells two entries of one pool apart. `port` 0 means the listener's backend port. */
export interface BackendKey {
  readonly serverId: string;
  readonly type: ServerType;
  readonly ip: string;
  readonly port: number;
}

/** An attached server. `weight` 0 to 100; 0 gets no new connections, persistent ones included. */
export interface BackendServer extends BackendKey {
  readonly weight: number;
}

/**
 * A removed server whose sessions may end on their own until `deadline` (Unix milliseconds), when
 * the forwarder cuts them. A passed deadline makes the entry void; the next change drops it.
 */
export interface DrainingServer extends BackendServer {
  readonly deadline: number;
  /** An operator has ended the drain before its time. */
  readonly cut?: true;
}

/** Probes of a listener. Seconds and counts as the API has them. */
export interface HealthCheck {
  readonly enabled: boolean;
  readonly kind: 'tcp' | 'http' | 'udp';
  /** Absent: the port of the server that is probed. */
  readonly port?: number;
  readonly timeoutSeconds: number;
  readonly intervalSeconds: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly method?: 'head' | 'get';
  readonly domain?: string;
  readonly uri?: string;
  /** Classes that count as healthy: `http_2xx`, comma-joined. */
  readonly httpCode?: string;
  readonly request?: string;
  readonly expect?: string;
}

interface ListenerBase {
  readonly port: number;
  /** Absent: `port`. */
  readonly backendPort?: number;
  readonly description?: string;
  /** What the caller wants; whether forwarders do it is theirs to report. */
  readonly running: boolean;
  /** UTC, yyyy-MM-ddTHH:mm:ssZ. */
  readonly createTime: string;
  readonly scheduler: Scheduler;
  readonly health: HealthCheck;
}

export interface TcpListener extends ListenerBase {
  readonly protocol: 'tcp';
  readonly establishedTimeoutSeconds: number;
  /** 0 = off. */
  readonly persistenceTimeoutSeconds: number;
  readonly eipTransmit: boolean;
}

export interface UdpListener extends ListenerBase {
  readonly protocol: 'udp';
  readonly establishedTimeoutSeconds: number;
  readonly eipTransmit: boolean;
}

export interface HttpListener extends ListenerBase {
  readonly protocol: 'http';
  readonly idleTimeoutSeconds: number;
  readonly requestTimeoutSeconds: number;
  readonly forwardedFor: boolean;
  /** Present: every request is redirected to https on this port. */
  readonly forwardPort?: number;
}

export interface HttpsListener extends ListenerBase {
  readonly protocol: 'https';
  readonly idleTimeoutSeconds: number;
  readonly requestTimeoutSeconds: number;
  /** Present: every request is redirected to https on this port. */
  readonly forwardPort?: number;
  /** As the caller named it; `certificateNumber` of it is the certificate's id. */
  readonly certificateId: string;
  readonly sticky?: StickySession;
}

/**
 * How a client stays with a server. insert: a cookie of ours (SERVERID), for `timeoutSeconds`.
 * server: the server's mark goes before the value of a cookie that the server itself sets.
 */
export type StickySession =
  | { readonly kind: 'insert'; readonly timeoutSeconds: number }
  | { readonly kind: 'server'; readonly cookie: string };

export type Listener = TcpListener | UdpListener | HttpListener | HttpsListener;

export type LoadBalancerStatus = 'Active' | 'InActive';

/**
 * One load balancer with its listeners and servers: one value of the store, so that a change is
 * one compare-and-swap.
 */
export interface LoadBalancer {
  readonly v: 1;
  readonly id: string;
  readonly account: string;
  /** The edge node, `EnsRegionId`. */
  readonly site: string;
  readonly name: string;
  readonly spec: string;
  readonly loadBalancerType: 'CLB' | 'InternetDR';
  readonly payType: 'PostPaid';
  readonly billingCycle?: string;
  readonly status: LoadBalancerStatus;
  readonly address: string;
  readonly ipVersion: 'ipv4' | 'ipv6';
  readonly networkId: string;
  readonly vSwitchId: string;
  /** Megabits per second; -1 = no cap. */
  readonly bandwidth: number;
  /** UTC, yyyy-MM-ddTHH:mm:ssZ. */
  readonly createTime: string;
  /** How long a removed server's sessions may go on when the call does not say. */
  readonly drainSeconds: number;
  readonly listeners: readonly Listener[];
  readonly backends: readonly BackendServer[];
  readonly draining: readonly DrainingServer[];
  /**
   * Which call left the pool without a server. A forwarder that is told of an empty pool without
   * this keeps the last good one: an emptied pool must have a reason.
   */
  readonly emptiedBy?: { readonly action: string; readonly requestId: string };
}

/** A server certificate. */
export interface Certificate {
  readonly v: 1;
  /** A number in decimal. */
  readonly id: string;
  readonly account: string;
  readonly name: string;
  /** PEM, the server's own certificate first, one after the other. */
  readonly chain: string;
  /** The private key in PEM, sealed under the record's key. */
  readonly key: string;
  /** UTC, yyyy-MM-ddTHH:mm:ssZ. */
  readonly createTime: string;
  /** Unix milliseconds. */
  readonly notBefore: number;
  /** Unix milliseconds. */
  readonly notAfter: number;
}

/** A machine that an operator registered; ENS sees it as an instance. */
export interface Instance {
  readonly v: 1;
  readonly id: string;
  readonly account: string;
  readonly site: string;
  readonly name: string;
  readonly privateIp: string;
  readonly status: 'Running' | 'Stopped' | 'Expired';
  readonly networkId: string;
  readonly vSwitchId: string;
  readonly createTime: string;
  readonly interfaces: readonly { readonly id: string; readonly privateIp: string }[];
  /** Somebody is about to forget it: who adds it as a server writes it again without this. */
  readonly leaving?: true;
}

/** An edge node. Load balancer addresses come from `addressPool`, a CIDR. */
export interface Site {
  readonly v: 1;
  readonly id: string;
  readonly account: string;
  readonly addressPool: string;
  readonly createTime: string;
  readonly defaultNetworkId: string;
  readonly defaultVSwitchId: string;
  /** What a forwarder does that reaches no control plane; absent: serve. */
  readonly isolation?: 'serve' | 'fence';
  /** With `fence`: whether the first forwarder goes on when all are isolated; absent: none. */
  readonly whenAllIsolated?: 'none' | 'last-serves';
}

export interface Network {
  readonly v: 1;
  readonly id: string;
  readonly account: string;
  readonly site: string;
  readonly name: string;
  readonly description?: string;
  readonly cidr: string;
  readonly createTime: string;
  readonly tags: readonly { readonly key: string; readonly value: string }[];
}

export interface VSwitch {
  readonly v: 1;
  readonly id: string;
  readonly account: string;
  readonly site: string;
  readonly networkId: string;
  readonly name: string;
  readonly description?: string;
  readonly cidr: string;
  readonly ipv6Cidr?: string;
  readonly createTime: string;
  readonly tags: readonly { readonly key: string; readonly value: string }[];
}

/** True when both name the same entry of a pool. */
export function sameBackend(a: BackendKey, b: BackendKey): boolean {
  return a.serverId === b.serverId && a.type === b.type && a.ip === b.ip && a.port === b.port;
}
