import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Certificate } from './elb/types.ts';
import type { Fleet } from './fleet/fleet.ts';
import { limits } from './limits.ts';
import type { Address } from './setting-values.ts';
import { keys } from './store/keys.ts';
import { parseRecord } from './store/records.ts';
import type { Store } from './store/store.ts';
import { isForeign, isOwnHost } from './web/hosts.ts';

/** What a process counts, and where it can be read. */
export interface Metrics {
  /** One answer of the door. */
  answered(seen: { action: string; code: string; seconds: number }): void;
  /** Serves /metrics; resolves with the address it listens on. */
  listen(address: Address): Promise<string>;
  close(): Promise<void>;
}

/** From a cached read to a slow confirmation. */
const buckets = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** What is measured of the audit log; see `TrailFigures`. */
interface AuditFigures {
  readonly bytes: number;
  readonly dropped: number;
  readonly omitted: number;
}

/**
 * The metrics of one process, with those of Node itself.
 * @param store, fleet, audit read at each scrape
 * @param hostNames in a scrape's Host besides loopback names and the address that it came to
 */
export function createMetrics(
  store: Store,
  fleet: Pick<Fleet, 'standings'>,
  audit: () => Promise<AuditFigures>,
  hostNames: readonly string[] = [],
): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const calls = new Counter({
    name: 'sluice_calls_total',
    help: 'Calls answered, by action and code (OK or the error)',
    labelNames: ['action', 'code'],
    registers,
  });
  const seconds = new Histogram({
    name: 'sluice_call_seconds',
    help: 'Time from a call to its answer, by action',
    labelNames: ['action'],
    buckets,
    registers,
  });
  new Gauge({
    name: 'sluice_certificate_not_after_seconds',
    help: 'When a certificate expires, in Unix seconds',
    labelNames: ['certificate', 'name'],
    registers,
    async collect() {
      this.reset();
      try {
        for await (const { id, name, notAfter } of certificatesOf(store)) {
          this.set({ certificate: id, name }, notAfter / 1000);
        }
      } catch {
        // The store is away: what else there is to tell is needed all the more then.
      }
    },
  });
  exportForwarders(registers, store, fleet);
  measureAudit(registry, audit);
  const server = http.createServer(async (request, response) => {
    const [status, text] = refusalOf(request, hostNames) ?? [];
    if (status !== undefined) {
      response.writeHead(status).end(text);
      return;
    }
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  });
  return {
    answered({ action, code, seconds: spent }) {
      calls.inc({ action, code });
      seconds.observe({ action }, spent);
    },
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          resolve(`http://${host}:${(server.address() as AddressInfo).port}/metrics`);
        });
      }),
    close: async () => {
      if (!server.listening) return;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Why a request gets no metrics, undefined where it does. */
function refusalOf(
  { headers, socket, url }: http.IncomingMessage,
  hostNames: readonly string[],
): readonly [number, string] | undefined {
  if (!isOwnHost(headers.host, socket, hostNames) || isForeign(headers, false)) {
    return [403, 'this host name or origin is not configured: set --host-names\n'];
  }
  return url === '/metrics' ? undefined : [404, 'the metrics are at /metrics\n'];
}

/** How many forwarders of each site are in which state. */
function exportForwarders(
  registers: Registry[],
  store: Store,
  fleet: Pick<Fleet, 'standings'>,
): void {
  new Gauge({
    name: 'sluice_forwarders',
    help: 'Forwarders of a site by state: live, silent, fencing, fenced, left, unseen',
    labelNames: ['site', 'state'],
    registers,
    async collect() {
      this.reset();
      try {
        const { entries } = await store.range(keys.allSites);
        for (const { key } of entries) {
          const site = key.slice(keys.allSites.length);
          for (const { state } of fleet.standings(site)) this.inc({ site, state });
        }
      } catch {
        // The store is away: the other metrics are needed all the more then.
      }
    },
  });
}

function measureAudit(registry: Registry, audit: () => Promise<AuditFigures>): void {
  const registers = [registry];
  const dropped = new Gauge({
    name: 'sluice_audit_dropped_records',
    help: 'Audit records dropped since the start because the log was larger than --audit-size',
    registers,
  });
  const omitted = new Gauge({
    name: 'sluice_audit_omitted_calls',
    help: 'Refused calls since the start that were counted and have no audit record',
    registers,
  });
  new Gauge({
    name: 'sluice_audit_bytes',
    help: 'Size of the audit log in the store',
    registers,
    async collect() {
      try {
        const figures = await audit();
        this.set(figures.bytes);
        dropped.set(figures.dropped);
        omitted.set(figures.omitted);
      } catch {
        // The store is away: what else there is to tell is needed all the more then.
      }
    },
  });
}

async function* certificatesOf(store: Store): AsyncIterable<Certificate> {
  let after: string | undefined;
  do {
    const { entries } = await store.range(keys.certificates, {
      limit: limits.rangePage,
      ...(after === undefined ? {} : { after }),
    });
    for (const entry of entries) yield parseRecord<Certificate>(entry).value;
    after = entries.length < limits.rangePage ? undefined : entries.at(-1)!.key;
  } while (after !== undefined);
}
