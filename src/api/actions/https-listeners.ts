import { z } from 'zod';
import { certificateNumber } from '../../elb/certificates.ts';
import { createListener, editListener } from '../../elb/listeners.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { Certificate, HttpsListener, LoadBalancer, StickySession } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Call } from '../call.ts';
import { defineAction } from './action.ts';
import { createErrors, describeErrors, setErrors } from './documented-errors.ts';
import { description, nothing, on, port, withDefaults } from './fields.ts';
import {
  healthView,
  httpDefaults,
  httpProbe,
  httpProbeOutput,
  httpScheduler,
  redirectOf,
} from './http-listeners.ts';
import {
  common,
  commonOf,
  defaultProbe,
  defined,
  idleTimeout,
  listenerAction,
  listenerName,
  probeOf,
  requestTimeout,
} from './listener-fields.ts';
import { listenerOutput, listenerView, readListener } from './listener-views.ts';

const serverCertificateId = z
  .string()
  .regex(/^[1-9]\d{0,15}(-[a-z0-9-]{1,32})?$/)
  .describe('The CertId of a certificate of Cas, or its CertIdentifier.');

const settings = {
  IdleTimeout: idleTimeout.optional(),
  RequestTimeout: requestTimeout.optional(),
  ...httpProbe,
};

const sticky = {
  StickySessionType: z
    .enum(['insert', 'server'])
    .optional()
    .describe(
      'insert: clients get a cookie SERVERID. server: the cookie of the servers is marked.',
    ),
  Cookie: z
    .string()
    .regex(/^[A-Za-z0-9]{1,200}$/)
    .meta({ minLength: 1, maxLength: 200 })
    .optional()
    .describe('server: the name of the cookie that the servers set.'),
  CookieTimeout: z
    .int()
    .min(1)
    .max(86_400)
    .optional()
    .describe('insert: how long a client stays with its server, in seconds.'),
};

/** @throws Refusal MissingCookie, MissingCookieTimeout */
function stickyOf(input: {
  readonly StickySessionType?: 'insert' | 'server' | undefined;
  readonly Cookie?: string | undefined;
  readonly CookieTimeout?: number | undefined;
}): { readonly sticky?: StickySession } {
  switch (input.StickySessionType) {
    case undefined:
      return {};
    case 'insert':
      if (input.CookieTimeout === undefined) throw new Refusal('Missing%s', 'CookieTimeout');
      return { sticky: { kind: 'insert', timeoutSeconds: input.CookieTimeout } };
    case 'server':
      if (input.Cookie === undefined) throw new Refusal('Missing%s', 'Cookie');
      return { sticky: { kind: 'server', cookie: input.Cookie } };
  }
}

/**
 * Changes a load balancer so that one of its listeners uses a certificate. The certificate's
 * record is written again as it is: of this and a deletion of the certificate one comes too late.
 * @throws Refusal InvalidParameter.ServerCertificateId for a certificate that the account has not
 */
async function changeWithCertificate(
  call: Call,
  loadBalancerId: string,
  certificateId: string,
  rule: (current: LoadBalancer) => LoadBalancer,
): Promise<Record<string, never>> {
  // A load balancer that is not there is told before a certificate that is not.
  await call.loadBalancer(loadBalancerId);
  const key = keys.certificate(certificateNumber(certificateId));
  await call.changeLoadBalancerAfter(loadBalancerId, async (reads) => {
    const certificate = (await reads.get<Certificate>(key))?.value;
    if (certificate?.account !== call.caller.account) {
      const detail = 'There is no such certificate.';
      throw new Refusal('InvalidParameter.%s', 'ServerCertificateId', detail);
    }
    return {
      rule: (current) => ({ next: rule(current) }),
      puts: new Map([[key, certificate]]),
    };
  });
  return {};
}

