import { z } from 'zod';
import { createListener, editListener } from '../../elb/listeners.ts';
import type { TcpListener } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import { defineAction, documentedLimits } from './action.ts';
import { description, nothing, on } from './fields.ts';
import { createErrors, describeErrors, setErrors } from './listener-errors.ts';
import {
  common,
  commonOf,
  defaultProbe,
  defined,
  established,
  listenerName,
  persistence,
  probe,
  probeOf,
  probeOutput,
  probeTimeout,
  probeView,
  readListener,
} from './listener-fields.ts';

/** The SDK names tch, Terraform qch and iqch: the union is taken. */
const scheduler = z
  .enum(['wrr', 'wlc', 'rr', 'sch', 'tch', 'qch', 'iqch'])
  .describe('wrr: by weight. wlc: by weight and load. rr: in turn. sch, tch: consistent hash.');

const settings = {
  EipTransmit: on.optional().describe("on: servers learn the client's address (PROXY protocol)."),
  EstablishedTimeout: established.optional(),
  PersistenceTimeout: persistence.optional(),
  ...probe,
  HealthCheckConnectTimeout: probeTimeout,
  HealthCheckType: z.enum(['tcp', 'http']).optional().describe('How servers are probed.'),
};

export const CreateLoadBalancerTCPListener = defineAction({
  name: 'CreateLoadBalancerTCPListener',
  product: 'Ens',
  access: 'create',
  summary: 'Creates a TCP listener, stopped.',
  input: z.object({
    ...listenerName,
    ...common,
    ...settings,
    Scheduler: scheduler.default('wrr'),
  }),
  output: nothing,
  errors: createErrors,
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run(input, call) {
    const listener: TcpListener = {
      protocol: 'tcp',
      ...commonOf(input, isoSeconds(call.now())),
      establishedTimeoutSeconds: input.EstablishedTimeout ?? 900,
      persistenceTimeoutSeconds: input.PersistenceTimeout ?? 0,
      eipTransmit: input.EipTransmit === 'on',
      health: probeOf({ enabled: true, kind: 'tcp', ...defaultProbe }, input),
    };
    await call.changeLoadBalancer(input.LoadBalancerId, (current) => ({
      next: createListener(current, listener, limits.listenersPerLoadBalancer),
    }));
    return {};
  },
});

export const SetLoadBalancerTCPListenerAttribute = defineAction({
  name: 'SetLoadBalancerTCPListenerAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes a TCP listener; what is left out stays. A running listener keeps running.',
  input: z.object({
    ...listenerName,
    Description: description,
    ...settings,
    Scheduler: scheduler.optional(),
  }),
  output: nothing,
  errors: setErrors,
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run(input, call) {
    const name = { port: input.ListenerPort, protocol: 'tcp' as const };
    await call.changeLoadBalancer(input.LoadBalancerId, (current) => ({
      next: editListener(current, name, (listener) =>
        defined<TcpListener>(listener as TcpListener, {
          description: input.Description,
          scheduler: input.Scheduler,
          establishedTimeoutSeconds: input.EstablishedTimeout,
          persistenceTimeoutSeconds: input.PersistenceTimeout,
          eipTransmit: input.EipTransmit === undefined ? undefined : input.EipTransmit === 'on',
          health: probeOf(listener.health, input),
        }),
      ),
    }));
    return {};
  },
});

export const DescribeLoadBalancerTCPListenerAttribute = defineAction({
  name: 'DescribeLoadBalancerTCPListenerAttribute',
  product: 'Ens',
  access: 'get',
  summary: 'Shows a TCP listener.',
  input: z.object(listenerName),
  output: z.object({
    ListenerPort: z.int(),
    BackendServerPort: z.int(),
    Bandwidth: z.int(),
    Description: z.string().optional(),
    EipTransmit: z.string(),
    EstablishedTimeout: z.int(),
    PersistenceTimeout: z.int(),
    Scheduler: z.string(),
    Status: z.string(),
    HealthCheck: z.string(),
    HealthCheckType: z.string(),
    HealthCheckConnectTimeout: z.int(),
    ...probeOutput,
  }),
  errors: describeErrors,
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run(wanted, call) {
    const { listener, status, bandwidth } = await readListener<TcpListener>(call, wanted, 'tcp');
    return {
      ListenerPort: listener.port,
      BackendServerPort: listener.backendPort ?? listener.port,
      Bandwidth: bandwidth,
      Description: listener.description,
      EipTransmit: listener.eipTransmit ? 'on' : 'off',
      EstablishedTimeout: listener.establishedTimeoutSeconds,
      PersistenceTimeout: listener.persistenceTimeoutSeconds,
      Scheduler: listener.scheduler,
      Status: status,
      HealthCheck: 'on',
      HealthCheckType: listener.health.kind,
      HealthCheckConnectTimeout: listener.health.timeoutSeconds,
      ...probeView(listener.health),
    };
  },
});

export const tcpListenerActions = [
  CreateLoadBalancerTCPListener,
  SetLoadBalancerTCPListenerAttribute,
  DescribeLoadBalancerTCPListenerAttribute,
];
