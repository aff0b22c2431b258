import type { SiteReport } from '../fleet/protocol.ts';

/** How a forwarder and a control plane reach each other. */
export interface Transport {
  /**
   * The site's messages, one a line; `*` = of every site without a forwarder of its own. Ends when
   * `signal` aborts; ends or throws when the connection is lost.
   */
  watch(site: string, signal: AbortSignal): AsyncIterable<string>;
  /** Resolves when the control plane has the report. */
  report(site: string, report: SiteReport): Promise<void>;
}

/** What is asked of a client of the API. */
export interface RpcCaller {
  call(product: 'Sluice', action: string, parameters: Record<string, string>): Promise<unknown>;
  stream(
    product: 'Sluice',
    action: string,
    parameters: Record<string, string>,
    signal: AbortSignal,
  ): AsyncIterable<string>;
}

/** The transport over signed calls: the forwarder is a caller of the API like any other. */
export function rpcTransport(caller: RpcCaller): Transport {
  return {
    watch: (site, signal) => caller.stream('Sluice', 'WatchSite', { EnsRegionId: site }, signal),
    report: async (site, report) => {
      const parameters = { EnsRegionId: site, Report: JSON.stringify(report) };
      await caller.call('Sluice', 'ReportSite', parameters);
    },
  };
}
