import { z } from 'zod';
import { createListener, editListener } from '../../elb/listeners.ts';
import type { HealthCheck, Listener, Scheduler } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import type { Call } from '../call.ts';
import { documentedLimits } from './action.ts';
import { description, listenerPort, loadBalancerId, port } from './fields.ts';

/** What all listener kinds have in common: their parameters, and how they are written. */

/** The members that all actions of the family share. */
export const listenerAction = {
  product: 'Ens',
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
} as const;

export const listenerName = { LoadBalancerId: loadBalancerId, ListenerPort: listenerPort };

const seconds = (min: number, max: number) => z.int().min(min).max(max);

export const established = seconds(10, 900).describe('Idle limit of a connection, in seconds.');
/** Clients send 0 for what they leave as it is. */
export const establishedOrKept = established
  .meta({ zeroIsAbsent: true })
  .describe('Idle limit of a connection, in seconds; 0 keeps what is set.');
export const persistence = seconds(0, 3600).describe('Session persistence in seconds; 0 = off.');
export const idleTimeout = seconds(1, 60).describe('Idle limit of a connection, in seconds.');
export const requestTimeout = seconds(1, 180).describe('After this many seconds a 504 answers.');

/**
 * Host name of an HTTP probe. It reaches the engine's configuration, so its alphabet is that of
 * host names.
 */
const probeDomain = z
  .string()
  .regex(/^[A-Za-z0-9.-]{1,80}$/)
  .meta({ minLength: 1, maxLength: 80 })
  .describe('The host name that an HTTP probe asks for.');

/**
 * Path of an HTTP probe, at most 80 characters, not slashes alone. It reaches the engine's
 * configuration: of what RFC 3986 allows, `'`, `;` and `#` stay out.
 */
const probeUri = z
  .string()
  .regex(/^\/(?=.*[^/])[A-Za-z0-9\-._~!$&()*+,=:@%/?]{1,79}$/)
  .meta({ minLength: 1, maxLength: 80 })
  .describe('The path that an HTTP probe asks for; starts with /.');

const httpCode = z
  .string()
  .regex(/^http_[2-5]xx(,http_[2-5]xx){0,3}$/)
  .describe(
    'Classes that count as healthy: http_2xx, http_3xx, http_4xx, http_5xx, joined by commas.',
  );

/** Probe parameters of every kind. */
const basicProbe = {
  HealthCheckConnectPort: port.optional().describe("The probe port; absent: the server's."),
  HealthCheckInterval: seconds(1, 50).optional().describe('Seconds between probes.'),
  HealthyThreshold: z.int().min(2).max(10).optional().describe('Successes until healthy.'),
  UnhealthyThreshold: z.int().min(2).max(10).optional().describe('Failures until unhealthy.'),
};

/** Those of listeners that may probe by HTTP. */
export const probe = {
  ...basicProbe,
  HealthCheckDomain: probeDomain.optional(),
  HealthCheckHttpCode: httpCode.optional(),
  HealthCheckURI: probeUri.optional(),
};

/** A text that a UDP probe sends or waits for; sent empty, there is none. */
const probeText = z
  .string()
  .regex(/^[A-Za-z0-9]{0,64}$/)
  .meta({ clearable: true, maxLength: 64 });

/** Those of UDP listeners. */
export const udpProbe = {
  ...basicProbe,
  HealthCheckReq: probeText.optional().describe('What a probe sends: letters and digits.'),
  HealthCheckExp: probeText.optional().describe('What a server must answer to it.'),
};

export const probeTimeout = seconds(1, 300)
  .optional()
  .describe(
    'Seconds until a probe has failed; below the interval it is ignored and the interval counts.',
  );

/** Probe fields as any Create or Set of any kind has them. */
export interface ProbeInput {
  readonly HealthCheck?: 'on' | 'off' | undefined;
  readonly HealthCheckType?: 'tcp' | 'http' | undefined;
  readonly HealthCheckMethod?: 'head' | 'get' | undefined;
  readonly HealthCheckConnectPort?: number | undefined;
  readonly HealthCheckConnectTimeout?: number | undefined;
  readonly HealthCheckTimeout?: number | undefined;
  readonly HealthCheckDomain?: string | undefined;
  readonly HealthCheckHttpCode?: string | undefined;
  readonly HealthCheckInterval?: number | undefined;
  readonly HealthCheckURI?: string | undefined;
  readonly HealthCheckReq?: string | undefined;
  readonly HealthCheckExp?: string | undefined;
  readonly HealthyThreshold?: number | undefined;
  readonly UnhealthyThreshold?: number | undefined;
}

