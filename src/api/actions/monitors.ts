import { z } from 'zod';
import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import { readMinutes } from '../../fleet/minutes.ts';
import type { ListenerMinute } from '../../fleet/protocol.ts';
import { limits as bounds } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import type { Call } from '../call.ts';
import { defineAction, documentedLimits } from './action.ts';
import { loadBalancerId } from './fields.ts';

/** `2026-11-24 08:00:00` as newer SDKs have it, or `2026-11-24T08:00:00Z`; both are UTC. */
const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d|T\d\d:\d\d:\d\dZ)$/)
  .refine((text) => isTime(text), 'no such time');

const window = {
  LoadBalancerId: loadBalancerId,
  StartTime: time.describe('UTC, such as 2026-11-24 08:00:00: minutes from then on.'),
  EndTime: time.describe('UTC: minutes that begin before then; at most 24 hours after StartTime.'),
};

const vPort = z
  .string()
  .regex(/^[1-9]\d{0,4}$/)
  .refine((text) => Number(text) <= 65_535, 'no port')
  .describe('The front-end port.');

const proto = z
  .string()
  .regex(/^(?:tcp|udp|https?)$/)
  .optional()
  .describe('tcp, udp, http or https; absent: all that the port has.');

const shared = {
  product: 'Ens',
  access: 'get',
  limits: documentedLimits,
  errors: ['LoadBalancerNotFound', 'Missing%s', 'Invalid%s', 'NoPermission', 'ens.interface.error'],
} as const;

function isTime(text: string): boolean {
  const parsed = parseTime(text);
  // Date.parse takes 30 February for 2 March.
  return !Number.isNaN(parsed) && isoSeconds(parsed).slice(0, 10) === text.slice(0, 10);
}

function parseTime(text: string): number {
  return Date.parse(`${text.replace(' ', 'T').replace('Z', '')}Z`);
}

interface Wanted {
  readonly LoadBalancerId: string;
  readonly StartTime: string;
  readonly EndTime: string;
  readonly VPort?: string | undefined;
  readonly Proto?: string | undefined;
}

/** What one listener did in one minute. */
interface Point {
  readonly listener: string;
  readonly minute: ListenerMinute;
}

/** The load balancer, and the listeners asked for that anything is known of, minute by minute. */
async function monitored(wanted: Wanted, call: Call) {
  const { value } = await call.loadBalancer(wanted.LoadBalancerId);
  const from = parseTime(wanted.StartTime);
  const until = parseTime(wanted.EndTime);
  if (until < from) throw new Refusal('Invalid%s', 'EndTime', 'EndTime is before StartTime.');
  if (until - from > bounds.monitorWindow) {
    throw new Refusal('Invalid%s', 'EndTime', 'EndTime is more than 24 hours after StartTime.');
  }
  const minutes = await readMinutes(call.store, value, { from, until });
  const isWanted = (listener: string) => {
    const [protocol, port] = listener.split(':');
    return (
      (wanted.VPort === undefined || wanted.VPort === port) &&
      (wanted.Proto === undefined || wanted.Proto === protocol)
    );
  };
  return {
    loadBalancer: value,
    minutes: minutes.map(({ time, listeners }) => ({
      // As the caller writes times.
      bizTime: wanted.StartTime.includes('T') ? isoSeconds(time) : spaced(time),
      points: Array.from(listeners, ([listener, minute]): Point => ({ listener, minute })).filter(
        ({ listener }) => isWanted(listener),
      ),
    })),
  };
}

function spaced(time: number): string {
  return isoSeconds(time).replace('T', ' ').replace('Z', '');
}

const layer4 = [
  ['ActConns', 'active'],
  ['Conns', 'connections'],
  ['DropConns', 'dropped'],
  ['InBytes', 'bytesIn'],
  ['OutBytes', 'bytesOut'],
  ['InPkts', 'packetsIn'],
  ['OutPkts', 'packetsOut'],
  ['ValidRsNum', 'validServers'],
  ['InValidRsNum', 'invalidServers'],
] as const;

const layer4Output = z.object({
  ActConns: z.string().describe('Connections open when the minute ended.'),
  BizTime: z.string().describe('When the minute began, UTC, as StartTime is written.'),
  Conns: z.string().describe('New connections.'),
  DropConns: z.string().describe('Connections that came to no server.'),
  EnsRegionId: z.string(),
  InActConns: z.string().describe('Always 0: no engine knows connections that are half closed.'),
  InBytes: z.string(),
  InDropBytes: z.string().describe('Always 0.'),
  InDropPkts: z.string().describe('Always 0.'),
  InPkts: z.string().describe('0 for listeners that HAProxy carries: it sees no packets.'),
  InValidRsNum: z.string().describe('Servers whose probes fail.'),
  LoadBalancerId: z.string(),
  OutBytes: z.string(),
  OutDropBytes: z.string().describe('Always 0.'),
  OutDropPkts: z.string().describe('Always 0.'),
  OutPkts: z.string().describe('As InPkts.'),
  Proto: z.string(),
  VPort: z.string(),
  ValidRsNum: z.string().describe('Servers in service.'),
  Vip: z.string(),
  Vni: z.string().describe('Always 0: there is no VXLAN.'),
});

