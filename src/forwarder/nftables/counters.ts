import { z } from 'zod';
import { noCounts, type ReportCounters } from '../engine.ts';
import type { FlowTable } from './conntrack.ts';
import { flowKey } from './conntrack.ts';
import { counterSets, serviceKey } from './render.ts';
import { type Service, targetEndpoint } from './service.ts';

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
  const found = { begun: new Map(), received: new Map(), sent: new Map() } as Record<
    (typeof counterSets)[number],
    Map<string, { readonly packets: number; readonly bytes: number }>
  >;
  for (const { set } of listed.parse(JSON.parse(json)).nftables) {
    const name = counterSets.find((each) => set?.name === `${each}4` || set?.name === `${each}6`);
    if (name === undefined) continue;
    for (const element of set?.elem ?? []) {
      const { elem } = counted.parse(element);
      found[name].set(elem.val.concat.join(' . '), elem.counter);
    }
  }
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
    const places = new Map(
      [...service.servers, ...service.draining].map((each) => [targetEndpoint(each), each]),
    );
    return [...places].map(([place, { ip, port }]) => {
      const found = counts.get(`${serviceKey(service)} . ${ip} . ${port}`) ?? none;
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
