import { z } from 'zod';
import { contains, overlaps, parseBlock, sizeOf } from '../../elb/cidr.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { Instance, LoadBalancer, Network, Site, VSwitch } from '../../elb/types.ts';
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

const vSwitchId = id.describe('The ID of the vSwitch.');
const networkId = id.describe('The ID of the network.');
const ipv6Block = z
  .string()
  .max(64)
  .refine((block) => parseBlock(block)?.bits === 128, 'no IPv6 block')
  .optional()
  .describe('An IPv6 block, kept as sent.');

/** Documented: the mask of a vSwitch has 16 to 29 bits. */
function isVSwitchBlock(block: string): boolean {
  const parsed = parseBlock(block);
  return parsed?.bits === 32 && parsed.prefix >= 16 && parsed.prefix <= 29;
}

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

async function networkFor(wanted: z.infer<typeof input>, call: Call): Promise<Network> {
  const site = await call.site(wanted.EnsRegionId);
  if (site === undefined) throw new Refusal('Invalid%s', 'EnsRegionId');
  const network = await call.network(wanted.NetworkId ?? site.value.defaultNetworkId);
  if (network?.value.site !== wanted.EnsRegionId) throw new Refusal('Invalid%s', 'NetworkId');
  return network.value;
}

async function checkBlock(block: string, network: Network, call: Call): Promise<void> {
  const wanted = parseBlock(block)!;
  if (!contains(parseBlock(network.cidr)!, wanted)) {
    throw new Refusal('InvalidParameter.%s', 'CidrBlock', `It is not within ${network.cidr}.`);
  }
  for await (const { value } of call.list<VSwitch>(keys.vSwitch(''))) {
    if (value.networkId === network.id && overlaps(parseBlock(value.cidr)!, wanted)) {
      throw new Refusal('InvalidParameter.%s', 'CidrBlock', `It overlaps that of ${value.id}.`);
    }
  }
}

export const CreateVSwitch = defineAction({
  name: 'CreateVSwitch',
  product: 'Ens',
  access: 'create',
  summary: 'Creates a vSwitch in a network.',
  input,
  output: z.object({ VSwitchId: z.string() }),
  errors,
  limits: documentedLimits,
  run: (wanted, call) =>
    call.transact(async (reads) => {
      const network = await networkFor(wanted, call);
      // Its deletion, and that of the block's room, would be a conflict.
      await reads.get(keys.network(network.id));
      await checkBlock(wanted.CidrBlock, network, call);
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
      return { puts: new Map([[keys.vSwitch(made.id), made]]), result: { VSwitchId: made.id } };
    }),
});

const view = z.object({
  VSwitchId: z.string(),
  VSwitchName: z.string(),
  Description: z.string(),
  CidrBlock: z.string(),
  Ipv6CidrBlock: z.string().optional(),
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
    ...(value.ipv6Cidr === undefined ? {} : { Ipv6CidrBlock: value.ipv6Cidr }),
    NetworkId: value.networkId,
    EnsRegionId: value.site,
    CreatedTime: value.createTime,
    Status: 'Available',
  };
}

/** Ids of what of a kind lies in a vSwitch. */
async function within(call: Call, prefix: string, vSwitch: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { value } of call.list<Instance | LoadBalancer>(prefix)) {
    if (value.vSwitchId === vSwitch) found.push(value.id);
  }
  return found;
}

/** Addresses that are not an instance's, less the three that a vSwitch keeps for itself. */
function freeAddresses(value: VSwitch, instances: number): number {
  return Math.max(0, Number(sizeOf(parseBlock(value.cidr)!)) - 3 - instances);
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
  async run(wanted, call) {
    const { items, ...page } = await pageOf(found(call, wanted), wanted);
    const views = items.map(async (each) => {
      const instances = await within(call, keys.instance(''), each.id);
      const FreeIpCount = freeAddresses(each, instances.length);
      return { ...viewOf(each), FreeIpCount, Tags: tagsView(each.tags) };
    });
    return { VSwitches: { VSwitch: await Promise.all(views) }, ...page };
  },
});

