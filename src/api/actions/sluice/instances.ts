import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import type { Instance, LoadBalancer, Network, Site, VSwitch } from '../../../elb/types.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import { defineAction, ensResource } from '../action.ts';
import { address, label, nothing } from '../fields.ts';
import { networkId, vSwitchId } from '../network-fields.ts';
import { errors, instanceId, limits, site } from './fields.ts';
import { isOperator } from './operator.ts';

const networkInterface = z.object({
  NetworkInterfaceId: instanceId.describe('The ID of the interface: the ServerId of type eni.'),
  PrivateIpAddress: address.describe('The address of the interface.'),
});

const input = z.object({
  EnsRegionId: site,
  PrivateIpAddress: address.describe('The address that load balancers reach the machine at.'),
  InstanceId: instanceId.optional().describe('Letters, digits and -, at most 64; absent: made up.'),
  InstanceName: label(1, 128).optional().describe('A name for people; at first the ID.'),
  Status: z
    .enum(['Running', 'Stopped', 'Expired'])
    .optional()
    .describe('At first Running; no other can be added to a load balancer.'),
  NetworkInterfaces: z
    .array(networkInterface)
    .max(10)
    .optional()
    .describe('All its elastic network interfaces, up to 10; at first none.'),
  NetworkId: networkId
    .optional()
    .describe('Its network; at first that of the vSwitch, else the default network of the site.'),
  VSwitchId: vSwitchId
    .optional()
    .describe('Its vSwitch, needed with NetworkId; at first the default vSwitch of the site.'),
});
type Wanted = z.infer<typeof input>;

/** The record as the call wants it; of one that exists, what the call does not say stays. */
async function register(
  wanted: Wanted,
  call: Call,
  reads: Reads,
): Promise<Writes<{ InstanceId: string }>> {
  const id = wanted.InstanceId ?? call.newId('i');
  const before = (await reads.get<Instance>(keys.instance(id)))?.value;
  const { account } = call.caller;
  if (before !== undefined && (before.account !== account || before.site !== wanted.EnsRegionId)) {
    throw new Refusal('InvalidParameter.%s', 'InstanceId', `${id} is registered elsewhere.`);
  }
  const home = await call.site(wanted.EnsRegionId);
  if (home === undefined) throw new Refusal('Invalid%s', 'EnsRegionId');
  const { network, vSwitch, puts } = await placeOf(wanted, before, home.value, call, reads);
  const record: Instance = {
    v: 1,
    id,
    account,
    site: wanted.EnsRegionId,
    name: wanted.InstanceName ?? before?.name ?? id,
    privateIp: wanted.PrivateIpAddress,
    status: wanted.Status ?? before?.status ?? 'Running',
    networkId: network,
    vSwitchId: vSwitch,
    createTime: before?.createTime ?? isoSeconds(call.now()),
    interfaces: wanted.NetworkInterfaces?.map(toInterface) ?? before?.interfaces ?? [],
  };
  const result = { InstanceId: id };
  if (JSON.stringify(record) === JSON.stringify(before)) return { result };
  const isFirst = await isOperator(call);
  for (const { privateIp } of [record, ...record.interfaces]) {
    call.boundary.checkServer(privateIp, isFirst);
  }
  await checkInterfaces(record, reads);
  const kept = new Set(record.interfaces.map((each) => each.id));
  return {
    puts: new Map<string, unknown>([
      [keys.instance(id), record],
      ...puts,
      ...[...kept].map((each) => [keys.networkInterface(each), { v: 1, instanceId: id }] as const),
    ]),
    deletes: (before?.interfaces ?? [])
      .filter((old) => !kept.has(old.id))
      .map((old) => keys.networkInterface(old.id)),
    result,
  };
}

/** Where a machine is, and what is written again so that a deletion of its vSwitch looks anew. */
interface Place {
  readonly network: string;
  readonly vSwitch: string;
  readonly puts: readonly (readonly [key: string, value: VSwitch])[];
}

/**
 * The network and vSwitch that the call names, or those that the machine has, or the site's own.
 * @throws Refusal MissingVSwitchId, InvalidNetworkId, InvalidVSwitchId
 */
