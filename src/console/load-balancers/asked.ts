import type { Asked } from '../door.ts';

/**
 * The calls that the pages of load balancers make. A button makes the very call that its code is
 * printed for, since both take it from here.
 */

/** One entry of a pool, as Remove and Add name it. */
export interface ServerName {
  readonly ServerId: string;
  readonly Type: string;
  readonly Ip: string;
  readonly Port: number;
}

export interface WeighedServer extends ServerName {
  readonly Weight: number;
}

/** A listener of a load balancer. */
export interface ListenerName {
  readonly ListenerPort: number;
  readonly ListenerProtocol: string;
}

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

export function changeListener(
  verb: 'Start' | 'Stop' | 'Delete',
  LoadBalancerId: string,
  listener: ListenerName,
): Asked {
  return ens(`${verb}LoadBalancerListener`, { LoadBalancerId, ...listener });
}

/** Adding a server with the values that it drains with is what undoes its removal. */
export function addServers(LoadBalancerId: string, servers: readonly WeighedServer[]): Asked {
  return ens('AddBackendServers', { LoadBalancerId, BackendServers: servers });
}

/** Set names a server by its id: all its entries get the weight, so each id is named once. */
export function setWeights(LoadBalancerId: string, servers: readonly WeighedServer[]): Asked {
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
  servers: readonly ServerName[],
  drainSeconds: number | undefined,
): Asked {
  const BackendServers = servers.map(({ ServerId, Type, Ip, Port }) => ({
    ServerId,
    Type,
    Ip,
    ...(Port === 0 ? {} : { Port }),
  }));
  return {
    ...ens('RemoveBackendServers', { LoadBalancerId, BackendServers }),
    ...(drainSeconds === undefined
      ? {}
      : { headers: { 'x-sluice-drain-seconds': String(drainSeconds) } }),
  };
}

/** Cuts the sessions that removed servers still have. */
export function cutDrain(LoadBalancerId: string, ServerId: string): Asked {
  return { product: 'Sluice', action: 'CutDrain', parameters: { LoadBalancerId, ServerId } };
}
