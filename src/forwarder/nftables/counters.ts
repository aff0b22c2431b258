import { z } from 'zod';
import { noCounts, type ReportCounters, type TrafficCount } from '../engine.ts';
import type { FlowCounts, FlowTable } from './conntrack.ts';
import { flowKey } from './conntrack.ts';
import { counterSets, serviceKey, suffix } from './render.ts';
import { type Server, type Service, targetEndpoint } from './service.ts';

/** What the kernel has counted between one listener and one server, since both met. */
interface Counts {
  readonly flows: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const none: Counts = { flows: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };

const counted = z.object({
  elem: z.object({
    val: z.object({ concat: z.array(z.union([z.string(), z.number()])) }),
    counter: z.object({ packets: z.number(), bytes: z.number() }),
  }),
});
const listed = z.object({
  nftables: z.array(
    z.object({
      set: z.object({ name: z.string(), elem: z.array(z.unknown()).optional() }).optional(),
    }),
  ),
});

/**
 * Reads `nft -j list sets table inet sluice`.
 * @returns counts by `10.0.0.1 . udp . 53 . 10.0.0.2 . 53`: a listener, and a server of it
 */
export function parseCounters(json: string): ReadonlyMap<string, Counts> {
  const found = nothingFound();
  for (const { set } of listed.parse(JSON.parse(json)).nftables) {
    const name = counterSets.find((each) => set?.name === `${each}4` || set?.name === `${each}6`);
    if (name === undefined) continue;
    for (const element of set?.elem ?? []) {
      const { elem } = counted.parse(element);
      found[name].set(elem.val.concat.join(' . '), elem.counter);
    }
  }
  return countsOf(found);
}

/** The text of nft that answers these flows' counters, as `parseGot` reads them. */
export function getCommand(services: readonly Service[]): string {
  return services
    .flatMap((service) => {
      const flows = placesOf(service).map(({ ip, port }) => flowOf(service, ip, port));
      if (flows.length === 0) return [];
      const version = suffix(service.family);
      const elements = [...new Set(flows)].join(', ');
      return counterSets.map((set) => `get element inet sluice ${set}${version} { ${elements} }`);
    })
    .join('; ');
}

/** Reads what `getCommand` prints: nft knows no JSON for it. */
export function parseGot(text: string): ReadonlyMap<string, Counts> {
  const found = nothingFound();
  for (const [, name, elements = ''] of text.matchAll(/set (\w+)[46] \{([^}]*\{[^}]*)\}/g)) {
    const set = counterSets.find((each) => each === name);
    if (set === undefined) continue;
    const rows = elements.matchAll(/(\S+(?: \. \S+){4}) counter packets (\d+) bytes (\d+)/g);
    for (const [, key = '', packets, bytes] of rows) {
      found[set].set(key, { packets: Number(packets), bytes: Number(bytes) });
    }
  }
  return countsOf(found);
}

type Found = Record<
  (typeof counterSets)[number],
  Map<string, { readonly packets: number; readonly bytes: number }>
>;

function nothingFound(): Found {
  return { begun: new Map(), received: new Map(), sent: new Map() };
}

function countsOf(found: Found): ReadonlyMap<string, Counts> {
  const unused = { packets: 0, bytes: 0 };
  return new Map(
    [...found.begun].map(([key, { packets: flows }]) => {
      const [to = unused, from = unused] = [found.received.get(key), found.sent.get(key)];
      const packets = { packetsIn: to.packets, packetsOut: from.packets };
      return [key, { flows, ...packets, bytesIn: to.bytes, bytesOut: from.bytes }];
    }),
  );
}

/**
 * Totals of listeners, a source for each of their servers. One that is taken away and comes back
 * has counted from zero.
 */
export function countersOf(
  services: readonly Service[],
  counts: ReadonlyMap<string, Counts>,
  flows: FlowTable,
): ReportCounters[] {
  return services.flatMap((service) => {
    const places = new Map(placesOf(service).map((each) => [targetEndpoint(each), each]));
    return [...places].map(([place, { ip, port }]) => {
      const found = counts.get(flowOf(service, ip, port)) ?? none;
      const { flows: connections, ...totals } = found;
      return {
        ...noCounts,
        ...totals,
        loadBalancerId: service.loadBalancerId,
        listener: service.listener,
        source: `nft ${place}`,
        active: flows.get(flowKey(service))?.get(place)?.sessions ?? 0,
        connections,
      };
    });
  });
}

/**
 * What listeners and their servers do now.
 * @param counts undefined: not known, then rates are not either
 * @param isHealthy undefined where nobody probes
 */
export function trafficOf(
  service: Service,
  counts: ReadonlyMap<string, Counts> | undefined,
  flows: FlowCounts,
  isHealthy: (server: Server) => boolean | undefined,
): TrafficCount[] {
  const { loadBalancerId, listener } = service;
  return placesOf(service).flatMap((server) => {
    const place = targetEndpoint(server);
    const found = counts?.get(flowOf(service, server.ip, server.port));
    const { serverId, type, ip, port } = server.backend;
    const healthy = isHealthy(server);
    const count = {
      loadBalancerId,
      listener,
      source: `nft ${place}`,
      sessions: flows.get(place)?.sessions ?? 0,
      ...(found === undefined
        ? {}
        : { connections: found.flows, bytesIn: found.bytesIn, bytesOut: found.bytesOut }),
    };
    const named = { ...count, server: { serverId, type, ip, port } };
    return [count, healthy === undefined ? named : { ...named, healthy }];
  });
}

function placesOf({ servers, draining }: Service): readonly Server[] {
  return [...servers, ...draining];
}

function flowOf(service: Service, ip: string, port: number): string {
  return `${serviceKey(service)} . ${ip} . ${port}`;
}
