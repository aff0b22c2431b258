import type { ReportTraffic, SiteTraffic } from '../../fleet/protocol.ts';
import type { ServerFigures, TrafficFigures, WatchedFigures } from './messages.ts';

const fields = {
  sessions: 'Sessions',
  connections: 'ConnectionsPerSecond',
  requests: 'RequestsPerSecond',
  bytesIn: 'BytesInPerSecond',
  bytesOut: 'BytesOutPerSecond',
} as const;

type Sums = { -readonly [Name in (typeof fields)[keyof typeof fields]]?: number };

/**
 * What the forwarders of a site count of one load balancer, added up. What none of them counts is
 * absent.
 */
export function figuresOf(
  traffic: ReadonlyMap<string, SiteTraffic>,
  loadBalancerId: string,
): WatchedFigures {
  const forwarders: string[] = [];
  const listeners = new Map<string, TrafficFigures & Sums>();
  const servers = new Map<string, ServerFigures & Sums>();
  for (const [name, { [loadBalancerId]: rows }] of traffic) {
    if (rows === undefined) continue;
    forwarders.push(name);
    for (const row of rows) {
      const { listener, server } = row;
      if (server === undefined) {
        add(listeners, listener, { Listener: listener }, row);
        continue;
      }
      const { serverId: ServerId, type: Type, ip: Ip, port: Port } = server;
      const key = `${listener} ${ServerId} ${Type} ${Ip} ${Port}`;
      add(servers, key, { Listener: listener, ServerId, Type, Ip, Port }, row);
    }
  }
  return {
    Forwarders: forwarders.sort(),
    Listeners: [...listeners.values()],
    Servers: [...servers.values()],
  };
}

function add<Row extends TrafficFigures>(
  rows: Map<string, Row & Sums>,
  key: string,
  name: Row,
  counted: ReportTraffic,
): void {
  const row: Row & Sums = rows.get(key) ?? { ...name };
  rows.set(key, row);
  const sums: Sums = row;
  for (const [from, to] of Object.entries(fields) as [keyof typeof fields, keyof Sums][]) {
    const count = counted[from];
    if (count !== undefined) sums[to] = (sums[to] ?? 0) + count;
  }
}
