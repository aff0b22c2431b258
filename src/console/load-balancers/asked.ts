import type { ServerKey, WatchedListener, WatchedServer } from '../../sdk/live.ts';
import type { Asked } from '../door.ts';

/**
 * The calls that the pages of load balancers make. A button makes the very call that its code is
 * printed for, since both take it from here.
 */

/**
 * Guards a write by what the person saw: where the load balancer has another revision by then, it
 * answers OperationConflict and changes nothing.
 */
export function ifRevision(asked: Asked, revision: number): Asked {
  const headers = { ...asked.headers, 'x-sluice-if-revision': String(revision) };
  return { ...asked, headers };
}

function ens(action: string, parameters: Readonly<Record<string, unknown>>): Asked {
  return { product: 'Ens', action, parameters };
}

/** What a person says of a load balancer to be. */
export interface NewLoadBalancer {
  readonly EnsRegionId: string;
  readonly NetworkId: string;
  readonly VSwitchId: string;
  readonly LoadBalancerSpec: string;
  /** Empty: its id. */
  readonly LoadBalancerName: string;
}

export function createLoadBalancer({ LoadBalancerName, ...place }: NewLoadBalancer): Asked {
  const named = LoadBalancerName === '' ? {} : { LoadBalancerName };
  return ens('CreateLoadBalancer', { ...place, PayType: 'PostPaid', ...named });
}

export function deleteLoadBalancer(LoadBalancerId: string): Asked {
  return ens('ReleaseInstance', { InstanceId: LoadBalancerId });
}

export function renameLoadBalancer(LoadBalancerId: string, LoadBalancerName: string): Asked {
  return ens('ModifyLoadBalancerAttribute', { LoadBalancerId, LoadBalancerName });
}

/** Starts or stops all forwarding. */
export function setStatus(LoadBalancerId: string, LoadBalancerStatus: string): Asked {
  return ens('SetLoadBalancerStatus', { LoadBalancerId, LoadBalancerStatus });
}

export const listenerKinds = ['HTTP', 'HTTPS', 'TCP', 'UDP'] as const;
export type ListenerKind = (typeof listenerKinds)[number];

/** What a person says of a listener to be; its kind takes of it what it knows. */
export interface NewListener {
  readonly LoadBalancerId: string;
  readonly ListenerPort: number;
  readonly BackendServerPort?: number;
  readonly Scheduler: string;
  /** `on` or `off`; TCP and UDP listeners always probe. */
  readonly HealthCheck: string;
  readonly ServerCertificateId: string;
}

export function createListener(kind: ListenerKind, wanted: NewListener): Asked {
  const { HealthCheck, ServerCertificateId, ...common } = wanted;
  return ens(`CreateLoadBalancer${kind}Listener`, {
    ...common,
    ...(kind === 'HTTP' || kind === 'HTTPS' ? { HealthCheck } : {}),
    ...(kind === 'HTTPS' ? { ServerCertificateId } : {}),
  });
}

type ListenerName = Pick<WatchedListener, 'ListenerPort' | 'ListenerProtocol'>;

export function changeListener(
  verb: 'Start' | 'Stop' | 'Delete',
  LoadBalancerId: string,
  { ListenerPort, ListenerProtocol }: ListenerName,
): Asked {
  return ens(`${verb}LoadBalancerListener`, {
    LoadBalancerId,
    ListenerPort,
    ListenerProtocol,
  });
}

/** Adding a server with the values that it drains with is what undoes its removal. */
export function addServers(LoadBalancerId: string, servers: readonly WatchedServer[]): Asked {
  const BackendServers = servers.map(({ Weight, ...server }) => ({ ...nameOf(server), Weight }));
  return ens('AddBackendServers', { LoadBalancerId, BackendServers });
}

/** Set names a server by its id: all its entries get the weight, so each id is named once. */
export function setWeights(LoadBalancerId: string, servers: readonly WatchedServer[]): Asked {
  const byName = new Map(
    servers.map(({ ServerId, Type, Weight }) => [
      `${Type} ${ServerId}`,
      { ServerId, Type, Weight },
    ]),
  );
  return ens('SetBackendServers', { LoadBalancerId, BackendServers: [...byName.values()] });
}

/** @param drainSeconds how long sessions may go on; undefined = the load balancer's own time */
export function removeServers(
  LoadBalancerId: string,
  servers: readonly ServerKey[],
  drainSeconds: number | undefined,
): Asked {
  return {
    ...ens('RemoveBackendServers', { LoadBalancerId, BackendServers: servers.map(nameOf) }),
    ...(drainSeconds === undefined
      ? {}
      : { headers: { 'x-sluice-drain-seconds': String(drainSeconds) } }),
  };
}

/** Cuts the sessions that removed servers still have. */
export function cutDrain(LoadBalancerId: string, ServerId: string): Asked {
  return { product: 'Sluice', action: 'CutDrain', parameters: { LoadBalancerId, ServerId } };
}

/** An entry of the pool as a call names it; a port of 0 is none. */
function nameOf({ ServerId, Type, Ip, Port }: ServerKey) {
  return { ServerId, Type, Ip, ...(Port === 0 ? {} : { Port }) };
}
