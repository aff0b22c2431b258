import { z } from 'zod';
import { canonicalAddress } from '../../elb/cidr.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { Listener, LoadBalancer } from '../../elb/types.ts';
import { keys } from '../../store/keys.ts';
import type { Call } from '../call.ts';
import { defineAction, documentedLimits, ensResource } from './action.ts';
import {
  id,
  loadBalancerId,
  loadBalancerSpecs,
  loadBalancerStatus,
  loadBalancerType,
  siteId,
} from './fields.ts';
import { shownBackendPort } from './listener-views.ts';
import { pageOf, pageOutput, paging } from './paging.ts';

const summaryOutput = z.object({
  LoadBalancerId: z.string(),
  LoadBalancerName: z.string(),
  LoadBalancerStatus: z.string(),
  LoadBalancerType: z.string(),
  Address: z.string(),
  AddressIPVersion: z.string(),
  AddressType: z.string(),
  CreateTime: z.string(),
  EnsRegionId: z.string(),
  NetworkId: z.string(),
  PayType: z.string(),
  VSwitchId: z.string(),
});

/** What lists show of a load balancer. */
export function summaryOf(value: LoadBalancer): z.infer<typeof summaryOutput> {
  return {
    LoadBalancerId: value.id,
    LoadBalancerName: value.name,
    LoadBalancerStatus: value.status,
    LoadBalancerType: value.loadBalancerType,
    Address: value.address,
    AddressIPVersion: value.ipVersion,
    AddressType: 'intranet',
    CreateTime: value.createTime,
    EnsRegionId: value.site,
    NetworkId: value.networkId,
    PayType: value.payType,
    VSwitchId: value.vSwitchId,
  };
}

const filters = z.object({
  LoadBalancerId: loadBalancerId.optional(),
  Address: z.union([z.ipv4(), z.ipv6()]).optional().describe('The service address.'),
  EnsRegionId: siteId.optional(),
  EnsRegionIds: z.array(siteId).max(100).optional().describe('Up to 100 edge nodes.'),
  LoadBalancerName: z.string().max(128).optional().describe('The whole name.'),
  LoadBalancerStatus: loadBalancerStatus.optional(),
  LoadBalancerType: loadBalancerType.optional(),
  NetworkId: id.optional().describe('The ID of the network.'),
  ServerId: id.optional().describe('Load balancers that hold this backend server.'),
  VSwitchId: id.optional().describe('The ID of the vSwitch.'),
  ...paging({ min: 10, max: 100, default: 10 }),
});

type Filters = z.infer<typeof filters>;

function matches(value: LoadBalancer, wanted: Filters): boolean {
  const address = wanted.Address && canonicalAddress(wanted.Address);
  const same = (filter: string | undefined, actual: string) =>
    filter === undefined || filter === actual;
  return (
    same(wanted.LoadBalancerId, value.id) &&
    same(address, value.address) &&
    same(wanted.EnsRegionId, value.site) &&
    (wanted.EnsRegionIds?.includes(value.site) ?? true) &&
    same(wanted.LoadBalancerName, value.name) &&
    same(wanted.LoadBalancerStatus, value.status) &&
    same(wanted.LoadBalancerType, value.loadBalancerType) &&
    same(wanted.NetworkId, value.networkId) &&
    same(wanted.VSwitchId, value.vSwitchId) &&
    (wanted.ServerId === undefined ||
      value.backends.some(({ serverId }) => serverId === wanted.ServerId))
  );
}

async function* found(call: Call, wanted: Filters): AsyncIterable<LoadBalancer> {
  const prefix =
    wanted.EnsRegionId === undefined
      ? keys.allLoadBalancers
      : keys.loadBalancers(wanted.EnsRegionId);
  for await (const { value } of call.list<LoadBalancer>(prefix)) {
    if (matches(value, wanted)) yield value;
  }
}

/** The one load balancer with an id, where the other filters let it pass. */
async function one(call: Call, id: string, wanted: Filters): Promise<LoadBalancer[]> {
  try {
    const { value } = await call.loadBalancer(id);
    return matches(value, wanted) ? [value] : [];
  } catch (error) {
    if (error instanceof Refusal && error.code === 'LoadBalancerNotFound') return [];
    throw error;
  }
}

export const DescribeLoadBalancers = defineAction({
  name: 'DescribeLoadBalancers',
  product: 'Ens',
  access: 'list',
  summary: 'Lists load balancers; filters narrow the list together.',
  input: filters,
  output: z.object({
    LoadBalancers: z.object({ LoadBalancer: z.array(summaryOutput) }),
    ...pageOutput,
  }),
  errors: ['NoPermission', 'InvalidParameter.%s'],
  limits: documentedLimits,
  resource: ({ LoadBalancerId: id }, account) => ensResource('loadbalancer', account, { id }),
  async run(wanted, call) {
    const { LoadBalancerId: id } = wanted;
    const matching = id === undefined ? found(call, wanted) : await one(call, id, wanted);
    const { items, ...page } = await pageOf(matching, wanted);
    return { LoadBalancers: { LoadBalancer: items.map(summaryOf) }, ...page };
  },
});