async function ownVSwitch(call: Call, wanted: string): Promise<VSwitch> {
  const stored = await call.vSwitch(wanted);
  if (stored === undefined) throw new Refusal('InvalidVSwitchId.NotFound');
  return stored.value;
}

export const DescribeVSwitchAttributes = defineAction({
  name: 'DescribeVSwitchAttributes',
  product: 'Ens',
  access: 'get',
  summary: 'Shows one vSwitch and what lies in it.',
  input: z.object({ VSwitchId: vSwitchId }),
  output: view.extend({
    AvailableIpAddressCount: z.int(),
    InstanceIds: idList('InstanceId'),
    LoadBalancerIds: idList('LoadBalancerId'),
  }),
  errors: [...errors, 'InvalidVSwitchId.NotFound'],
  limits: documentedLimits,
  async run({ VSwitchId }, call) {
    const value = await ownVSwitch(call, VSwitchId);
    const InstanceId = await within(call, keys.instance(''), VSwitchId);
    return {
      ...viewOf(value),
      AvailableIpAddressCount: freeAddresses(value, InstanceId.length),
      InstanceIds: { InstanceId },
      LoadBalancerIds: {
        LoadBalancerId: await within(call, keys.loadBalancers(value.site), VSwitchId),
      },
    };
  },
});

export const ModifyVSwitchAttribute = defineAction({
  name: 'ModifyVSwitchAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes the name, description or IPv6 block of a vSwitch.',
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
  run: (wanted, call) =>
    call.transact(async (reads) => {
      await ownVSwitch(call, wanted.VSwitchId);
      const current = await reads.get<VSwitch>(keys.vSwitch(wanted.VSwitchId));
      if (current === undefined) throw new Refusal('InvalidVSwitchId.NotFound');
      const { ipv6Cidr, ...rest } = current.value;
      const block = wanted.EnableIPv6 === false ? undefined : (wanted.Ipv6CidrBlock ?? ipv6Cidr);
      const next: VSwitch = {
        ...rest,
        ...(block === undefined ? {} : { ipv6Cidr: block }),
        ...(wanted.VSwitchName === undefined ? {} : { name: wanted.VSwitchName }),
        ...(wanted.Description === undefined ? {} : { description: wanted.Description }),
      };
      return { puts: new Map([[keys.vSwitch(wanted.VSwitchId), next]]), result: {} };
    }),
});

export const DeleteVSwitch = defineAction({
  name: 'DeleteVSwitch',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a vSwitch in which nothing is left.',
  input: z.object({ VSwitchId: vSwitchId }),
  output: nothing,
  errors: [...errors, 'InvalidVSwitchId.NotFound'],
  limits: documentedLimits,
  run: ({ VSwitchId }, call) =>
    call.transact(async (reads) => {
      const value = await ownVSwitch(call, VSwitchId);
      await reads.get(keys.vSwitch(VSwitchId));
      const site = await reads.get<Site>(keys.site(value.site));
      const inside = [
        ...(await within(call, keys.instance(''), VSwitchId)),
        ...(await within(call, keys.loadBalancers(value.site), VSwitchId)),
      ];
      const reason =
        site?.value.defaultVSwitchId === VSwitchId
          ? `It is the default vSwitch of ${value.site}.`
          : inside.length > 0
            ? `${inside[0]} is in it.`
            : undefined;
      if (reason !== undefined) throw new Refusal('ens.interface.error', undefined, reason);
      return { deletes: [keys.vSwitch(VSwitchId)], result: {} };
    }),
});

export const vSwitchActions = [
  CreateVSwitch,
  DescribeVSwitches,
  DescribeVSwitchAttributes,
  ModifyVSwitchAttribute,
  DeleteVSwitch,
];
