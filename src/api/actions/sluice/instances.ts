import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import type { Instance, LoadBalancer } from '../../../elb/types.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import { defineAction } from '../action.ts';
import { label, nothing } from '../fields.ts';
import { address, errors, instanceId, limits, site } from './fields.ts';

const input = z.object({
  EnsRegionId: site,
  PrivateIpAddress: address.describe('The address that load balancers reach the machine at.'),
  InstanceId: instanceId.optional().describe('Absent: one is made.'),
  InstanceName: label(1, 128).optional().describe('A name for people; absent: the ID.'),
  Status: z
    .enum(['Running', 'Stopped', 'Expired'])
    .default('Running')
    .describe('Only a Running instance can be added to a load balancer.'),
  NetworkInterfaces: z
    .array(z.object({ NetworkInterfaceId: instanceId, PrivateIpAddress: address }))
    .max(10)
    .default([])
    .describe('Its elastic network interfaces.'),
});
type Wanted = z.infer<typeof input>;

/** The record as the call wants it; registering again replaces what was said before. */
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
  const interfaces = wanted.NetworkInterfaces.map((each) => ({
    id: each.NetworkInterfaceId,
    privateIp: each.PrivateIpAddress,
  }));
  for (const each of interfaces) await checkInterface(each.id, id, reads);
  const record: Instance = {
    v: 1,
    id,
    account,
    site: wanted.EnsRegionId,
    name: wanted.InstanceName ?? before?.name ?? id,
    privateIp: wanted.PrivateIpAddress,
    status: wanted.Status,
    networkId: home.value.defaultNetworkId,
    vSwitchId: home.value.defaultVSwitchId,
    createTime: before?.createTime ?? isoSeconds(call.now()),
    interfaces,
  };
  const result = { InstanceId: id };
  if (JSON.stringify(record) === JSON.stringify(before)) return { result };
  const gone = (before?.interfaces ?? []).filter((old) => !interfaces.some((i) => i.id === old.id));
  return {
    puts: new Map<string, unknown>([
      [keys.instance(id), record],
      ...interfaces.map((each): [string, unknown] => [
        keys.networkInterface(each.id),
        { v: 1, instanceId: id },
      ]),
    ]),
    deletes: gone.map((old) => keys.networkInterface(old.id)),
    result,
  };
}

/** An interface belongs to one instance. */
async function checkInterface(interfaceId: string, instance: string, reads: Reads): Promise<void> {
  const owner = await reads.get<{ instanceId: string }>(keys.networkInterface(interfaceId));
  if (owner === undefined || owner.value.instanceId === instance) return;
  throw new Refusal('InvalidParameter.%s', 'NetworkInterfaceId', `${interfaceId} is taken.`);
}

export const RegisterInstance = defineAction({
  name: 'RegisterInstance',
  product: 'Sluice',
  access: 'create',
  summary: 'Registers a machine of a site; ENS sees it as an instance.',
  description:
    'Registering an ID again replaces what was said of it before. Servers that are attached keep ' +
    'the address they were attached with: remove and add them to move their traffic.',
  input,
  output: z.object({ InstanceId: z.string() }),
  errors,
  limits,
  run: (wanted, call) => call.transact((reads) => register(wanted, call, reads)),
});

async function attachedTo(call: Call, instance: Instance): Promise<string | undefined> {
  const names = [instance.id, ...instance.interfaces.map(({ id }) => id)];
  for await (const { value } of call.list<LoadBalancer>(keys.loadBalancers(instance.site))) {
    if (value.backends.some(({ serverId }) => names.includes(serverId))) return value.id;
  }
  return undefined;
}

export const DeregisterInstance = defineAction({
  name: 'DeregisterInstance',
  product: 'Sluice',
  access: 'delete',
  summary: 'Forgets a machine; refused while a load balancer has it as a server.',
  input: z.object({ InstanceId: instanceId }),
  output: nothing,
  errors: [...errors, 'InstanceNotFound', 'IncorrectInstanceStatus'],
  limits,
  run: ({ InstanceId }, call) =>
    call.transact(async (reads) => {
      const found = (await reads.get<Instance>(keys.instance(InstanceId)))?.value;
      if (found?.account !== call.caller.account) throw new Refusal('InstanceNotFound');
      const holder = await attachedTo(call, found);
      if (holder !== undefined) {
        throw new Refusal('IncorrectInstanceStatus', undefined, `${holder} has it as a server.`);
      }
      const interfaces = found.interfaces.map(({ id }) => keys.networkInterface(id));
      return { deletes: [keys.instance(InstanceId), ...interfaces], result: {} };
    }),
});
