import { z } from 'zod';
import type { TcpListener } from '../../elb/types.ts';
import { defineAction } from './action.ts';
import { createErrors, describeErrors, setErrors } from './documented-errors.ts';
import { description, nothing, on, withDefaults } from './fields.ts';
import {
  common,
  commonOf,
  defaultEstablished,
  defaultProbe,
  established,
  establishedOrKept,
  listenerAction,
  listenerName,
  persistence,
  probe,
  probeDefaults,
  probeOf,
  probeTimeout,
  writeListener,
  writeNewListener,
} from './listener-fields.ts';
import {
  listenerOutput,
  listenerView,
  probeOutput,
  probeView,
  readListener,
} from './listener-views.ts';

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
  ...listenerAction,
  access: 'create',
  summary: 'Creates a TCP listener, stopped.',
  input: z.object({
    ...listenerName,
    ...common,
    ...withDefaults(settings, {
      ...probeDefaults,
      EipTransmit: 'off',
      EstablishedTimeout: defaultEstablished,
      PersistenceTimeout: 0,
      HealthCheckConnectTimeout: defaultProbe.timeoutSeconds,
      HealthCheckHttpCode: 'http_2xx',
      HealthCheckType: 'tcp',
    }),
    Scheduler: scheduler.default('wrr'),
  }),
  output: nothing,
  errors: createErrors,
  async run(input, call) {
    const listener: TcpListener = {
      protocol: 'tcp',
      ...commonOf(input, call),
      establishedTimeoutSeconds: input.EstablishedTimeout ?? defaultEstablished,
      persistenceTimeoutSeconds: input.PersistenceTimeout ?? 0,
      eipTransmit: input.EipTransmit === 'on',
      health: probeOf({ enabled: true, kind: 'tcp', ...defaultProbe }, input),
    };
    return writeNewListener(call, input.LoadBalancerId, listener);
  },
});

export const SetLoadBalancerTCPListenerAttribute = defineAction({
  name: 'SetLoadBalancerTCPListenerAttribute',
  ...listenerAction,
  access: 'update',
  summary: 'Changes a TCP listener; what is left out stays. A running listener keeps running.',
  input: z.object({
    ...listenerName,
    Description: description,
    ...settings,
    EstablishedTimeout: establishedOrKept.optional(),
    Scheduler: scheduler.optional(),
  }),
  output: nothing,
  errors: setErrors,
  run: (input, call) =>
    writeListener<TcpListener>(call, input, 'tcp', ({ health }) => ({
      description: input.Description,
      scheduler: input.Scheduler,
      establishedTimeoutSeconds: input.EstablishedTimeout,
      persistenceTimeoutSeconds: input.PersistenceTimeout,
      eipTransmit: input.EipTransmit === undefined ? undefined : input.EipTransmit === 'on',
      health: probeOf(health, input),
    })),
});

export const DescribeLoadBalancerTCPListenerAttribute = defineAction({
  name: 'DescribeLoadBalancerTCPListenerAttribute',
  ...listenerAction,
  access: 'get',
  summary: 'Shows a TCP listener.',
  input: z.object(listenerName),
  output: z.object({
    ...listenerOutput,
    EipTransmit: z.string(),
    EstablishedTimeout: z.int(),
    PersistenceTimeout: z.int(),
    HealthCheck: z.string(),
    HealthCheckType: z.string(),
    HealthCheckConnectTimeout: z.int(),
    ...probeOutput,
  }),
  errors: describeErrors,
  async run(wanted, call) {
    const shown = await readListener<TcpListener>(call, wanted, 'tcp');
    const { listener } = shown;
    return {
      ...listenerView(shown),
      EipTransmit: listener.eipTransmit ? 'on' : 'off',
      EstablishedTimeout: listener.establishedTimeoutSeconds,
      PersistenceTimeout: listener.persistenceTimeoutSeconds,
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
