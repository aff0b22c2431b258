import { z } from 'zod';
import type { DrainingServer, LoadBalancer } from '../../../elb/types.ts';
import { sameBackend } from '../../../elb/types.ts';
import type { ReportDrain } from '../../../fleet/protocol.ts';
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
  ForwarderName: z.string().describe('Empty: no forwarder of the site is live to count them.'),
  Sessions: z.int().describe('In-flight requests, connections or flows that are left.'),
  Counted: z.boolean().describe('false: the forwarder has not counted them yet.'),
  Deadline: z.string().describe('UTC; what is left then is cut.'),
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

/** Finds what a forwarder says of this drain, and not of an earlier one of the same server. */
export function isOfDrain(loadBalancerId: string, server: DrainingServer) {
  return (entry: ReportDrain): boolean =>
    entry.loadBalancerId === loadBalancerId &&
    entry.deadline === server.deadline &&
    sameBackend(entry.server, server);
}

/**
 * One row for each live forwarder that still has sessions of the server, or has not counted them
 * yet (within a second of the removal). With no live forwarder nobody knows, so it is not done.
 */
function rowsOf(value: LoadBalancer, server: DrainingServer, call: Call): DrainView[] {
  const forwarders = call.fleet.forwarders(value.site);
  const row = (ForwarderName: string, reported: ReportDrain | undefined): DrainView => ({
    LoadBalancerId: value.id,
    EnsRegionId: value.site,
    ServerId: server.serverId,
    Type: server.type,
    Ip: server.ip,
    Port: server.port,
    ForwarderName,
    Sessions: reported?.sessions ?? 0,
    Counted: reported !== undefined,
    Deadline: isoSeconds(server.deadline),
    SecondsLeft: Math.ceil((server.deadline - call.now()) / 1000),
  });
  if (forwarders.length === 0) return [row('', undefined)];
  return forwarders.flatMap(({ name, drains }) => {
    const reported = drains.find(isOfDrain(value.id, server));
    return reported?.sessions === 0 ? [] : [row(name, reported)];
  });
}

export const DescribeDrains = defineAction({
  name: 'DescribeDrains',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists removed servers that still have sessions, by forwarder, with their deadline.',
  description:
    'A drain begins with RemoveBackendServers and is over when every live forwarder has counted ' +
    '0 sessions, or at its deadline; then it is listed no more.',
  input: z.object({
    LoadBalancerId: loadBalancerId.optional().describe('Absent: drains of all load balancers.'),
  }),
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
  description:
    'For when waiting for the deadline is worse than cutting who is still there. Servers that do ' +
    'not drain are no error: Cut is then 0.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    ServerId: instanceId.optional().describe('Absent: every drain of the load balancer.'),
  }),
  output: z.object({ Cut: z.int().describe('Drains that were ended.') }),
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
