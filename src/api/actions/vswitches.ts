import { z } from 'zod';
import { checkVSwitchBlock, freeAddresses, isVSwitchBlock } from '../../elb/networks.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { Instance, Network, VSwitch } from '../../elb/types.ts';
import { isoSeconds } from '../../signing.ts';
import { keys } from '../../store/keys.ts';
import type { Call, Reads, Stored } from '../call.ts';
import { defineAction, documentedLimits, ensResource } from './action.ts';
import { id, nothing, siteId } from './fields.ts';
import {
  checkUnused,
  errors,
  idList,
  idsIn,
  instancesBy,
  interfacesIn,
  ipv6Block,
  loadBalancersBy,
  name,
  networkId,
  tags,
  tagsOf,
  tagsOutput,
  tagsView,
  text,
  vSwitchesByNetwork,
  vSwitchId,
} from './network-fields.ts';
import { pageOf, pageOutput, paging } from './paging.ts';

const input = z.object({
  EnsRegionId: siteId,
  NetworkId: networkId.optional().describe('Absent: the default network of the site.'),
  CidrBlock: z
    .string()
    .refine(isVSwitchBlock, 'no block with a mask of 16 to 29 bits')
    .describe('A block inside the network, mask 16 to 29 bits.'),
  VSwitchName: name,
  Description: text,
  Ipv6CidrBlock: ipv6Block,
  Tag: tags,
});

/** The network the vSwitch is for; that it stands as it was read is a condition of the commit. */
async function networkFor(
  wanted: z.infer<typeof input>,
  call: Call,
  reads: Reads,
): Promise<Network> {
  const site = await call.site(wanted.EnsRegionId);
  if (site === undefined) throw new Refusal('Invalid%s', 'EnsRegionId');
  const id = wanted.NetworkId ?? site.value.defaultNetworkId;
  const network = (await reads.get<Network>(keys.network(id)))?.value;
  if (network?.account !== call.caller.account || network.site !== wanted.EnsRegionId) {
    throw new Refusal('Invalid%s', 'NetworkId');
  }
  return network;
}

export const CreateVSwitch = defineAction({
  name: 'CreateVSwitch',
  product: 'Ens',
  access: 'create',
  summary: 'Creates a vSwitch in a network.',
  description:
    'Its block lies within that of the network, has a mask of 16 to 29 bits and overlaps no ' +
    'other vSwitch of the network. It is a record, and Available at once.',
  input,
  output: z.object({ VSwitchId: z.string() }),
  errors,
  limits: documentedLimits,
  resource: ({ EnsRegionId: site, NetworkId }, account) => [
    ensResource('vswitch', account, { site }),
    ...(NetworkId === undefined ? [] : [ensResource('network', account, { id: NetworkId, site })]),
  ],
  run: (wanted, call) =>
    call.transact(async (reads) => {
      const network = await networkFor(wanted, call, reads);
      const siblings = (await vSwitchesByNetwork(call)).get(network.id) ?? [];
      checkVSwitchBlock(wanted.CidrBlock, network.cidr, siblings);
      const made: VSwitch = {
        v: 1,
        id: call.newId('vsw'),
        account: call.caller.account,
        site: wanted.EnsRegionId,
        networkId: network.id,
        name: wanted.VSwitchName ?? '',
        ...(wanted.Description === undefined ? {} : { description: wanted.Description }),
        cidr: wanted.CidrBlock,
        ...(wanted.Ipv6CidrBlock === undefined ? {} : { ipv6Cidr: wanted.Ipv6CidrBlock }),
        createTime: isoSeconds(call.now()),
        tags: tagsOf(wanted.Tag),
      };
      return {
        puts: new Map<string, object>([
          [keys.vSwitch(made.id), made],
          // Written as it is: of two calls for one network, the second looks at its vSwitches anew.
          [keys.network(network.id), network],
        ]),
        result: { VSwitchId: made.id },
      };
    }),
});

