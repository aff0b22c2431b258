import type { Certificate } from '../elb/types.ts';
import type {
  DeliveredCertificate,
  ReportDrain,
  ReportFailure,
  ReportHealth,
  SiteReport,
  SiteTraffic,
  WatchMessage,
} from './protocol.ts';

/** What one forwarder of a site has said last; gone when its lease lapses. */
export interface ForwarderState {
  readonly site: string;
  readonly name: string;
  readonly revision: number;
  readonly failures: readonly ReportFailure[];
  readonly drains: readonly ReportDrain[];
  readonly health: readonly ReportHealth[];
  readonly engine: string;
  /** What an operator should know about this forwarder and site. */
  readonly notices: readonly string[];
}

/** How far a revision has come: `applied` of `live` forwarders, and who is missing. */
export interface Confirmation {
  readonly applied: number;
  readonly live: number;
  /** Live forwarders that have not confirmed, or confirmed a failure of this load balancer. */
  readonly missing: readonly { readonly forwarder: string; readonly reason: string }[];
}

/** Makes a certificate of the store one that the forwarder alone can use. */
export type Deliver = (certificate: Certificate) => DeliveredCertificate;

/** Told of a site whose forwarders may have something new to say; undefined = of all sites. */
export type FleetListener = (site: string | undefined) => void;

/** Tells forwarders what a site should be and collects what they confirm. */
export interface Fleet {
  /**
   * One line (with its newline) a message; ends when `signal` aborts. `*` = unclaimed sites.
   * Without `deliver` there are no certificates in it.
   */
  watchSite(site: string, signal: AbortSignal, deliver?: Deliver): AsyncIterable<string>;
  report(site: string, forwarder: string, report: SiteReport): Promise<void>;
  /** Waits until every live forwarder of the site has applied `revision`, or the time is over. */
  confirm(
    site: string,
    revision: number,
    loadBalancerId: string,
    waitMs: number,
  ): Promise<Confirmation>;
  /** Live forwarders of a site as they last reported. */
  forwarders(site: string): readonly ForwarderState[];
  /** The names of the forwarders that should carry a site, live or not. */
  carriers(site: string): ReadonlySet<string>;
  /** Forwarder -> what it counts of the load balancers of a site that are watched. */
  traffic(site: string): ReadonlyMap<string, SiteTraffic>;
  /** Has a load balancer's traffic counted until the returned function is called. */
  watchTraffic(site: string, loadBalancerId: string): () => void;
  /** Changes are held back from forwarders. */
  readonly frozen: boolean;
  /** Calls `listener` until the returned function is called. It must do no more than note it. */
  onChange(listener: FleetListener): () => void;
  close(): Promise<void>;
}

export type { WatchMessage };
