import { z } from 'zod';
import { defineAction, documentedLimits } from './action.ts';
import { CreateLoadBalancer } from './create-load-balancer.ts';
import { DeleteLoadBalancer, ReleaseInstance } from './delete-load-balancer.ts';
import { changeErrors } from './documented-errors.ts';
import { clearableLabel, loadBalancerId, loadBalancerStatus, nothing } from './fields.ts';

export const ModifyLoadBalancerAttribute = defineAction({
  name: 'ModifyLoadBalancerAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes the name of a load balancer.',
  description: 'The header x-sluice-drain-seconds also changes its default drain time.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    LoadBalancerName: clearableLabel(2, 128).describe('2 to 128 characters; empty: no name.'),
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
  ReleaseInstance,
  ModifyLoadBalancerAttribute,
  SetLoadBalancerStatus,
];
