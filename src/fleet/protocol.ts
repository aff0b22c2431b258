import type { BackendKey, BackendServer, LoadBalancer } from '../elb/types.ts';

/** A certificate on its way to one forwarder. */
export interface DeliveredCertificate {
  readonly id: string;
  /** PEM, the server's own certificate first. */
  readonly chain: string;
  /** Unix milliseconds. */
  readonly notAfter: number;
  /** The private key, sealed by `forwarderSeal` under `certificateContext`. */
  readonly key: string;
  /** The id of the access key that it is sealed for. */
  readonly sealedFor: string;
}

/** What the key of a certificate is sealed under. */
export function certificateContext(id: string): string {
  return `certificate/${id}`;
}

/**
 * A line between the messages of a stream when there is nothing else to send: the control plane is
 * alive. It belongs to the stream and to no site, so it comes too where there is no site, or while
 * one is being read.
 */
export const aliveLine = '{"type":"alive"}\n';

/**
 * What a control plane and a forwarder say to each other. WatchSite answers a stream of one JSON
 * message a line; ReportSite takes one report. A forwarder keeps the same lines in its journal on
 * disk, so that replaying the file and following the stream are the same code.
 */
export type WatchMessage =
  /**
   * The whole site. `deleted` names load balancers that were deleted on purpose: an id that the
   * forwarder carries and that is in neither list has vanished without a reason.
   */
  | {
      readonly type: 'snapshot';
      readonly site: string;
      readonly revision: number;
      readonly hash: string;
      readonly loadBalancers: readonly LoadBalancer[];
      readonly deleted: readonly string[];
      /** All that its load balancers use. */
      readonly certificates?: readonly DeliveredCertificate[];
    }
  /** What one commit changed. `base` is the site revision it builds on. */
  | {
      readonly type: 'change';
      readonly site: string;
      readonly base: number;
      readonly revision: number;
      readonly puts: readonly LoadBalancer[];
      readonly deletes: readonly string[];
      /** Those that a load balancer of the site uses since this commit, and none did before. */
      readonly certificates?: readonly DeliveredCertificate[];
    }
  /** Every few seconds: where the site stands, so that a gap or a difference is noticed. */
  | {
      readonly type: 'heartbeat';
      readonly site: string;
      readonly revision: number;
      readonly hash: string;
      readonly frozen: boolean;
      /** Load balancers whose traffic somebody watches; absent: none. */
      readonly watched?: readonly string[];
    }
  /** This forwarder no longer serves the site (another one was registered for it). */
  | { readonly type: 'release'; readonly site: string };

/** What went wrong with one load balancer on a forwarder; `listener` as `tcp:80`. */
export interface ReportFailure {
  readonly loadBalancerId: string;
  readonly listener?: string;
  readonly reason: string;
  /**
   * Only this listener, or one server of it, serves nothing; all else of the load balancer was
   * read back as wanted. Of a change made after it began, it says nothing.
   */
  readonly inert?: true;
  /** The revision that an inert failure began with. */
  readonly since?: number;
}

/** Sessions a removed server still has there. 0 = the drain is over on this forwarder. */
export interface ReportDrain {
  readonly loadBalancerId: string;
  readonly server: BackendServer;
  /** Unix milliseconds. */
  readonly deadline: number;
  readonly sessions: number;
}

/** One server behind one listener as the engine sees it. */
export interface ReportHealth {
  readonly loadBalancerId: string;
  readonly listener: string;
  readonly serverId: string;
  readonly healthy: boolean;
}

/**
 * What a listener (without `server`) or a server behind it does now: sessions, and so many a
 * second of the rest. What is absent is not counted, or not yet.
 */
