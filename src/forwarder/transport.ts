import type { LeaseTerms, Said, SiteReport } from '../fleet/protocol.ts';

/** What a forwarder says when it begins to watch. */
export interface WatchRequest extends Said {
  /** `*` = every site without a forwarder of its own. */
  readonly site: string;
  /** Its engines still hold the sites to a lease that it has reported as held. */
  readonly keepsLeases: boolean;
}

/** How a forwarder reaches one control plane. */
export interface Transport {
  /** Its address, as the operator knows it. */
  readonly endpoint: string;
  /**
   * The messages of a site, or of all that `*` stands for, one a line. Ends when `signal` aborts;
   * ends or throws when the connection is lost.
   * @param onRead called when anything has come in, also when it ends no line yet
   */
  watch(request: WatchRequest, signal: AbortSignal, onRead: () => void): AsyncIterable<string>;
  /** Resolves when the control plane has the report. Given up when `signal` aborts. */
  report(site: string, report: SiteReport, signal: AbortSignal): Promise<LeaseTerms>;
  /** Closes its connections; the next call opens new ones. */
  drop(): void;
}

/** Where a forwarder's reports go. */
export interface Reporter {
  /** Resolves when a control plane has the report; rejects soon when none takes it. */
  report(site: string, report: SiteReport): Promise<unknown>;
}

/** What is needed of a client of the API. */
export interface RpcCaller {
  readonly endpoint: string;
  call(
    product: 'Sluice',
    action: string,
    parameters: Record<string, string>,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly body: unknown }>;
  stream(
    product: 'Sluice',
    action: string,
    parameters: Record<string, string>,
    signal: AbortSignal,
    onRead: () => void,
  ): AsyncIterable<string>;
  drop(): void;
}

/** The transport over signed calls: the forwarder is a caller of the API like any other. */
export function rpcTransport(caller: RpcCaller): Transport {
  return {
    endpoint: caller.endpoint,
    watch: ({ site, startedAt, sequence, keepsLeases }, signal, onRead) => {
      const parameters = {
        EnsRegionId: site,
        StartedAt: String(startedAt),
        Sequence: String(sequence),
        KeepsLeases: String(keepsLeases),
      };
      return caller.stream('Sluice', 'WatchSite', parameters, signal, onRead);
    },
    report: async (site, report, signal) => {
      const parameters = { EnsRegionId: site, Report: JSON.stringify(report) };
      const { body } = await caller.call('Sluice', 'ReportSite', parameters, { signal });
      return termsOf(body);
    },
    drop: () => caller.drop(),
  };
}

/** A control plane of an earlier version answers no terms: it holds no site to a lease. */
function termsOf(body: unknown): LeaseTerms {
  const { Isolation, LeaseMs } = body as {
    readonly Isolation?: unknown;
    readonly LeaseMs?: unknown;
  };
  return {
    isolation: Isolation === 'fence' ? 'fence' : 'serve',
    leaseMs: typeof LeaseMs === 'number' ? LeaseMs : 0,
  };
}

/** Whether an error is an answer of a control plane, with a status of HTTP of this class. */
export function isAnswer(error: unknown, statusClass?: 4 | 5): boolean {
  const status = (error as { readonly status?: unknown } | undefined)?.status;
  if (typeof status !== 'number') return false;
  return statusClass === undefined || Math.floor(status / 100) === statusClass;
}
