import type { Certificate } from '../elb/types.ts';
import type {
  DeliveredCertificate,
  LeaseTerms,
  ReportDrain,
  ReportFailure,
  ReportHealth,
  Said,
  SiteReport,
  SiteTraffic,
  WatchMessage,
} from './protocol.ts';
import type { Standing } from './standings.ts';

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

/** A forwarder that may serve a site and has not confirmed a change. */
export interface Missing {
  /** `*`: one that is not known, since the store did not answer. */
  readonly forwarder: string;
  readonly reason: string;
  /** UTC; absent: it reports. */
  readonly silentSince?: string;
}

/** How far a change has come: `applied` of `counted` forwarders, and who is missing. */
export interface Confirmation {
  readonly applied: number;
  /** Forwarders that may serve the site, whether they report or not. */
  readonly counted: number;
  /** Of these, the ones that report. */
  readonly live: number;
  /** Those that have not confirmed it, or confirmed a failure of this load balancer. */
  readonly missing: readonly Missing[];
}

/** How long a confirmation is waited for. */
export interface ConfirmWait {
  /** Milliseconds; 0 = not at all. */
  readonly ms: number;
  /** Longer, where all that is missing are forwarders whose lease is about to run out. */
  readonly forFence: boolean;
}

/** A forwarder that watches a site. */
export interface Watcher extends Said {
  readonly name: string;
  /** Its engines still hold the sites to a lease that it has reported as held. */
  readonly keepsLeases: boolean;
}

/** Makes a certificate of the store one that the forwarder alone can use. */
export type Deliver = (certificate: Certificate) => DeliveredCertificate;

/** Told of a site whose forwarders may have something new to say; undefined = of all sites. */
export type FleetListener = (site: string | undefined) => void;

/** Tells forwarders what a site should be and collects what they confirm. */
export interface Fleet {
  /**
   * One line (with its newline) a message; ends when `signal` aborts. `*` = unclaimed sites.
   * Without `deliver` there are no certificates in it. A `forwarder` is a member of each site,
   * durably, before it gets the site's first line.
   */
  watchSite(
    site: string,
    signal: AbortSignal,
    deliver?: Deliver,
    forwarder?: Watcher,
  ): AsyncIterable<string>;
  /** @throws StoreUnavailable: the forwarder reports again */
  report(site: string, forwarder: string, report: SiteReport): Promise<LeaseTerms>;
  /**
   * Waits until every forwarder that may serve the site has applied `revision`, or the time is
   * over. A confirmation that counts a forwarder as applied, or does not count it, holds: the
   * forwarder lets nothing begin that the change ended.
   */
  confirm(
    site: string,
    revision: number,
    loadBalancerId: string,
    wait: ConfirmWait,
  ): Promise<Confirmation>;
  /** The same as far as this control plane knows now: for showing, not for answering a change. */
  progress(site: string, revision: number, loadBalancerId: string): Confirmation;
  /** Live forwarders of a site as they last reported. */
  forwarders(site: string): readonly ForwarderState[];
  /** Every forwarder of a site, in the order of their names. */
  standings(site: string): readonly Standing[];
  /**
   * Waits until a forwarder that is being deregistered serves no site any more.
   * @param site the one that it is registered for; `*` = all
   * @returns the sites that it may still serve after `waitMs`
   * @throws StoreUnavailable
   */
  untilLeft(site: string, forwarder: string, waitMs: number): Promise<readonly string[]>;
  /**
   * A forwarder will not come back: it is counted for no site any more.
   * @throws StoreUnavailable
   */
  forget(site: string, forwarder: string): Promise<void>;
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

export type { Standing, WatchMessage };