const view = z.object({
  VSwitchId: z.string(),
  VSwitchName: z.string(),
  Description: z.string(),
  CidrBlock: z.string(),
  Ipv6CidrBlock: z.string(),
  NetworkId: z.string(),
  EnsRegionId: z.string(),
  CreatedTime: z.string(),
  Status: z.string(),
});

function viewOf(value: VSwitch): z.infer<typeof view> {
  return {
    VSwitchId: value.id,
    VSwitchName: value.name,
    Description: value.description ?? '',
    CidrBlock: value.cidr,
    Ipv6CidrBlock: value.ipv6Cidr ?? '',
    NetworkId: value.networkId,
    EnsRegionId: value.site,
    CreatedTime: value.createTime,
    Status: 'Available',
  };
}

function freeIn(vSwitch: VSwitch, instances: readonly Instance[]): number {
  const used = instances.flatMap(({ privateIp, interfaces }) => [
    privateIp,
    ...interfaces.map((each) => each.privateIp),
  ]);
  return freeAddresses(vSwitch.cidr, used);
}

const filters = z.object({
  EnsRegionId: siteId.optional(),
  EnsRegionIds: z.array(siteId).max(100).optional().describe('Up to 100 edge nodes.'),
  NetworkId: networkId.optional(),
  VSwitchId: vSwitchId.optional(),
  VSwitchIds: z.array(id).max(100).optional().describe('Up to 100 vSwitches.'),
  VSwitchName: z.string().max(128).optional().describe('The whole name.'),
  EnableIpv6: z.boolean().optional().describe('true: those with an IPv6 block.'),
  ...paging({ min: 1, max: 50, default: 10 }),
});

async function* found(call: Call, wanted: z.infer<typeof filters>) {
  for await (const { value } of call.list<VSwitch>(keys.vSwitch(''))) {
    const matches =
      (wanted.EnsRegionId ?? value.site) === value.site &&
      (wanted.EnsRegionIds?.includes(value.site) ?? true) &&
      (wanted.NetworkId ?? value.networkId) === value.networkId &&
      (wanted.VSwitchId ?? value.id) === value.id &&
      (wanted.VSwitchIds?.includes(value.id) ?? true) &&
      (wanted.VSwitchName ?? value.name) === value.name &&
      (wanted.EnableIpv6 ?? value.ipv6Cidr !== undefined) === (value.ipv6Cidr !== undefined);
    if (matches) yield value;
  }
}

export const DescribeVSwitches = defineAction({
  name: 'DescribeVSwitches',
  product: 'Ens',
  access: 'list',
  summary: 'Lists vSwitches; filters narrow the list together.',
  input: filters,
  output: z.object({
    VSwitches: z.object({
      VSwitch: z.array(view.extend({ FreeIpCount: z.int(), Tags: tagsOutput })),
    }),
    ...pageOutput,
  }),
  errors,
  limits: documentedLimits,
  resource: ({ VSwitchId: id }, account) => ensResource('vswitch', account, { id }),
  async run(wanted, call) {
    const { items, ...page } = await pageOf(found(call, wanted), wanted);
    const instances = await instancesBy(call, 'vSwitchId');
    const VSwitch = items.map((each) => ({
      ...viewOf(each),
      FreeIpCount: freeIn(each, instances.get(each.id) ?? []),
      Tags: tagsView(each.tags),
    }));
    return { VSwitches: { VSwitch }, ...page };
  },
});

/** @throws Refusal InvalidVSwitchId.NotFound when there is none, or it is another account's */
function owned(found: Stored<VSwitch> | undefined, call: Call): VSwitch {
  if (found?.value.account !== call.caller.account) throw new Refusal('InvalidVSwitchId.NotFound');
  return found.value;
}

