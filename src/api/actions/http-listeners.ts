import { z } from 'zod';
import { Refusal } from '../../elb/refusal.ts';
import type { HttpListener, HttpsListener } from '../../elb/types.ts';
import { defineAction } from './action.ts';
import { createErrors, describeErrors, setErrors } from './documented-errors.ts';
import { description, nothing, on, port, withDefaults } from './fields.ts';
import {
  common,
  commonOf,
  defaultProbe,
  idleTimeout,
  listenerAction,
  listenerName,
  probe,
  probeDefaults,
  probeOf,
  probeTimeout,
  requestTimeout,
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

const healthCheck = on.describe('Whether servers are probed.');

/** What HTTPS listeners have alike. */
export const httpScheduler = z
  .enum(['wrr', 'wlc', 'rr', 'sch', 'qch', 'iqch'])
  .describe('wrr: by weight. wlc: by weight and load. rr: in turn. sch: consistent hash.');

export const httpProbe = {
  ...probe,
  HealthCheckMethod: z.enum(['head', 'get']).optional().describe('The method of a probe.'),
  HealthCheckTimeout: probeTimeout,
};

export const httpProbeOutput = {
  HealthCheck: z.string(),
  HealthCheckMethod: z.string().optional(),
  HealthCheckTimeout: z.int().optional(),
  ...probeOutput,
};

/** @throws Refusal MissingForwardPort */
export function redirectOf(input: {
  readonly ListenerForward?: 'on' | 'off' | undefined;
  readonly ForwardPort?: number | undefined;
}): { readonly forwardPort?: number } {
  if (input.ListenerForward !== 'on') return {};
  if (input.ForwardPort === undefined) throw new Refusal('Missing%s', 'ForwardPort');
  return { forwardPort: input.ForwardPort };
}

/** Documented defaults of HTTP and HTTPS listeners. */
export const httpDefaults = {
  ...probeDefaults,
  IdleTimeout: 15,
  RequestTimeout: 60,
  HealthCheckHttpCode: 'http_2xx',
  HealthCheckMethod: 'head',
  HealthCheckTimeout: defaultProbe.timeoutSeconds,
} as const;

const settings = {
  IdleTimeout: idleTimeout.optional(),
  RequestTimeout: requestTimeout.optional(),
  XForwardedFor: on.optional().describe("on: adds the client's address as X-Forwarded-For."),
  ...httpProbe,
};

export const CreateLoadBalancerHTTPListener = defineAction({
  name: 'CreateLoadBalancerHTTPListener',
  ...listenerAction,
  access: 'create',
  summary: 'Creates an HTTP listener, stopped.',
  input: z.object({
    ...listenerName,
    HealthCheck: healthCheck,
    ...common,
    ...withDefaults(settings, { ...httpDefaults, XForwardedFor: 'off' }),
    ListenerForward: on
      .optional()
      .meta({ default: 'off' })
      .describe('on: redirects every request to https.'),
    ForwardPort: port.optional().describe('The port that ListenerForward redirects to.'),
    Scheduler: httpScheduler.default('wrr'),
  }),
  output: nothing,
  errors: createErrors,
  async run(input, call) {
    const listener: HttpListener = {
      protocol: 'http',
      ...commonOf(input, call),
      idleTimeoutSeconds: input.IdleTimeout ?? httpDefaults.IdleTimeout,
      requestTimeoutSeconds: input.RequestTimeout ?? httpDefaults.RequestTimeout,
      forwardedFor: input.XForwardedFor === 'on',
      ...redirectOf(input),
      health: probeOf({ enabled: false, kind: 'http', ...defaultProbe }, input),
    };
    return writeNewListener(call, input.LoadBalancerId, listener);
  },
});

export const SetLoadBalancerHTTPListenerAttribute = defineAction({
  name: 'SetLoadBalancerHTTPListenerAttribute',
  ...listenerAction,
  access: 'update',
  summary: 'Changes an HTTP listener; what is left out stays. A running listener keeps running.',
  input: z.object({
    ...listenerName,
    Description: description,
    HealthCheck: healthCheck.optional(),
    ...settings,
    Scheduler: httpScheduler.optional(),
  }),
  output: nothing,
  errors: setErrors,
  run: (input, call) =>
    writeListener<HttpListener>(call, input, 'http', ({ health }) => ({
      description: input.Description,
      scheduler: input.Scheduler,
      idleTimeoutSeconds: input.IdleTimeout,
      requestTimeoutSeconds: input.RequestTimeout,
      forwardedFor: input.XForwardedFor === undefined ? undefined : input.XForwardedFor === 'on',
      health: probeOf(health, input),
    })),
});

export const DescribeLoadBalancerHTTPListenerAttribute = defineAction({
  name: 'DescribeLoadBalancerHTTPListenerAttribute',
  ...listenerAction,
  access: 'get',
  summary: 'Shows an HTTP listener.',
  input: z.object(listenerName),
  output: z.object({
    ...listenerOutput,
    IdleTimeout: z.int(),
    RequestTimeout: z.int(),
    XForwardedFor: z.string(),
    ListenerForward: z.string(),
    ForwardPort: z.int().optional(),
    ServerCertificateId: z.string(),
    ...httpProbeOutput,
  }),
  errors: describeErrors,
  async run(wanted, call) {
    const shown = await readListener<HttpListener>(call, wanted, 'http');
    const { listener, status } = shown;
    return {
      ...listenerView(shown),
      // Terraform waits for lower case here, and for capitals on TCP listeners.
      Status: status.toLowerCase(),
      IdleTimeout: listener.idleTimeoutSeconds,
      RequestTimeout: listener.requestTimeoutSeconds,
      XForwardedFor: listener.forwardedFor ? 'on' : 'off',
      ListenerForward: listener.forwardPort === undefined ? 'off' : 'on',
      ForwardPort: listener.forwardPort,
      // The SDKs list it; an HTTP listener has none.
      ServerCertificateId: '',
      ...healthView(listener),
    };
  },
});

/** A probe that is off is not shown, save for its port. */
export function healthView({ health }: HttpListener | HttpsListener) {
  if (!health.enabled) return { HealthCheck: 'off', HealthCheckConnectPort: health.port ?? 0 };
  return {
    HealthCheck: 'on',
    HealthCheckMethod: health.method ?? 'head',
    HealthCheckTimeout: health.timeoutSeconds,
    ...probeView(health),
  };
}

export const httpListenerActions = [
  CreateLoadBalancerHTTPListener,
  SetLoadBalancerHTTPListenerAttribute,
  DescribeLoadBalancerHTTPListenerAttribute,
];
