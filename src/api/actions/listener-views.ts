import { z } from 'zod';
import { findListener } from '../../elb/listeners.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { HealthCheck, Listener } from '../../elb/types.ts';
import type { Call } from '../call.ts';
import { type ListenerStatus, listenerStatuses } from './listener-status.ts';

/** How the attribute actions show a listener, whatever its kind. */

export interface Shown<Kind extends Listener = Listener> {
  readonly listener: Kind;
  readonly status: ListenerStatus;
  /** Of the load balancer: megabits per second, -1 = no cap. */
  readonly bandwidth: number;
}

/** The fields that every kind has. */
export const listenerOutput = {
  ListenerPort: z.int(),
  BackendServerPort: z.int(),
  Bandwidth: z.int(),
  Description: z.string().optional(),
  Scheduler: z.string(),
  Status: z.string(),
};

/** As it was given: 0 for none, which Terraform and typed SDKs read as not set. */
export function shownBackendPort({ backendPort = 0 }: Listener): number {
  return backendPort;
}

export function listenerView({ listener, status, bandwidth }: Shown) {
  return {
    ListenerPort: listener.port,
    BackendServerPort: shownBackendPort(listener),
    Bandwidth: bandwidth,
    Description: listener.description,
    Scheduler: listener.scheduler,
    Status: status,
  };
}

/**
 * The listener that an attribute action asks for, and its status.
 * @throws Refusal LoadBalancerNotFound.OfListener, ListenerNotFound: Terraform knows by `NotFound`
 *   in the text alone that a listener is gone, so both texts have that word.
 */
export async function readListener<Kind extends Listener>(
  call: Call,
  name: { readonly LoadBalancerId: string; readonly ListenerPort: number },
  protocol: Kind['protocol'],
): Promise<Shown<Kind>> {
  const { LoadBalancerId: id, ListenerPort: port } = name;
  try {
    const stored = await call.loadBalancer(id);
    const listener = findListener(stored.value, { port, protocol }) as Kind;
    const statusOf = await listenerStatuses(stored, call);
    return { listener, status: statusOf(listener), bandwidth: stored.value.bandwidth };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const isGone = error.code === 'LoadBalancerNotFound';
    const code = isGone ? 'LoadBalancerNotFound.OfListener' : error.code;
    throw new Refusal(code, error.subject, `${id} ${protocol}:${port}`);
  }
}

/** Probe fields of every kind's answer; `undefined` ones are left out of JSON. */
export const basicProbeOutput = {
  HealthCheckConnectPort: z.int(),
  HealthCheckInterval: z.int().optional(),
  HealthyThreshold: z.int().optional(),
  UnhealthyThreshold: z.int().optional(),
};

/** The probe as answers show it: an unset probe port is 0, which is what clients compare with. */
export function basicProbeView(health: HealthCheck) {
  return {
    HealthCheckConnectPort: health.port ?? 0,
    HealthCheckInterval: health.intervalSeconds,
    HealthyThreshold: health.healthyThreshold,
    UnhealthyThreshold: health.unhealthyThreshold,
  };
}

/** Those of listeners that may probe by HTTP. */
export const probeOutput = {
  ...basicProbeOutput,
  HealthCheckDomain: z.string().optional(),
  HealthCheckHttpCode: z.string().optional(),
  HealthCheckURI: z.string().optional(),
};

/** What only an HTTP probe uses is shown for one, or where it was set. */
export function probeView(health: HealthCheck) {
  return {
    ...basicProbeView(health),
    HealthCheckDomain: health.domain,
    HealthCheckURI: health.uri,
    HealthCheckHttpCode: health.httpCode ?? (health.kind === 'http' ? 'http_2xx' : undefined),
  };
}
