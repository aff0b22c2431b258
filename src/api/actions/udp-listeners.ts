import { z } from 'zod';
import type { UdpListener } from '../../elb/types.ts';
import { defineAction } from './action.ts';
import { createErrors, describeErrors, setErrors } from './documented-errors.ts';
import { description, listenerPort, nothing, on, withDefaults } from './fields.ts';
import {
  common,
  commonOf,
  defaultEstablished,
  defaultProbe,
  established,
  establishedOrKept,
  listenerAction,
  listenerName,
  probeDefaults,
  probeOf,
  probeTimeout,
  udpProbe,
  writeListener,
  writeNewListener,
} from './listener-fields.ts';
import {
  basicProbeOutput,
  basicProbeView,
  listenerOutput,
  listenerView,
  readListener,
} from './listener-views.ts';

/** Documented: the system has these for itself. */
const reservedPorts: readonly number[] = [250, 4789, 4790];

const scheduler = z
  .enum(['wrr', 'wlc', 'rr', 'sch', 'tch', 'qch', 'iqch'])
  .describe('wrr: by weight. wlc: by weight and load. rr: in turn. Else: consistent hash.');

const settings = {
  EipTransmit: on.optional().describe('Kept as sent.'),
  EstablishedTimeout: established.optional(),
  ...udpProbe,
  HealthCheckConnectTimeout: probeTimeout,
};

export const CreateLoadBalancerUDPListener = defineAction({
  name: 'CreateLoadBalancerUDPListener',
  ...listenerAction,
  access: 'create',
  summary: 'Creates a UDP listener, stopped.',
  input: z.object({
    ...listenerName,
    ListenerPort: listenerPort.refine((port) => !reservedPorts.includes(port), 'reserved'),
    ...common,
    ...withDefaults(settings, {
      ...probeDefaults,
      EipTransmit: 'off',
      EstablishedTimeout: defaultEstablished,
      HealthCheckConnectTimeout: defaultProbe.timeoutSeconds,
    }),
    Scheduler: scheduler.default('wrr'),
  }),
  output: nothing,
  errors: createErrors,
  async run(input, call) {
    const listener: UdpListener = {
      protocol: 'udp',
      ...commonOf(input, call),
      establishedTimeoutSeconds: input.EstablishedTimeout ?? defaultEstablished,
      eipTransmit: input.EipTransmit === 'on',
      health: probeOf({ enabled: true, kind: 'udp', ...defaultProbe }, input),
    };
    return writeNewListener(call, input.LoadBalancerId, listener);
  },
});

export const SetLoadBalancerUDPListenerAttribute = defineAction({
  name: 'SetLoadBalancerUDPListenerAttribute',
  ...listenerAction,
  access: 'update',
  summary: 'Changes a UDP listener; what is left out stays. A running listener keeps running.',
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
    writeListener<UdpListener>(call, input, 'udp', ({ health }) => ({
      description: input.Description,
      scheduler: input.Scheduler,
      establishedTimeoutSeconds: input.EstablishedTimeout,
      eipTransmit: input.EipTransmit === undefined ? undefined : input.EipTransmit === 'on',
      health: probeOf(health, input),
    })),
});

export const DescribeLoadBalancerUDPListenerAttribute = defineAction({
  name: 'DescribeLoadBalancerUDPListenerAttribute',
  ...listenerAction,
  access: 'get',
  summary: 'Shows a UDP listener.',
  input: z.object(listenerName),
  output: z.object({
    ...listenerOutput,
    EipTransmit: z.string(),
    EstablishedTimeout: z.int(),
    HealthCheck: z.string(),
    HealthCheckConnectTimeout: z.int(),
    HealthCheckReq: z.string().optional(),
    HealthCheckExp: z.string().optional(),
    ...basicProbeOutput,
  }),
  errors: describeErrors,
  async run(wanted, call) {
    const shown = await readListener<UdpListener>(call, wanted, 'udp');
    const { listener } = shown;
    return {
      ...listenerView(shown),
      EipTransmit: listener.eipTransmit ? 'on' : 'off',
      EstablishedTimeout: listener.establishedTimeoutSeconds,
      HealthCheck: 'on',
      HealthCheckConnectTimeout: listener.health.timeoutSeconds,
      HealthCheckReq: listener.health.request,
      HealthCheckExp: listener.health.expect,
      ...basicProbeView(listener.health),
    };
  },
});

export const udpListenerActions = [
  CreateLoadBalancerUDPListener,
  SetLoadBalancerUDPListenerAttribute,
  DescribeLoadBalancerUDPListenerAttribute,
];
