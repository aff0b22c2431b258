import { z } from 'zod';
import { AccountWatcher } from '../../live/all.ts';
import { LoadBalancerWatcher } from '../../live/one.ts';
import { defineAction, ensResource } from '../action.ts';
import { loadBalancerId, nothing } from '../fields.ts';
import { errors, limits } from './fields.ts';

export const WatchLoadBalancer = defineAction({
  name: 'WatchLoadBalancer',
  product: 'Sluice',
  access: 'get',
  summary: 'Streams one load balancer live: servers, health, sessions, rates, drains, rollout.',
  description:
    'One JSON message a line, at most four a second: state, which has it all, then change with ' +
    'the parts that are new (each whole), heartbeat, and deleted when it is gone. While somebody ' +
    'watches, its forwarders count sessions and rates of each server once a second. The stream ' +
    'ends after five minutes, so that rights are asked again: call again then.',
  input: z.object({ LoadBalancerId: loadBalancerId }),
  output: nothing,
  errors: [...errors, 'LoadBalancerNotFound', 'Throttling.User'],
  limits,
  stream: ({ LoadBalancerId }, call) =>
    call.live.stream(new LoadBalancerWatcher(LoadBalancerId, call), call),
  run: async () => ({}),
});

export const WatchLoadBalancers = defineAction({
  name: 'WatchLoadBalancers',
  product: 'Sluice',
  access: 'list',
  summary: 'Streams which load balancers change, and how the forwarders of all sites stand.',
  description:
    'One JSON message a line, at most four a second: all, with every forwarder; then change, ' +
    'with the IDs of load balancers that were changed or deleted and the forwarders that are ' +
    'other than they were; heartbeat. Where more has changed than is kept for a slow reader, all ' +
    'comes again. The stream ends after five minutes: call again then.',
  input: z.object({}),
  output: nothing,
  errors: [...errors, 'Throttling.User'],
  limits,
  resource: (_, account) => ensResource('loadbalancer', account, {}),
  stream: (_, call) => call.live.stream(new AccountWatcher(call), call),
  run: async () => ({}),
});
