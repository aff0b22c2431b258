import type { SiteReport } from '../fleet/protocol.ts';

/** How a forwarder reaches one control plane. */
export interface Transport {
  /** Its address, as the operator knows it. */
  readonly endpoint: string;
  /**
   * The site's messages, one a line; `*` = of every site without a forwarder of its own. Ends when
   * `signal` aborts; ends or throws when the connection is lost.
   * @param onRead called when anything has come in, also when it ends no line yet
   */
  watch(site: string, signal: AbortSignal, onRead: () => void): AsyncIterable<string>;
  /** Resolves when the control plane has the report. Given up when `signal` aborts. */
  report(site: string, report: SiteReport, signal: AbortSignal): Promise<void>;
  /** Closes its connections; the next call opens new ones. */
  drop(): void;
}

/** Where a forwarder's reports go. */
export interface Reporter {
  /** Resolves when a control plane has the report; rejects soon when none takes it. */
  report(site: string, report: SiteReport): ReturnType<Transport['report']>;
}

/** What is needed of a client of the API. */
export interface RpcCaller {
  readonly endpoint: string;
  call(
    product: 'Sluice',
    action: string,
    parameters: Record<string, string>,
    options: { readonly signal: AbortSignal },
  ): Promise<unknown>;
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
    watch: (site, signal, onRead) =>
      caller.stream('Sluice', 'WatchSite', { EnsRegionId: site }, signal, onRead),
    report: async (site, report, signal) => {
      const parameters = { EnsRegionId: site, Report: JSON.stringify(report) };
      await caller.call('Sluice', 'ReportSite', parameters, { signal });
    },
    drop: () => caller.drop(),
  };
}

/** Whether an error is an answer of a control plane, with a status of HTTP of this class. */
export function isAnswer(error: unknown, statusClass?: 4 | 5): boolean {
  const status = (error as { readonly status?: unknown } | undefined)?.status;
  if (typeof status !== 'number') return false;
  return statusClass === undefined || Math.floor(status / 100) === statusClass;
}