async function placeOf(
  wanted: Wanted,
  before: Instance | undefined,
  home: Site,
  call: Call,
  reads: Reads,
): Promise<Place> {
  const { NetworkId, VSwitchId } = wanted;
  const { defaultNetworkId: network, defaultVSwitchId: vSwitch } = home;
  if (NetworkId === undefined && VSwitchId === undefined) {
    const { networkId = network, vSwitchId = vSwitch } = before ?? {};
    return { network: networkId, vSwitch: vSwitchId, puts: [] };
  }
  if (NetworkId !== undefined) {
    const named = (await reads.get<Network>(keys.network(NetworkId)))?.value;
    if (named?.account !== call.caller.account || named.site !== home.id) {
      throw new Refusal('Invalid%s', 'NetworkId', `${NetworkId} is no network of ${home.id}.`);
    }
  }
  if (VSwitchId === undefined) throw new Refusal('Missing%s', 'VSwitchId');
  const key = keys.vSwitch(VSwitchId);
  const found = (await reads.get<VSwitch>(key))?.value;
  const isHere = found?.account === call.caller.account && found.site === home.id;
  if (!isHere || (NetworkId ?? found.networkId) !== found.networkId) {
    const detail = `${VSwitchId} is no vSwitch of ${NetworkId ?? home.id}.`;
    throw new Refusal('Invalid%s', 'VSwitchId', detail);
  }
  // A site's default vSwitch cannot be deleted.
  const puts = VSwitchId === vSwitch ? [] : [[key, found] as const];
  return { network: found.networkId, vSwitch: VSwitchId, puts };
}

function toInterface(each: z.infer<typeof networkInterface>): Instance['interfaces'][number] {
  return { id: each.NetworkInterfaceId, privateIp: each.PrivateIpAddress };
}

/** Each interface is named once, and belongs to no other instance. */
async function checkInterfaces({ id, interfaces }: Instance, reads: Reads): Promise<void> {
  const refuse = (detail: string) =>
    new Refusal('InvalidParameter.%s', 'NetworkInterfaceId', detail);
  const seen = new Set<string>();
  for (const each of interfaces) {
    if (seen.has(each.id)) throw refuse(`${each.id} is named twice.`);
    seen.add(each.id);
    const owner = await reads.get<{ instanceId: string }>(keys.networkInterface(each.id));
    if (owner !== undefined && owner.value.instanceId !== id) {
      throw refuse(`${each.id} belongs to ${owner.value.instanceId}.`);
    }
  }
}

export const RegisterInstance = defineAction({
  name: 'RegisterInstance',
  product: 'Sluice',
  access: 'create',
  summary: 'Registers a machine of a site; ENS sees it as an instance.',
  description:
    'Registering an ID again changes what the call says and leaves the rest; the same values ' +
    'change nothing, so a machine may register itself at every start. A server that is attached ' +
    'keeps the address it was attached with: remove and add it to move its traffic.',
  input,
  output: z.object({ InstanceId: z.string() }),
  errors,
  limits,
  resource: ({ EnsRegionId: site, InstanceId: id }, account) =>
    ensResource('instance', account, { id, site }),
  run: (wanted, call) => call.transact((reads) => register(wanted, call, reads)),
});

async function attachedTo(call: Call, instance: Instance): Promise<string | undefined> {
  const names = [instance.id, ...instance.interfaces.map(({ id }) => id)];
  for await (const { value } of call.list<LoadBalancer>(keys.loadBalancers(instance.site))) {
    if (value.backends.some(({ serverId }) => names.includes(serverId))) return value.id;
  }
  return undefined;
}

/**
 * The machine, marked before anybody looks which load balancers have it: an Add that did not see
 * the mark has committed before that look, or does not; one that sees it takes it away, and then
 * what was looked up counts no more. A mark is no change of the machine: it has no audit record.
 */
async function readLeaving(id: string, call: Call, reads: Reads): Promise<Instance> {
  const key = keys.instance(id);
  for (let attempt = 0; attempt <= bounds.commitRetries; attempt++) {
    const found = await reads.get<Instance>(key);
    if (found?.value.account !== call.caller.account) throw new Refusal('InstanceNotFound');
    if (found.value.leaving || call.extensions.dryRun) return found.value;
    const marked: Instance = { ...found.value, leaving: true };
    await call.store.commit({
      ifRevision: new Map([[key, found.revision]]),
      puts: [{ key, value: JSON.stringify(marked) }],
      deletes: [],
    });
  }
  throw new Refusal('OperationConflict');
}

export const DeregisterInstance = defineAction({
  name: 'DeregisterInstance',
  product: 'Sluice',
  access: 'delete',
  summary: 'Forgets a machine with its interfaces.',
  description:
    'Refused with IncorrectInstanceStatus while a load balancer has it, or an interface of it, ' +
    'as a server: RemoveBackendServers comes first.',
  input: z.object({ InstanceId: instanceId }),
  output: nothing,
  errors: [...errors, 'InstanceNotFound', 'IncorrectInstanceStatus'],
  limits,
  resource: ({ InstanceId: id }, account) => ensResource('instance', account, { id }),
  run: ({ InstanceId }, call) =>
    call.transact(async (reads) => {
      const found = await readLeaving(InstanceId, call, reads);
      const holder = await attachedTo(call, found);
      if (holder !== undefined) {
        throw new Refusal('IncorrectInstanceStatus', undefined, `${holder} has it as a server.`);
      }
      const interfaces = found.interfaces.map(({ id }) => keys.networkInterface(id));
      return { deletes: [keys.instance(InstanceId), ...interfaces], result: {} };
    }),
});
