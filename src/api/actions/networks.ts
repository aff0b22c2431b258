import { z } from 'zod';
import { contains, parseBlock } from '../../elb/cidr.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { Network, Site } from '../../elb/types.ts';
import { isoSeconds } from '../../signing.ts';
import { keys } from '../../store/keys.ts';
import type { Call } from '../call.ts';
import { defineAction, documentedLimits } from './action.ts';
import { id, nothing, siteId } from './fields.ts';
import {
  errors,
  idList,
  name,
  tags,
  tagsOf,
  tagsOutput,
  tagsView,
  text,
} from './network-fields.ts';
import { pageOf, pageOutput, paging } from './paging.ts';

/** Documented: a network lies within one of these. */
const privateBlocks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(
  (block) => parseBlock(block)!,
);

const networkId = id.describe('The ID of the network.');

export const CreateNetwork = defineAction({
  name: 'CreateNetwork',
  product: 'Ens',
  access: 'create',
  summary: 'Creates a network.',
  input: z.object({
    EnsRegionId: siteId,
    CidrBlock: z
      .string()
      .refine((block) => {
        const parsed = parseBlock(block);
        return parsed !== undefined && privateBlocks.some((outer) => contains(outer, parsed));
      }, 'no block within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16')
      .describe('A block within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.'),
    NetworkName: name,
    Description: text,
    Tag: tags,
    EnableIpv6: z.boolean().optional().describe('Accepted; networks are records here.'),
    Ipv6Isp: z.string().max(64).optional().describe('Accepted; networks are records here.'),
  }),
  output: z.object({ NetworkId: z.string() }),
  errors,
  limits: { perApi: 100, perAccount: 5 },
  run: (wanted, call) =>
    call.transact(async () => {
      if ((await call.site(wanted.EnsRegionId)) === undefined) {
        throw new Refusal('Invalid%s', 'EnsRegionId');
      }
      const made: Network = {
        v: 1,
        id: call.newId('n'),
        account: call.caller.account,
        site: wanted.EnsRegionId,
        name: wanted.NetworkName ?? '',
        ...(wanted.Description === undefined ? {} : { description: wanted.Description }),
        cidr: wanted.CidrBlock,
        createTime: isoSeconds(call.now()),
        tags: tagsOf(wanted.Tag),
      };
      return {
        puts: new Map([[keys.network(made.id), made]]),
        result: { NetworkId: made.id },
      };
    }),
});

const view = z.object({
  NetworkId: z.string(),
  NetworkName: z.string(),
  Description: z.string(),
  CidrBlock: z.string(),
  EnsRegionId: z.string(),
  CreatedTime: z.string(),
  Status: z.string(),
  VSwitchIds: idList('VSwitchId'),
});

/** Ids of what of a kind lies in a network. */
async function within(call: Call, prefix: string, network: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { value } of call.list<{ id: string; networkId: string }>(prefix)) {
    if (value.networkId === network) found.push(value.id);
  }
  return found;
}

async function viewOf(network: Network, call: Call): Promise<z.infer<typeof view>> {
  return {
    NetworkId: network.id,
    NetworkName: network.name,
    Description: network.description ?? '',
    CidrBlock: network.cidr,
    EnsRegionId: network.site,
    CreatedTime: network.createTime,
    Status: 'Available',
    VSwitchIds: { VSwitchId: await within(call, keys.vSwitch(''), network.id) },
  };
}

const filters = z.object({
  EnsRegionId: siteId.optional(),
  EnsRegionIds: z.array(siteId).max(100).optional().describe('Up to 100 edge nodes.'),
  NetworkId: networkId.optional(),
  NetworkIds: z.array(id).max(100).optional().describe('Up to 100 networks.'),
  NetworkName: z.string().max(128).optional().describe('The whole name.'),
  ...paging({ min: 1, max: 50, default: 10 }),
});

async function* found(call: Call, wanted: z.infer<typeof filters>) {
  for await (const { value } of call.list<Network>(keys.network(''))) {
    const matches =
      (wanted.EnsRegionId ?? value.site) === value.site &&
      (wanted.EnsRegionIds?.includes(value.site) ?? true) &&
      (wanted.NetworkId ?? value.id) === value.id &&
      (wanted.NetworkIds?.includes(value.id) ?? true) &&
      (wanted.NetworkName ?? value.name) === value.name;
    if (matches) yield value;
  }
}