export const CreateLoadBalancerHTTPSListener = defineAction({
  name: 'CreateLoadBalancerHTTPSListener',
  ...listenerAction,
  access: 'create',
  summary: 'Creates an HTTPS listener, stopped.',
  description: 'It speaks TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 to clients, HTTP/1.1 to servers.',
  input: z.object({
    ...listenerName,
    HealthCheck: on.describe('Whether servers are probed.'),
    ServerCertificateId: serverCertificateId,
    ...common,
    ...withDefaults(settings, httpDefaults),
    ...sticky,
    ListenerForward: on
      .optional()
      .meta({ default: 'off' })
      .describe('on: redirects every request to ForwardPort.'),
    ForwardPort: port.optional().describe('The port that ListenerForward redirects to.'),
    Scheduler: httpScheduler.default('wrr'),
  }),
  output: nothing,
  errors: createErrors,
  async run(input, call) {
    const listener: HttpsListener = {
      protocol: 'https',
      ...commonOf(input, call),
      idleTimeoutSeconds: input.IdleTimeout ?? httpDefaults.IdleTimeout,
      requestTimeoutSeconds: input.RequestTimeout ?? httpDefaults.RequestTimeout,
      ...redirectOf(input),
      certificateId: input.ServerCertificateId,
      ...stickyOf(input),
      health: probeOf({ enabled: false, kind: 'http', ...defaultProbe }, input),
    };
    return changeWithCertificate(call, input.LoadBalancerId, listener.certificateId, (current) =>
      createListener(current, listener, limits.listenersPerLoadBalancer),
    );
  },
});

export const SetLoadBalancerHTTPSListenerAttribute = defineAction({
  name: 'SetLoadBalancerHTTPSListenerAttribute',
  ...listenerAction,
  access: 'update',
  summary: 'Changes an HTTPS listener; what is left out stays. A running listener keeps running.',
  description:
    'Another ServerCertificateId takes effect with the next handshake; no connection is dropped.',
  input: z.object({
    ...listenerName,
    Description: description,
    HealthCheck: on.optional().describe('Whether servers are probed.'),
    ServerCertificateId: serverCertificateId.optional(),
    ...settings,
    Scheduler: httpScheduler.optional(),
  }),
  output: nothing,
  errors: setErrors,
  async run(input, call) {
    const name = { port: input.ListenerPort, protocol: 'https' } as const;
    const rule = (current: LoadBalancer) =>
      editListener(current, name, (listener) =>
        defined<HttpsListener>(listener as HttpsListener, {
          description: input.Description,
          scheduler: input.Scheduler,
          certificateId: input.ServerCertificateId,
          idleTimeoutSeconds: input.IdleTimeout,
          requestTimeoutSeconds: input.RequestTimeout,
          health: probeOf(listener.health, input),
        }),
      );
    if (input.ServerCertificateId === undefined) {
      await call.changeLoadBalancer(input.LoadBalancerId, (current) => ({ next: rule(current) }));
      return {};
    }
    return changeWithCertificate(call, input.LoadBalancerId, input.ServerCertificateId, rule);
  },
});

export const DescribeLoadBalancerHTTPSListenerAttribute = defineAction({
  name: 'DescribeLoadBalancerHTTPSListenerAttribute',
  ...listenerAction,
  access: 'get',
  summary: 'Shows an HTTPS listener.',
  input: z.object(listenerName),
  output: z.object({
    ...listenerOutput,
    IdleTimeout: z.int(),
    RequestTimeout: z.int(),
    ServerCertificateId: z.string(),
    ListenerForward: z.string(),
    ForwardPort: z.int().optional(),
    ...httpProbeOutput,
  }),
  errors: describeErrors,
  async run(wanted, call) {
    const shown = await readListener<HttpsListener>(call, wanted, 'https');
    const { listener, status } = shown;
    return {
      ...listenerView(shown),
      Status: status.toLowerCase(),
      IdleTimeout: listener.idleTimeoutSeconds,
      RequestTimeout: listener.requestTimeoutSeconds,
      ServerCertificateId: listener.certificateId,
      ListenerForward: listener.forwardPort === undefined ? 'off' : 'on',
      ForwardPort: listener.forwardPort,
      ...healthView(listener),
    };
  },
});

export const httpsListenerActions = [
  CreateLoadBalancerHTTPSListener,
  SetLoadBalancerHTTPSListenerAttribute,
  DescribeLoadBalancerHTTPSListenerAttribute,
];