export interface ReportTraffic {
  readonly listener: string;
  readonly server?: BackendKey;
  /** Of a server that is probed. */
  readonly healthy?: boolean;
  readonly sessions?: number;
  readonly connections?: number;
  readonly requests?: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

/** Load balancer -> what its listeners and servers do: of those that somebody watches. */
export type SiteTraffic = Readonly<Record<string, readonly ReportTraffic[]>>;

/** What is told of one listener and one minute, in the order of its numbers on the wire. */
export const minuteFields = [
  'validServers',
  'invalidServers',
  /** Connections open when the minute ended. */
  'active',
  /** The rest is what the minute added. */
  'connections',
  'dropped',
  'bytesIn',
  'bytesOut',
  'requests',
  'responses2xx',
  'responses3xx',
  'responses4xx',
  'responses5xx',
  /** Milliseconds that servers took for the requests, together. */
  'responseMs',
  'packetsIn',
  'packetsOut',
] as const;

export type ListenerMinute = Readonly<Record<(typeof minuteFields)[number], number>>;

/** The numbers of `minuteFields`; zeros at the end are left out. */
export type PackedMinute = readonly number[];

export function packMinute(minute: ListenerMinute): PackedMinute {
  const numbers = minuteFields.map((field) => minute[field]);
  return numbers.slice(0, numbers.findLastIndex((number) => number !== 0) + 1);
}

export function unpackMinute(numbers: PackedMinute): ListenerMinute {
  const entries = minuteFields.map((field, index) => [field, numbers[index] ?? 0]);
  return Object.fromEntries(entries) as ListenerMinute;
}

/** A part of what a site's listeners did in one minute on one forwarder. Parts add up. */
export interface MinuteReport {
  /** UTC, yyyy-MM-ddTHH:mm. */
  readonly minute: string;
  /** Tells the parts of a minute apart: what comes twice under one name counts once. */
  readonly part: string;
  /** Load balancer -> `tcp:80` -> what it did. */
  readonly listeners: Readonly<Record<string, Readonly<Record<string, PackedMinute>>>>;
}

/** When a forwarder said something: what comes late is recognised by it. */
export interface Said {
  /** When this incarnation of the forwarder began, Unix milliseconds; rises with each. */
  readonly startedAt: number;
  /** Rises with everything that one incarnation says of leases and membership. */
  readonly sequence: number;
}

/** What a forwarder reports of the lease of a site. */
export interface LeaseReport {
  /** Its engines refuse the site's traffic when the lease ends. */
  readonly armed: boolean;
  /** As in `Said`. */
  readonly sequence: number;
}

/** What a report is answered with. */
export interface LeaseTerms {
  /** fence: the engines must refuse the site's traffic when the lease ends. */
  readonly isolation: 'serve' | 'fence';
  /**
   * How long the lease runs from the moment that the report was sent. 0: it is not renewed, and
   * what the report says of the engines is not noted.
   */
  readonly leaseMs: number;
}

/**
 * One report about one site. `applied` is small and comes at once with every change; `status`,
 * `minute` and `traffic` come at their own pace. A report may hold any of them.
 */
export interface SiteReport {
  readonly applied?: {
    /** Read back from the engine at this revision of the site. */
    readonly revision: number;
    /** Load balancers that are not as wanted, and why; the id `*` stands for all of the site. */
    readonly failures: readonly ReportFailure[];
    /**
     * Load balancers read back at a later revision, while another one of the site is still being
     * applied: a slow neighbour delays nobody's confirmation.
     */
    readonly ahead?: Readonly<Record<string, number>>;
    /**
     * When this life of the forwarder began, Unix milliseconds. What an earlier life had applied
     * says nothing any more: its machine may have lost it.
     */
    readonly startedAt?: number;
    /** How the engines hold the site to its lease, and a request for more time. */
    readonly lease?: LeaseReport;
  };
  /** The forwarder serves the site no more: its engines and its disk hold nothing of it. */
  readonly goodbye?: Said;
  readonly status?: {
    readonly drains: readonly ReportDrain[];
    readonly health: readonly ReportHealth[];
    readonly engine: string;
    /** What an operator should know about this forwarder and site; empty when all is well. */
    readonly notices?: readonly string[];
  };
  readonly minute?: MinuteReport;
  readonly traffic?: SiteTraffic;
}

/** The id that stands for every load balancer of a site in a failure. */
export const everyLoadBalancer = '*';

/** The site of a forwarder that serves every site without a forwarder of its own. */
export const unclaimedSites = '*';