/** The flat list of this action: Port is a text here. */
const serverOutput = z.object({
  ServerId: z.string(),
  Ip: z.string(),
  Port: z.string(),
  Type: z.string(),
  Weight: z.int(),
});

const listenerOutput = z.object({
  ListenerPort: z.int(),
  ListenerProtocol: z.string(),
  BackendServerPort: z.int(),
  Description: z.string().optional(),
  ListenerForward: z.string().optional(),
  ForwardPort: z.int().optional(),
});

function listenerOf(listener: Listener): z.infer<typeof listenerOutput> {
  const canForward = listener.protocol === 'http' || listener.protocol === 'https';
  const forward = canForward ? listener.forwardPort : undefined;
  return {
    ListenerPort: listener.port,
    ListenerProtocol: listener.protocol,
    BackendServerPort: shownBackendPort(listener),
    ...(listener.description === undefined ? {} : { Description: listener.description }),
    ...(canForward ? { ListenerForward: forward === undefined ? 'off' : 'on' } : {}),
    ...(forward === undefined ? {} : { ForwardPort: forward }),
  };
}

export const DescribeLoadBalancerAttribute = defineAction({
  name: 'DescribeLoadBalancerAttribute',
  product: 'Ens',
  access: 'get',
  summary: 'Shows one load balancer with its servers and listeners.',
  description: 'x-sluice-revision is the revision of its last change.',
  input: z.object({ LoadBalancerId: loadBalancerId }),
  output: summaryOutput.extend({
    LoadBalancerSpec: z.string(),
    Bandwidth: z.int(),
    EndTime: z.string(),
    BackendServers: z.array(serverOutput),
    ListenerPorts: z.array(z.string()),
    ListenerPortsAndProtocols: z.array(listenerOutput),
  }),
  errors: ['NoPermission', 'Missing%s', 'ens.interface.error', 'LoadBalancerNotFound'],
  limits: documentedLimits,
  async run({ LoadBalancerId }, call) {
    const { value, revision } = await call.loadBalancer(LoadBalancerId).catch((error) => {
      // Terraform knows a deleted load balancer by the status 404 alone.
      if (!(error instanceof Refusal) || error.code !== 'LoadBalancerNotFound') throw error;
      throw new Refusal(error.code, undefined, undefined, 404);
    });
    call.answer.revision = revision;
    return {
      ...summaryOf(value),
      LoadBalancerSpec: value.spec,
      Bandwidth: value.bandwidth,
      // Nothing ends by itself.
      EndTime: '',
      BackendServers: value.backends.map((server) => ({
        ServerId: server.serverId,
        Ip: server.ip,
        Port: String(server.port),
        Type: server.type,
        Weight: server.weight,
      })),
      ListenerPorts: [...new Set(value.listeners.map(({ port }) => String(port)))],
      ListenerPortsAndProtocols: value.listeners.map(listenerOf),
    };
  },
});

/** Those that the documentation tells; others are shown by their own name. */
const displayNames: Readonly<Record<string, string>> = {
  'elb.s1.small': 'Lite',
  'elb.s2.small': 'Standard I',
};

export const DescribeLoadBalancerSpec = defineAction({
  name: 'DescribeLoadBalancerSpec',
  product: 'Ens',
  access: 'get',
  summary: 'Lists the specifications of load balancers.',
  description:
    'A specification caps connections, new connections and HTTP requests a second of a load ' +
    'balancer on each forwarder.',
  input: z.object({
    LoadBalancerSpec: z.string().max(64).optional().describe('Only this specification.'),
  }),
  output: z.object({
    LoadBalancerSpecs: z.array(z.object({ LoadBalancerSpec: z.string(), DisplayName: z.string() })),
    ...pageOutput,
  }),
  errors: ['ens.interface.error', 'NoPermission', 'InvalidParameter.%s'],
  limits: documentedLimits,
  run: async ({ LoadBalancerSpec: wanted }) => {
    const found = loadBalancerSpecs.filter((spec) => wanted === undefined || spec === wanted);
    return {
      LoadBalancerSpecs: found.map((spec) => ({
        LoadBalancerSpec: spec,
        DisplayName: displayNames[spec] ?? spec,
      })),
      PageNumber: 1,
      PageSize: loadBalancerSpecs.length,
      TotalCount: found.length,
    };
  },
});

export const loadBalancerViewActions = [
  DescribeLoadBalancers,
  DescribeLoadBalancerAttribute,
  DescribeLoadBalancerSpec,
];
