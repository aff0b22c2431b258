import { z } from 'zod';
import { createListener, editListener } from '../../elb/listeners.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { HttpListener } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import { defineAction, documentedLimits } from './action.ts';
import { description, nothing, on, port } from './fields.ts';
import { createErrors, describeErrors, setErrors } from './listener-errors.ts';
import {
  common,
  commonOf,
  defaultProbe,
  defined,
  healthCheck,
  idleTimeout,
  listenerName,
  probe,
  probeOf,
  probeOutput,
  probeTimeout,
  probeView,
  readListener,
  requestTimeout,
} from './listener-fields.ts';

const scheduler = z
  .enum(['wrr', 'wlc', 'rr', 'sch', 'qch', 'iqch'])
  .describe('wrr: by weight. wlc: by weight and load. rr: in turn. sch: consistent hash.');

const settings = {
  IdleTimeout: idleTimeout.optional(),
  RequestTimeout: requestTimeout.optional(),
  XForwardedFor: on.optional().describe("on: adds the client's address as X-Forwarded-For."),
  ...probe,
  HealthCheckMethod: z.enum(['head', 'get']).optional().describe('The method of a probe.'),
  HealthCheckTimeout: probeTimeout,
};

export const CreateLoadBalancerHTTPListener = defineAction({
  name: 'CreateLoadBalancerHTTPListener',
  product: 'Ens',
  access: 'create',
  summary: 'Creates an HTTP listener, stopped.',
  input: z.object({
    ...listenerName,
    HealthCheck: healthCheck.describe('Whether servers are probed.'),
    ...common,
    ...settings,
    ListenerForward: on.optional().describe('on: redirects every request to https.'),
    ForwardPort: port.optional().describe('The port that ListenerForward redirects to.'),
    Scheduler: scheduler.default('wrr'),
  }),
  output: nothing,
  errors: createErrors,
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run(input, call) {
    const redirects = input.ListenerForward === 'on';
    if (redirects && input.ForwardPort === undefined) throw new Refusal('Missing%s', 'ForwardPort');
    const listener: HttpListener = {
      protocol: 'http',
      ...commonOf(input, isoSeconds(call.now())),
      idleTimeoutSeconds: input.IdleTimeout ?? 15,
      requestTimeoutSeconds: input.RequestTimeout ?? 60,
      forwardedFor: input.XForwardedFor === 'on',
      ...(redirects ? { forwardPort: input.ForwardPort! } : {}),
      health: probeOf({ enabled: false, kind: 'http', ...defaultProbe }, input),
    };
    await call.changeLoadBalancer(input.LoadBalancerId, (current) => ({
      next: createListener(current, listener, limits.listenersPerLoadBalancer),
    }));
    return {};
  },
});

export const SetLoadBalancerHTTPListenerAttribute = defineAction({
  name: 'SetLoadBalancerHTTPListenerAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes an HTTP listener; what is left out stays. A running listener keeps running.',
  input: z.object({
    ...listenerName,
    Description: description,
    HealthCheck: healthCheck.optional().describe('Whether servers are probed.'),
    ...settings,
    Scheduler: scheduler.optional(),
  }),
  output: nothing,
  errors: setErrors,
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run(input, call) {
    const name = { port: input.ListenerPort, protocol: 'http' as const };
    const forwardedFor =
      input.XForwardedFor === undefined ? undefined : input.XForwardedFor === 'on';
    await call.changeLoadBalancer(input.LoadBalancerId, (current) => ({
      next: editListener(current, name, (listener) =>
        defined<HttpListener>(listener as HttpListener, {
          description: input.Description,
          scheduler: input.Scheduler,
          idleTimeoutSeconds: input.IdleTimeout,
          requestTimeoutSeconds: input.RequestTimeout,
          forwardedFor,
          health: probeOf(listener.health, input),
        }),
      ),
    }));
    return {};
  },
});

export const DescribeLoadBalancerHTTPListenerAttribute = defineAction({
  name: 'DescribeLoadBalancerHTTPListenerAttribute',
  product: 'Ens',
  access: 'get',
  summary: 'Shows an HTTP listener.',
  input: z.object(listenerName),
  output: z.object({
    ListenerPort: z.int(),
    BackendServerPort: z.int(),
    Bandwidth: z.int(),
    Description: z.string().optional(),
    IdleTimeout: z.int(),
    RequestTimeout: z.int(),
    XForwardedFor: z.string(),
    ListenerForward: z.string(),
    ForwardPort: z.int().optional(),
    Scheduler: z.string(),
    Status: z.string(),
    HealthCheck: z.string(),
    HealthCheckMethod: z.string().optional(),
    HealthCheckTimeout: z.int().optional(),
    ...probeOutput,
  }),
  errors: describeErrors,
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run(wanted, call) {
    const { listener, status, bandwidth } = await readListener<HttpListener>(call, wanted, 'http');
    const { health } = listener;
    return {
      ListenerPort: listener.port,
      BackendServerPort: listener.backendPort ?? listener.port,
      Bandwidth: bandwidth,
      Description: listener.description,
      IdleTimeout: listener.idleTimeoutSeconds,
      RequestTimeout: listener.requestTimeoutSeconds,
      XForwardedFor: listener.forwardedFor ? 'on' : 'off',
      ListenerForward: listener.forwardPort === undefined ? 'off' : 'on',
      ForwardPort: listener.forwardPort,
      Scheduler: listener.scheduler,
      // Terraform waits for lower case here, and for capitals on TCP listeners.
      Status: status.toLowerCase(),
      HealthCheck: health.enabled ? 'on' : 'off',
      ...(health.enabled
        ? {
            HealthCheckMethod: health.method ?? 'head',
            HealthCheckTimeout: health.timeoutSeconds,
            ...probeView(health),
          }
        : { HealthCheckConnectPort: health.port ?? 0 }),
    };
  },
});

export const httpListenerActions = [
  CreateLoadBalancerHTTPListener,
  SetLoadBalancerHTTPListenerAttribute,
  DescribeLoadBalancerHTTPListenerAttribute,
];
