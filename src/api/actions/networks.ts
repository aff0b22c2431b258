import { z } from 'zod';
import { isNetworkBlock } from '../../elb/networks.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { Network, VSwitch } from '../../elb/types.ts';
import { isoSeconds } from '../../signing.ts';
import { keys } from '../../store/keys.ts';
import type { Call, Stored } from '../call.ts';
import { defineAction, documentedLimits, ensResource } from './action.ts';
import { id, nothing, siteId } from './fields.ts';
import {
  type Contents,
  checkUnused,
  errors,
  idList,
  idsIn,
  instancesBy,
  interfacesIn,
  loadBalancersBy,
  name,
  networkId,
  tags,
  tagsOf,
  tagsOutput,
  tagsView,
  text,
  vSwitchesByNetwork,
} from './network-fields.ts';
import { pageOf, pageOutput, paging } from './paging.ts';

export const CreateNetwork = defineAction({
  name: 'CreateNetwork',
  product: 'Ens',
  access: 'create',
  summary: 'Creates a network in a site.',
  description:
    'A network is a record here: it carries no packet and isolates nothing. It is Available at ' +
    'once. Networks may overlap; vSwitches within one network may not.',
  input: z.object({
    EnsRegionId: siteId,
    CidrBlock: z
      .string()
      .refine(isNetworkBlock, 'no block within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16')
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
  resource: ({ EnsRegionId: site }, account) => ensResource('network', account, { site }),
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

/** What a record of a network does not have: present, empty, of the documented type. */
const unrecorded = {
  GatewayRouteTableId: z.string(),
  Ipv6CidrBlocks: z.object({
    Ipv6CidrBlock: z.array(
      z.object({ Ipv6CidrBlock: z.string(), Ipv6Isp: z.string(), Type: z.string() }),
    ),
  }),
  NetworkAclId: z.string(),
  RouteTableId: z.string(),
  RouteTableIds: idList('RouteTableId'),
  RouterTableId: z.string(),
  SecondaryCidrBlocks: idList('SecondaryCidrBlock'),
};

const nothingRecorded: z.infer<z.ZodObject<typeof unrecorded>> = {
  GatewayRouteTableId: '',
  Ipv6CidrBlocks: { Ipv6CidrBlock: [] },
  NetworkAclId: '',
  RouteTableId: '',
  RouteTableIds: { RouteTableId: [] },
  RouterTableId: '',
  SecondaryCidrBlocks: { SecondaryCidrBlock: [] },
};

const view = z.object({
  NetworkId: z.string(),
  NetworkName: z.string(),
  Description: z.string(),
  CidrBlock: z.string(),
  EnsRegionId: z.string(),
  CreatedTime: z.string(),
  Status: z.string(),
  VSwitchIds: idList('VSwitchId'),
  ...unrecorded,
});

function viewOf(network: Network, vSwitches: Contents<VSwitch>): z.infer<typeof view> {
  return {
    NetworkId: network.id,
    NetworkName: network.name,
    Description: network.description ?? '',
    CidrBlock: network.cidr,
    EnsRegionId: network.site,
    CreatedTime: network.createTime,
    Status: 'Available',
    VSwitchIds: { VSwitchId: idsIn(vSwitches, network.id) },
    ...nothingRecorded,
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
  resource: ({ NetworkId: id }, account) => ensResource('network', account, { id }),
  async run(wanted, call) {
    const { items, ...page } = await pageOf(found(call, wanted), wanted);
    const vSwitches = await vSwitchesByNetwork(call);
    const Network = items.map((each) => ({
      ...viewOf(each, vSwitches),
      Tags: tagsView(each.tags),
    }));
    return { Networks: { Network }, ...page };
  },
});

/** @throws Refusal InvalidNetworkId when there is none, or it is another account's */
function owned(found: Stored<Network> | undefined, call: Call): Network {
  if (found?.value.account !== call.caller.account) throw new Refusal('Invalid%s', 'NetworkId');
  return found.value;
}

export const DescribeNetworkAttribute = defineAction({
  name: 'DescribeNetworkAttribute',
  product: 'Ens',
  access: 'get',
  summary: 'Shows one network and what lies in it.',
  input: z.object({ NetworkId: networkId }),
  output: view.extend({
    CloudResources: z.object({
      CloudResourceSetType: z.array(z.object({ ResourceCount: z.int(), ResourceType: z.string() })),
    }),
    HaVipIds: idList('HaVipId'),
    InstanceIds: idList('InstanceId'),
    LoadBalancerIds: idList('LoadBalancerId'),
    NatGatewayIds: idList('NatGatewayId'),
    NetworkInterfaceIds: idList('NetworkInterfaceId'),
  }),
  errors,
  limits: documentedLimits,
  resource: ({ NetworkId: id }, account) => ensResource('network', account, { id }),
  async run({ NetworkId }, call) {
    const network = owned(await call.network(NetworkId), call);
    const loadBalancers = await loadBalancersBy(call, network.site, 'networkId');
    const instances = await instancesBy(call, 'networkId');
    return {
      ...viewOf(network, await vSwitchesByNetwork(call)),
      // No source names the values of ResourceType.
      CloudResources: { CloudResourceSetType: [] },
      HaVipIds: { HaVipId: [] },
      InstanceIds: { InstanceId: idsIn(instances, NetworkId) },
      LoadBalancerIds: { LoadBalancerId: idsIn(loadBalancers, NetworkId) },
      NatGatewayIds: { NatGatewayId: [] },
      NetworkInterfaceIds: { NetworkInterfaceId: interfacesIn(instances, NetworkId) },
    };
  },
});

export const ModifyNetworkAttribute = defineAction({
  name: 'ModifyNetworkAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes the name or description of a network; what is not said stays.',
  input: z.object({ NetworkId: networkId, NetworkName: name, Description: text }),
  output: nothing,
  errors,
  limits: documentedLimits,
  resource: ({ NetworkId: id }, account) => ensResource('network', account, { id }),
  run: ({ NetworkId, NetworkName, Description }, call) =>
    call.transact(async (reads) => {
      const key = keys.network(NetworkId);
      const next: Network = {
        ...owned(await reads.get<Network>(key), call),
        ...(NetworkName === undefined ? {} : { name: NetworkName }),
        ...(Description === undefined ? {} : { description: Description }),
      };
      return { puts: new Map([[key, next]]), result: {} };
    }),
});

export const DeleteNetwork = defineAction({
  name: 'DeleteNetwork',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a network in which nothing is left.',
  description:
    'Refused with ens.interface.error while a vSwitch, an instance or a load balancer is in it, ' +
    'and for the default network of a site.',
  input: z.object({ NetworkId: networkId }),
  output: nothing,
  errors,
  limits: documentedLimits,
  resource: ({ NetworkId: id }, account) => ensResource('network', account, { id }),
  run: ({ NetworkId }, call) =>
    call.transact(async (reads) => {
      const key = keys.network(NetworkId);
      const { site } = owned(await reads.get<Network>(key), call);
      const inside = [
        ...idsIn(await vSwitchesByNetwork(call), NetworkId),
        ...idsIn(await instancesBy(call, 'networkId'), NetworkId),
        ...idsIn(await loadBalancersBy(call, site, 'networkId'), NetworkId),
      ];
      const isDefault = (await call.site(site))?.value.defaultNetworkId === NetworkId;
      checkUnused(isDefault ? `It is the default network of ${site}.` : undefined, inside);
      return { deletes: [key], result: {} };
    }),
});

export const networkActions = [
  CreateNetwork,
  DescribeNetworks,
  DescribeNetworkAttribute,
  ModifyNetworkAttribute,
  DeleteNetwork,
];