export const DescribeNetworks = defineAction({
  name: 'DescribeNetworks',
  product: 'Ens',
  access: 'list',
  summary: 'Lists networks; filters narrow the list together. An unknown ID gives an empty list.',
  input: filters,
  output: z.object({
    Networks: z.object({ Network: z.array(view.extend({ Tags: tagsOutput })) }),
    ...pageOutput,
  }),
  errors,
  limits: documentedLimits,
  async run(wanted, call) {
    const { items, ...page } = await pageOf(found(call, wanted), wanted);
    const views = items.map(async (each) => ({
      ...(await viewOf(each, call)),
      Tags: tagsView(each.tags),
    }));
    return { Networks: { Network: await Promise.all(views) }, ...page };
  },
});

async function ownNetwork(call: Call, wanted: string): Promise<Network> {
  const stored = await call.network(wanted);
  if (stored === undefined) throw new Refusal('Invalid%s', 'NetworkId');
  return stored.value;
}

export const DescribeNetworkAttribute = defineAction({
  name: 'DescribeNetworkAttribute',
  product: 'Ens',
  access: 'get',
  summary: 'Shows one network and what lies in it.',
  input: z.object({ NetworkId: networkId }),
  output: view.extend({
    InstanceIds: idList('InstanceId'),
    LoadBalancerIds: idList('LoadBalancerId'),
  }),
  errors,
  limits: documentedLimits,
  async run({ NetworkId }, call) {
    const network = await ownNetwork(call, NetworkId);
    return {
      ...(await viewOf(network, call)),
      InstanceIds: { InstanceId: await within(call, keys.instance(''), NetworkId) },
      LoadBalancerIds: {
        LoadBalancerId: await within(call, keys.loadBalancers(network.site), NetworkId),
      },
    };
  },
});

export const ModifyNetworkAttribute = defineAction({
  name: 'ModifyNetworkAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes the name or description of a network.',
  input: z.object({ NetworkId: networkId, NetworkName: name, Description: text }),
  output: nothing,
  errors,
  limits: documentedLimits,
  run: ({ NetworkId, NetworkName, Description }, call) =>
    call.transact(async (reads) => {
      await ownNetwork(call, NetworkId);
      const current = await reads.get<Network>(keys.network(NetworkId));
      if (current === undefined) throw new Refusal('Invalid%s', 'NetworkId');
      const next: Network = {
        ...current.value,
        ...(NetworkName === undefined ? {} : { name: NetworkName }),
        ...(Description === undefined ? {} : { description: Description }),
      };
      return { puts: new Map([[keys.network(NetworkId), next]]), result: {} };
    }),
});

export const DeleteNetwork = defineAction({
  name: 'DeleteNetwork',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a network in which nothing is left.',
  input: z.object({ NetworkId: networkId }),
  output: nothing,
  errors,
  limits: documentedLimits,
  run: ({ NetworkId }, call) =>
    call.transact(async (reads) => {
      const network = await ownNetwork(call, NetworkId);
      await reads.get(keys.network(NetworkId));
      const site = await reads.get<Site>(keys.site(network.site));
      const inside = [
        ...(await within(call, keys.vSwitch(''), NetworkId)),
        ...(await within(call, keys.instance(''), NetworkId)),
        ...(await within(call, keys.loadBalancers(network.site), NetworkId)),
      ];
      const reason =
        site?.value.defaultNetworkId === NetworkId
          ? `It is the default network of ${network.site}.`
          : inside.length > 0
            ? `${inside[0]} is in it.`
            : undefined;
      if (reason !== undefined) throw new Refusal('ens.interface.error', undefined, reason);
      return { deletes: [keys.network(NetworkId)], result: {} };
    }),
});

export const networkActions = [
  CreateNetwork,
  DescribeNetworks,
  DescribeNetworkAttribute,
  ModifyNetworkAttribute,
  DeleteNetwork,
];