export const DescribeLoadBalancerListenMonitor = defineAction({
  name: 'DescribeLoadBalancerListenMonitor',
  ...shared,
  summary: 'Shows the connections and bytes of a listener, minute by minute.',
  input: z.object({ ...window, VPort: vPort, Proto: proto }),
  output: z.object({ LoadBalancerMonitorListenData: z.array(layer4Output) }),
  async run(wanted, call) {
    const { loadBalancer, minutes } = await monitored(wanted, call);
    const rows = minutes.flatMap(({ bizTime, points }) =>
      points.map(({ listener, minute }) => {
        const [Proto = '', VPort = ''] = listener.split(':');
        const counts = layer4.map(([name, field]) => [name, String(minute[field])]);
        return {
          ...(Object.fromEntries(counts) as Record<(typeof layer4)[number][0], string>),
          BizTime: bizTime,
          EnsRegionId: loadBalancer.site,
          InActConns: '0',
          InDropBytes: '0',
          InDropPkts: '0',
          LoadBalancerId: loadBalancer.id,
          OutDropBytes: '0',
          OutDropPkts: '0',
          Proto,
          VPort,
          Vip: loadBalancer.address,
          Vni: '0',
        };
      }),
    );
    return { LoadBalancerMonitorListenData: rows };
  },
});

const layer7Output = {
  Acc: z.int().describe('Requests.'),
  BizTime: z.string().describe('When the minute began, UTC, as StartTime is written.'),
  EnsRegionId: z.string(),
  LoadBalancerId: z.string(),
  LoadBalancerName: z.string(),
  LoadBalancerSpec: z.string(),
  Reqs2xx: z.int(),
  Reqs3xx: z.int(),
  Reqs4xx: z.int(),
  Reqs5xx: z.int(),
  RtAvg: z.int().describe('Milliseconds from a request to the begin of its answer, on average.'),
  Vip: z.string(),
  Vni: z.int().describe('Always 0: there is no VXLAN.'),
};

function layer7View(loadBalancer: LoadBalancer, bizTime: string, points: readonly Point[]) {
  const sum = (field: keyof ListenerMinute) =>
    points.reduce((total, { minute }) => total + minute[field], 0);
  const requests = sum('requests');
  return {
    Acc: requests,
    BizTime: bizTime,
    EnsRegionId: loadBalancer.site,
    LoadBalancerId: loadBalancer.id,
    LoadBalancerName: loadBalancer.name,
    LoadBalancerSpec: loadBalancer.spec,
    Reqs2xx: sum('responses2xx'),
    Reqs3xx: sum('responses3xx'),
    Reqs4xx: sum('responses4xx'),
    Reqs5xx: sum('responses5xx'),
    RtAvg: requests === 0 ? 0 : Math.round(sum('responseMs') / requests),
    Vip: loadBalancer.address,
    Vni: 0,
  };
}

function isLayer7({ listener }: Point): boolean {
  return listener.startsWith('http');
}

export const DescribeServerLoadBalancerListenMonitor = defineAction({
  name: 'DescribeServerLoadBalancerListenMonitor',
  ...shared,
  summary: 'Shows the requests of HTTP and HTTPS listeners, minute by minute.',
  input: z.object({ ...window, VPort: vPort.optional(), Proto: proto }),
  output: z.object({
    ServerLoadBalancerMonitorData: z.array(
      z.object({ ...layer7Output, Proto: z.string(), Vport: z.int() }),
    ),
  }),
  async run(wanted, call) {
    const { loadBalancer, minutes } = await monitored(wanted, call);
    const rows = minutes.flatMap(({ bizTime, points }) =>
      points.filter(isLayer7).map((point) => {
        const [Proto = '', port] = point.listener.split(':');
        return { ...layer7View(loadBalancer, bizTime, [point]), Proto, Vport: Number(port) };
      }),
    );
    return { ServerLoadBalancerMonitorData: rows };
  },
});

export const DescribeServerLoadBalancerMonitor = defineAction({
  name: 'DescribeServerLoadBalancerMonitor',
  ...shared,
  summary: 'Shows the requests of a load balancer over its listeners, minute by minute.',
  input: z.object(window),
  output: z.object({ ServerLoadBalancerMonitorData: z.array(z.object(layer7Output)) }),
  async run(wanted, call) {
    const { loadBalancer, minutes } = await monitored(wanted, call);
    const rows = minutes
      .map(({ bizTime, points }) => ({ bizTime, points: points.filter(isLayer7) }))
      .filter(({ points }) => points.length > 0)
      .map(({ bizTime, points }) => layer7View(loadBalancer, bizTime, points));
    return { ServerLoadBalancerMonitorData: rows };
  },
});

export const monitorActions = [
  DescribeLoadBalancerListenMonitor,
  DescribeServerLoadBalancerListenMonitor,
  DescribeServerLoadBalancerMonitor,
];
