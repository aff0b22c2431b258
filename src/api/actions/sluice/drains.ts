import { z } from 'zod';
import type { DrainingServer, LoadBalancer } from '../../../elb/types.ts';
import { sameBackend } from '../../../elb/types.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call } from '../../call.ts';
import { defineAction } from '../action.ts';
import { loadBalancerId } from '../fields.ts';
import { errors, instanceId, limits } from './fields.ts';

const drain = z.object({
  LoadBalancerId: z.string(),
  EnsRegionId: z.string(),
  ServerId: z.string(),
  Type: z.string(),
  Ip: z.string(),
  Port: z.int(),
  ForwarderName: z.string(),
  Sessions: z.int(),
  Counted: z.boolean(),
  Deadline: z.string(),
  SecondsLeft: z.int(),
});
type DrainView = z.infer<typeof drain>;

async function* wanted(call: Call, id: string | undefined): AsyncIterable<LoadBalancer> {
  if (id !== undefined) {
    yield (await call.loadBalancer(id)).value;
    return;
  }
  for await (const { value } of call.list<LoadBalancer>(keys.allLoadBalancers)) yield value;
}

/**
 * One row for each live forwarder that still has sessions of the server, or has not counted them
 * yet (within a second of the removal).
 */
function rowsOf(value: LoadBalancer, server: DrainingServer, call: Call): DrainView[] {
  const now = call.now();
  return call.fleet.forwarders(value.site).flatMap((forwarder) => {
    const reported = forwarder.drains.find(
      (entry) => entry.loadBalancerId === value.id && sameBackend(entry.server, server),
    );
    if (reported?.sessions === 0) return [];
    return [
      {
        LoadBalancerId: value.id,
        EnsRegionId: value.site,
        ServerId: server.serverId,
        Type: server.type,
        Ip: server.ip,
        Port: server.port,
        ForwarderName: forwarder.name,
        Sessions: reported?.sessions ?? 0,
        Counted: reported !== undefined,
        Deadline: isoSeconds(server.deadline),
        SecondsLeft: Math.ceil((server.deadline - now) / 1000),
      },
    ];
  });
}

export const DescribeDrains = defineAction({
  name: 'DescribeDrains',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists removed servers that still have sessions, by forwarder, with their deadline.',
  input: z.object({ LoadBalancerId: loadBalancerId.optional() }),
  output: z.object({ Drains: z.object({ Drain: z.array(drain) }) }),
  errors: [...errors, 'LoadBalancerNotFound'],
  limits,
  async run({ LoadBalancerId }, call) {
    const Drain: DrainView[] = [];
    for await (const value of wanted(call, LoadBalancerId)) {
      const living = value.draining.filter(({ deadline }) => deadline > call.now());
      Drain.push(...living.flatMap((server) => rowsOf(value, server, call)));
    }
    return { Drains: { Drain } };
  },
});

export const CutDrain = defineAction({
  name: 'CutDrain',
  product: 'Sluice',
  access: 'update',
  summary: 'Ends drains now: sessions of removed servers are cut.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    ServerId: instanceId.optional().describe('Absent: every drain of the load balancer.'),
  }),
  output: z.object({ Cut: z.int() }),
  errors: [...errors, 'LoadBalancerNotFound'],
  limits,
  async run({ LoadBalancerId, ServerId }, call) {
    let cut = 0;
    await call.changeLoadBalancer(LoadBalancerId, (current) => {
      const now = call.now();
      const isMeant = ({ serverId, deadline }: DrainingServer) =>
        deadline > now && (ServerId === undefined || serverId === ServerId);
      cut = current.draining.filter(isMeant).length;
      if (cut === 0) return { next: current };
      const draining = current.draining.map((each) =>
        isMeant(each) ? { ...each, deadline: now } : each,
      );
      return { next: { ...current, draining } };
    });
    return { Cut: cut };
  },
});
