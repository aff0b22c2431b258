import { z } from 'zod';
import type { DrainingServer, LoadBalancer } from '../../../elb/types.ts';
import { sameBackend } from '../../../elb/types.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { ReportDrain } from '../../../fleet/protocol.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call } from '../../call.ts';
import { defineAction, ensResource } from '../action.ts';
import { loadBalancerId } from '../fields.ts';
import { errors, instanceId, limits } from './fields.ts';

const drain = z.object({
  LoadBalancerId: z.string(),
  EnsRegionId: z.string(),
  ServerId: z.string(),
  Type: z.string(),
  Ip: z.string(),
  Port: z.int(),
  ForwarderName: z.string().describe('Empty: no forwarder is registered for the site.'),
  Sessions: z.int().describe('In-flight requests, connections or flows that are left.'),
  Counted: z.boolean().describe('false: the forwarder has not counted them, or is silent.'),
  SilentSince: z.string().describe('UTC; empty while the forwarder reports.'),
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

/** What one forwarder says of a drain; undefined: it has not counted, or does not report. */
export interface DrainCount {
  readonly forwarder: string;
  readonly reported: ReportDrain | undefined;
  readonly silentSince: string;
}

/** What each forwarder that has, or may have, sessions of a removed server says of them. */
export function drainCounts(
  fleet: Pick<Fleet, 'forwarders' | 'standings'>,
  { id, site }: LoadBalancer,
  server: DrainingServer,
): readonly DrainCount[] {
  const drains = new Map(fleet.forwarders(site).map((each) => [each.name, each.drains]));
  return fleet
    .standings(site)
    .filter(({ state }) => state !== 'left' && state !== 'unseen')
    .map(({ forwarder, state, silentSince }) => ({
      forwarder,
      reported: state === 'live' ? drains.get(forwarder)?.find(isOfDrain(id, server)) : undefined,
      silentSince,
    }));
}

/** Finds what a forwarder says of this drain, and not of an earlier one of the same server. */
export function isOfDrain(loadBalancerId: string, server: DrainingServer) {
  return (entry: ReportDrain): boolean =>
    entry.loadBalancerId === loadBalancerId &&
    entry.deadline === server.deadline &&
    sameBackend(entry.server, server);
}

/**
 * One row for each forwarder that still has sessions of the server, or has not counted them yet
 * (within a second of the removal), or does not report: then nobody knows, so it is not done.
 */
function rowsOf(value: LoadBalancer, server: DrainingServer, call: Call): DrainView[] {
  const counts = drainCounts(call.fleet, value, server);
  const row = ({ forwarder: ForwarderName, reported, silentSince }: DrainCount): DrainView => ({
    LoadBalancerId: value.id,
    EnsRegionId: value.site,
    ServerId: server.serverId,
    Type: server.type,
    Ip: server.ip,
    Port: server.port,
    ForwarderName,
    Sessions: reported?.sessions ?? 0,
    Counted: reported !== undefined,
    SilentSince: silentSince,
    Deadline: isoSeconds(server.deadline),
    SecondsLeft: Math.max(0, Math.ceil((server.deadline - call.now()) / 1000)),
  });
  const isOver = server.deadline <= call.now();
  if (counts.length === 0 && !isOver) {
    return [row({ forwarder: '', reported: undefined, silentSince: '' })];
  }
  // A forwarder that does not report may not have cut what was left at the deadline.
  return counts
    .filter(({ reported, silentSince }) => (isOver ? silentSince !== '' : reported?.sessions !== 0))
    .map(row);
}

export const DescribeDrains = defineAction({
  name: 'DescribeDrains',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists removed servers that still have sessions, by forwarder, with their deadline.',
  description:
    'A drain begins with RemoveBackendServers and is over when every forwarder has counted 0 ' +
    'sessions, or at its deadline; then it is listed no more. A forwarder that does not report ' +
    'has counted and cut nothing: it is listed until the next change of the load balancer.',
  input: z.object({
    LoadBalancerId: loadBalancerId.optional().describe('Absent: drains of all load balancers.'),
  }),
  output: z.object({ Drains: z.object({ Drain: z.array(drain) }) }),
  errors: [...errors, 'LoadBalancerNotFound'],
  limits,
  resource: ({ LoadBalancerId: id }, account) => ensResource('loadbalancer', account, { id }),
  async run({ LoadBalancerId }, call) {
    const Drain: DrainView[] = [];
    for await (const value of wanted(call, LoadBalancerId)) {
      Drain.push(...value.draining.flatMap((server) => rowsOf(value, server, call)));
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
        isMeant(each) ? { ...each, deadline: now, cut: true as const } : each,
      );
      return { next: { ...current, draining } };
    });
    return { Cut: cut };
  },
});
