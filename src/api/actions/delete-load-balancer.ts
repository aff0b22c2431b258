import { z } from 'zod';
import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import { keys } from '../../store/keys.ts';
import type { Call, Reads, Writes } from '../call.ts';
import { defineAction, documentedLimits, loadBalancerResource } from './action.ts';
import { expiredKeys } from './expired-keys.ts';
import { id, loadBalancerId, nothing } from './fields.ts';

/** Why a load balancer is gone: tells forwarders that were away that it was meant. */
interface Tombstone {
  readonly v: 1;
  readonly id: string;
  /** UTC, yyyy-MM-ddTHH:mm:ssZ. */
  readonly at: string;
  readonly requestId: string;
}

/** @throws Refusal LoadBalancerNotFound, also when another call deletes it meanwhile */
async function deleteLoadBalancer(id: string, call: Call): Promise<Record<string, never>> {
  const { site } = (await call.loadBalancer(id)).value;
  return call.transact((reads) => remove(site, id, call, reads));
}

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

export const DeleteLoadBalancer = defineAction({
  name: 'DeleteLoadBalancer',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a load balancer with its listeners; its address becomes free.',
  input: z.object({ LoadBalancerId: loadBalancerId }),
  output: nothing,
  errors: ['LoadBalancerNotFound', 'ens.interface.error', 'NoPermission', 'Missing%s'],
  limits: documentedLimits,
  run: ({ LoadBalancerId }, call) => deleteLoadBalancer(LoadBalancerId, call),
});

export const ReleaseInstance = defineAction({
  name: 'ReleaseInstance',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a load balancer by its ID, as DeleteLoadBalancer does.',
  description: "The one way that official SDKs know. Machines are the operator's to deregister.",
  input: z.object({ InstanceId: id.describe('The ID of a load balancer.') }),
  output: z.object({ ResourceType: z.string() }),
  errors: ['InstanceNotFound', 'ens.interface.error', 'NoPermission', 'InvalidParameter.%s'],
  limits: { perApi: 10_000, perAccount: 50 },
  resource: ({ InstanceId }, account) => loadBalancerResource(InstanceId, account),
  run: async ({ InstanceId }, call) => {
    await deleteLoadBalancer(InstanceId, call).catch((error: unknown) => {
      const isGone = error instanceof Refusal && error.code === 'LoadBalancerNotFound';
      throw isGone ? new Refusal('InstanceNotFound') : error;
    });
    // The documented values name no load balancer.
    return { ResourceType: '' };
  },
});
