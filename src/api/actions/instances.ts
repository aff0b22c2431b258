import { z } from 'zod';
import { Refusal } from '../../elb/refusal.ts';
import type { Instance } from '../../elb/types.ts';
import { keys } from '../../store/keys.ts';
import type { Call } from '../call.ts';
import { defineAction, documentedLimits, ensResource } from './action.ts';
import { address, id, siteId } from './fields.ts';
import { instanceView, resourceType, viewOfInstance } from './instance-views.ts';
import { errors, networkId, vSwitchId } from './network-fields.ts';
import { pageOf, pageOutput, paging } from './paging.ts';

const status = z.enum(['Running', 'Stopped', 'Expired']);

const absent = z
  .string()
  .max(128)
  .optional()
  .describe('Registered machines have none: it finds none.');

const instanceId = id.describe('The ID of the instance.');

/** Documented as the JSON text of a list, in which an empty list is a filter that finds none. */
const instanceIds = z
  .string()
  .max(8_192)
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue('not well-formed JSON');
      return z.NEVER;
    }
  })
  .pipe(z.array(id).max(100))
  .optional()
  .describe('The JSON text of a list of up to 100 IDs; an empty list finds none.');

const filters = z.object({
  EnsRegionId: siteId.optional(),
  EnsRegionIds: z.array(siteId).max(100).optional().describe('Up to 100 edge nodes.'),
  InstanceId: instanceId.optional(),
  InstanceIds: instanceIds,
  InstanceName: z.string().max(128).optional().describe('The whole name.'),
  IntranetIp: address.optional().describe('A private address, that of an interface included.'),
  NetworkId: networkId.optional(),
  SearchKey: z.string().max(128).optional().describe('A part of the ID or the name.'),
  Status: status.optional().describe('The status.'),
  VSwitchId: vSwitchId.optional(),
  InstanceResourceType: z.string().max(64).optional().describe('EnsPostPaidInstance is all here.'),
  ImageId: absent,
  InstanceType: absent,
  SecurityGroupId: absent,
  Tags: z
    .array(
      z.object({
        Key: z.string().max(64).optional().describe('The key.'),
        Value: z.string().max(128).optional().describe('The value.'),
      }),
    )
    .optional()
    .describe('Registered machines have no tags: it finds none.'),
  OrderByParams: z.string().max(256).optional().describe('Accepted; the order is that of the IDs.'),
  ...paging({ min: 1, max: 100, default: 10 }),
});

function matches(value: Instance, wanted: z.infer<typeof filters>): boolean {
  const same = (filter: string | undefined, actual: string) => (filter ?? actual) === actual;
  const addresses = [value.privateIp, ...value.interfaces.map(({ privateIp }) => privateIp)];
  const { SearchKey: search } = wanted;
  return (
    same(wanted.EnsRegionId, value.site) &&
    (wanted.EnsRegionIds?.includes(value.site) ?? true) &&
    same(wanted.InstanceId, value.id) &&
    (wanted.InstanceIds?.includes(value.id) ?? true) &&
    same(wanted.InstanceName, value.name) &&
    (wanted.IntranetIp === undefined || addresses.includes(wanted.IntranetIp)) &&
    same(wanted.NetworkId, value.networkId) &&
    same(wanted.Status, value.status) &&
    same(wanted.VSwitchId, value.vSwitchId) &&
    same(wanted.InstanceResourceType, resourceType) &&
    [wanted.ImageId, wanted.InstanceType, wanted.SecurityGroupId].every((it) => it === undefined) &&
    (wanted.Tags ?? []).length === 0 &&
    (search === undefined || value.id.includes(search) || value.name.includes(search))
  );
}

async function* found(call: Call, wanted: z.infer<typeof filters>) {
  for await (const { value } of call.list<Instance>(keys.instance(''))) {
    if (matches(value, wanted)) yield value;
  }
}

export const DescribeInstances = defineAction({
  name: 'DescribeInstances',
  product: 'Ens',
  access: 'list',
  summary: 'Lists instances, which are the registered machines; filters narrow the list together.',
  input: filters,
  output: z.object({
    Code: z.int(),
    Instances: z.object({ Instance: z.array(instanceView) }),
    ...pageOutput,
  }),
  errors,
  limits: { perApi: 800, perAccount: 100 },
  resource: ({ InstanceId: id }, account) => ensResource('instance', account, { id }),
  async run(wanted, call) {
    const { items, ...page } = await pageOf(found(call, wanted), wanted);
    return { Code: 0, Instances: { Instance: items.map(viewOfInstance) }, ...page };
  },
});

const powerErrors = [...errors, 'InstanceNotFound', 'IncorrectInstanceStatus'];
const done = z.object({ Code: z.int() });

/** Moves an instance between two states; any other state than `from` is refused. */
function move(InstanceId: string, from: Instance['status'], to: Instance['status'], call: Call) {
  return call.transact(async (reads) => {
    const key = keys.instance(InstanceId);
    const found = (await reads.get<Instance>(key))?.value;
    if (found?.account !== call.caller.account) throw new Refusal('InstanceNotFound');
    if (found.status !== from) {
      throw new Refusal('IncorrectInstanceStatus', undefined, `It is ${found.status}.`);
    }
    return { puts: new Map([[key, { ...found, status: to }]]), result: { Code: 0 } };
  });
}

export const StartInstance = defineAction({
  name: 'StartInstance',
  product: 'Ens',
  access: 'update',
  summary: 'Marks a Stopped instance as Running, so that it can be added to load balancers.',
  description: 'The record changes; nobody touches the power of the machine.',
  input: z.object({ InstanceId: instanceId }),
  output: done,
  errors: powerErrors,
  limits: documentedLimits,
  resource: ({ InstanceId: id }, account) => ensResource('instance', account, { id }),
  run: ({ InstanceId }, call) => move(InstanceId, 'Stopped', 'Running', call),
});

export const StopInstance = defineAction({
  name: 'StopInstance',
  product: 'Ens',
  access: 'update',
  summary: 'Marks a Running instance as Stopped, so that it cannot be added to load balancers.',
  description:
    'The record changes; nobody touches the power of the machine. Where it is attached already ' +
    'it stays attached, and gets traffic for as long as its health checks pass: ' +
    'RemoveBackendServers takes it out.',
  input: z.object({
    InstanceId: instanceId,
    ForceStop: z.enum(['true', 'false']).default('false').describe('Accepted; it means nothing.'),
  }),
  output: done,
  errors: powerErrors,
  limits: documentedLimits,
  resource: ({ InstanceId: id }, account) => ensResource('instance', account, { id }),
  run: ({ InstanceId }, call) => move(InstanceId, 'Running', 'Stopped', call),
});

export const instanceActions = [DescribeInstances, StartInstance, StopInstance];