/** Seconds of EstablishedTimeout, documented. */
export const defaultEstablished = 900;

/** Documented defaults of a probe. */
export const defaultProbe = {
  timeoutSeconds: 5,
  intervalSeconds: 2,
  healthyThreshold: 3,
  unhealthyThreshold: 3,
} as const;

/** The same as parameters have them. */
export const probeDefaults = {
  HealthCheckInterval: defaultProbe.intervalSeconds,
  HealthyThreshold: defaultProbe.healthyThreshold,
  UnhealthyThreshold: defaultProbe.unhealthyThreshold,
};

/** A probe with what the input says put over what was before. */
export function probeOf(before: HealthCheck, input: ProbeInput): HealthCheck {
  return defined<HealthCheck>(before, {
    enabled: input.HealthCheck === undefined ? undefined : input.HealthCheck === 'on',
    kind: input.HealthCheckType,
    method: input.HealthCheckMethod,
    port: input.HealthCheckConnectPort,
    timeoutSeconds: input.HealthCheckConnectTimeout ?? input.HealthCheckTimeout,
    intervalSeconds: input.HealthCheckInterval,
    healthyThreshold: input.HealthyThreshold,
    unhealthyThreshold: input.UnhealthyThreshold,
    domain: input.HealthCheckDomain,
    uri: input.HealthCheckURI,
    httpCode: input.HealthCheckHttpCode,
    request: input.HealthCheckReq,
    expect: input.HealthCheckExp,
  });
}

/** What a Set says of a record: a member that is undefined was left out. */
export type Changes<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

/** `before` with every member of `changes` that is not undefined; an empty text ends a member. */
export function defined<T extends object>(before: T, changes: Changes<T>): T {
  const said = Object.entries(changes).filter(([, value]) => value !== undefined);
  const all = Object.entries({ ...before, ...Object.fromEntries(said) });
  return Object.fromEntries(all.filter(([, value]) => value !== '')) as T;
}

export interface CommonInput {
  readonly ListenerPort: number;
  readonly BackendServerPort?: number | undefined;
  readonly Description?: string | undefined;
  readonly Scheduler: Scheduler;
}

/** The parameters of every Create besides its own. */
export const common = {
  BackendServerPort: port
    .meta({ zeroIsAbsent: true })
    .optional()
    .describe('The port on the servers; absent or 0: ListenerPort.'),
  Description: description,
};

/** The members of every new listener; it is stopped. */
export function commonOf(input: CommonInput, call: Pick<Call, 'now'>) {
  return {
    port: input.ListenerPort,
    ...(input.BackendServerPort === undefined ? {} : { backendPort: input.BackendServerPort }),
    ...(input.Description ? { description: input.Description } : {}),
    running: false,
    createTime: isoSeconds(call.now()),
    scheduler: input.Scheduler,
  };
}

/** @throws Refusal as createListener does */
export async function writeNewListener(
  call: Call,
  loadBalancerId: string,
  listener: Listener,
): Promise<Record<string, never>> {
  await call.changeLoadBalancer(loadBalancerId, (current) => ({
    next: createListener(current, listener, limits.listenersPerLoadBalancer),
  }));
  return {};
}

/** Writes what a Set says; what it left out stays, and a running listener keeps running. */
export async function writeListener<Kind extends Listener>(
  call: Call,
  wanted: { readonly LoadBalancerId: string; readonly ListenerPort: number },
  protocol: Kind['protocol'],
  changesOf: (listener: Kind) => Changes<Kind>,
): Promise<Record<string, never>> {
  const name = { port: wanted.ListenerPort, protocol };
  await call.changeLoadBalancer(wanted.LoadBalancerId, (current) => ({
    next: editListener(current, name, (listener) =>
      defined(listener as Kind, changesOf(listener as Kind)),
    ),
  }));
  return {};
}
