import { z } from 'zod';
import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import { keys } from '../../store/keys.ts';
import type { Call, Reads, Writes } from '../call.ts';
import { defineAction, documentedLimits } from './action.ts';
import { CreateLoadBalancer } from './create-load-balancer.ts';
import { changeErrors } from './documented-errors.ts';
import { expiredKeys } from './expired-keys.ts';
import { label, loadBalancerId, loadBalancerStatus, nothing } from './fields.ts';

export const DeleteLoadBalancer = defineAction({
  name: 'DeleteLoadBalancer',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a load balancer with its listeners; its address becomes free.',
  input: z.object({ LoadBalancerId: loadBalancerId }),
  output: nothing,
  errors: ['LoadBalancerNotFound', 'ens.interface.error', 'NoPermission', 'Missing%s'],
  limits: documentedLimits,
  run: async ({ LoadBalancerId }, call) => {
    const { site } = (await call.loadBalancer(LoadBalancerId)).value;
    return call.transact((reads) => remove(site, LoadBalancerId, call, reads));
  },
});

/** Why a load balancer is gone: tells forwarders that were away that it was meant. */
interface Tombstone {
  readonly v: 1;
  readonly id: string;
  /** UTC, yyyy-MM-ddTHH:mm:ssZ. */
  readonly at: string;
  readonly requestId: string;
}

/** @throws Refusal LoadBalancerNotFound when another call has deleted it meanwhile */
async function remove(
  site: string,
  id: string,
  call: Call,
  reads: Reads,
): Promise<Writes<Record<string, never>>> {
  const key = keys.loadBalancer(site, id);
  const found = await reads.get<LoadBalancer>(key);
  if (found === undefined) throw new Refusal('LoadBalancerNotFound');
  const now = call.now();
  const tombstone: Tombstone = { v: 1, id, at: isoSeconds(now), requestId: call.requestId };
  const own = keys.tombstone(site, id);
  const isExpired = ({ at }: Tombstone) => Date.parse(at) + limits.tombstone <= now;
  const expired = await expiredKeys({ prefix: keys.tombstones(site), own, isExpired }, call, reads);
  return {
    puts: new Map([[own, tombstone]]),
    deletes: [key, keys.loadBalancerSite(id), keys.address(site, found.value.address), ...expired],
    result: {},
  };
}

export const ModifyLoadBalancerAttribute = defineAction({
  name: 'ModifyLoadBalancerAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes the name of a load balancer.',
  description: 'The header x-sluice-drain-seconds also changes its default drain time.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    LoadBalancerName: label(2, 128).describe('2 to 128 characters.'),
  }),
  output: nothing,
  errors: [
    'ens.interface.error',
    'LoadBalancerNotFound',
    'Missing%s',
    'Invalid%s',
    'NoPermission',
    'InvalidParameter.%s',
  ],
  limits: documentedLimits,
  async run({ LoadBalancerId, LoadBalancerName: name }, call) {
    await call.changeLoadBalancer(LoadBalancerId, (current) => {
      const drainSeconds = call.extensions.drainSeconds ?? current.drainSeconds;
      const same = name === current.name && drainSeconds === current.drainSeconds;
      return { next: same ? current : { ...current, name, drainSeconds } };
    });
    return {};
  },
});

export const SetLoadBalancerStatus = defineAction({
  name: 'SetLoadBalancerStatus',
  product: 'Ens',
  access: 'update',
  summary: 'Starts or stops all forwarding of a load balancer; its configuration stays.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    LoadBalancerStatus: loadBalancerStatus,
  }),
  output: nothing,
  errors: changeErrors,
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run({ LoadBalancerId, LoadBalancerStatus: status }, call) {
    await call.changeLoadBalancer(LoadBalancerId, (current) => ({
      next: current.status === status ? current : { ...current, status },
    }));
    return {};
  },
});

export const loadBalancerActions = [
  CreateLoadBalancer,
  DeleteLoadBalancer,
  ModifyLoadBalancerAttribute,
  SetLoadBalancerStatus,
];