export const DescribeVSwitchAttributes = defineAction({
  name: 'DescribeVSwitchAttributes',
  product: 'Ens',
  access: 'get',
  summary: 'Shows one vSwitch and what lies in it.',
  input: z.object({ VSwitchId: vSwitchId }),
  output: view.extend({
    AvailableIpAddressCount: z.int(),
    HaVipIds: idList('HaVipId'),
    InstanceIds: idList('InstanceId'),
    LoadBalancerIds: idList('LoadBalancerId'),
    NatGatewayIds: idList('NatGatewayId'),
    NetworkInterfaceIds: idList('NetworkInterfaceId'),
  }),
  errors: [...errors, 'InvalidVSwitchId.NotFound'],
  limits: documentedLimits,
  resource: ({ VSwitchId: id }, account) => ensResource('vswitch', account, { id }),
  async run({ VSwitchId }, call) {
    const value = owned(await call.vSwitch(VSwitchId), call);
    const instances = await instancesBy(call, 'vSwitchId');
    const loadBalancers = await loadBalancersBy(call, value.site, 'vSwitchId');
    return {
      ...viewOf(value),
      AvailableIpAddressCount: freeIn(value, instances.get(VSwitchId) ?? []),
      HaVipIds: { HaVipId: [] },
      InstanceIds: { InstanceId: idsIn(instances, VSwitchId) },
      LoadBalancerIds: { LoadBalancerId: idsIn(loadBalancers, VSwitchId) },
      NatGatewayIds: { NatGatewayId: [] },
      NetworkInterfaceIds: { NetworkInterfaceId: interfacesIn(instances, VSwitchId) },
    };
  },
});

export const ModifyVSwitchAttribute = defineAction({
  name: 'ModifyVSwitchAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes the name, description or IPv6 block of a vSwitch; what is not said stays.',
  input: z.object({
    VSwitchId: vSwitchId,
    VSwitchName: name,
    Description: text,
    EnableIPv6: z.boolean().optional().describe('false: the IPv6 block goes.'),
    Ipv6CidrBlock: ipv6Block,
  }),
  output: nothing,
  errors: [...errors, 'InvalidVSwitchId.NotFound'],
  limits: documentedLimits,
  resource: ({ VSwitchId: id }, account) => ensResource('vswitch', account, { id }),
  run: (wanted, call) =>
    call.transact(async (reads) => {
      const key = keys.vSwitch(wanted.VSwitchId);
      const { ipv6Cidr, ...rest } = owned(await reads.get<VSwitch>(key), call);
      const block = wanted.EnableIPv6 === false ? undefined : (wanted.Ipv6CidrBlock ?? ipv6Cidr);
      const next: VSwitch = {
        ...rest,
        ...(block === undefined ? {} : { ipv6Cidr: block }),
        ...(wanted.VSwitchName === undefined ? {} : { name: wanted.VSwitchName }),
        ...(wanted.Description === undefined ? {} : { description: wanted.Description }),
      };
      return { puts: new Map([[key, next]]), result: {} };
    }),
});

export const DeleteVSwitch = defineAction({
  name: 'DeleteVSwitch',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a vSwitch in which nothing is left.',
  description:
    'Refused with ens.interface.error while an instance or a load balancer is in it, and for the ' +
    'default vSwitch of a site.',
  input: z.object({ VSwitchId: vSwitchId }),
  output: nothing,
  errors: [...errors, 'InvalidVSwitchId.NotFound'],
  limits: documentedLimits,
  resource: ({ VSwitchId: id }, account) => ensResource('vswitch', account, { id }),
  run: ({ VSwitchId }, call) =>
    call.transact(async (reads) => {
      const key = keys.vSwitch(VSwitchId);
      const { site } = owned(await reads.get<VSwitch>(key), call);
      const inside = [
        ...idsIn(await instancesBy(call, 'vSwitchId'), VSwitchId),
        ...idsIn(await loadBalancersBy(call, site, 'vSwitchId'), VSwitchId),
      ];
      const isDefault = (await call.site(site))?.value.defaultVSwitchId === VSwitchId;
      checkUnused(isDefault ? `It is the default vSwitch of ${site}.` : undefined, inside);
      return { deletes: [key], result: {} };
    }),
});

export const vSwitchActions = [
  CreateVSwitch,
  DescribeVSwitches,
  DescribeVSwitchAttributes,
  ModifyVSwitchAttribute,
  DeleteVSwitch,
];
