import { Refusal } from './refusal.ts';
import {
  type BackendServer,
  type DrainingServer,
  type LoadBalancer,
  type ServerType,
  sameBackend,
} from './types.ts';

/** A server as a call names it; what is absent was not said. */
export interface NamedServer {
  readonly serverId: string;
  readonly type?: ServerType;
  readonly ip?: string;
  readonly port?: number;
  readonly weight?: number;
}

/** When servers come, and how many a load balancer may have. */
export interface Addition {
  /** Unix milliseconds. */
  readonly now: number;
  readonly most: number;
}

/** When removed servers are cut, and who emptied the pool if this call does. */
export interface Removal {
  /** Unix milliseconds. */
  readonly now: number;
  /** Absent: as the load balancer is set. */
  readonly drainSeconds?: number;
  readonly action: string;
  readonly requestId: string;
  /** Drains kept at a time; past it those that end first are cut at once. */
  readonly mostDraining: number;
}

/**
 * Attaches servers, all or none. Named twice: the first counts. Attached with the same values:
 * nothing changes. A server that is draining comes back and its drain ends.
 * @param servers resolved by the caller: type, ip, port and weight are final
 * @throws Refusal InvalidParameter.BackendServers for a server attached with another weight;
 *   ens.interface.error when there would be too many
 */
export function addBackendServers(
  current: LoadBalancer,
  servers: readonly BackendServer[],
  { now, most }: Addition,
): LoadBalancer {
  const first = servers.filter(
    (server, index) => servers.findIndex((other) => sameBackend(other, server)) === index,
  );
  const added = first.filter((server) => !isAttached(current, server));
  if (added.length === 0) return current;
  const backends = [...current.backends, ...added];
  if (backends.length > most) {
    const detail = `A load balancer has at most ${most} servers.`;
    throw new Refusal('ens.interface.error', undefined, detail);
  }
  const { emptiedBy: _, ...rest } = current;
  return {
    ...rest,
    backends,
    draining: current.draining.filter(
      (drain) => drain.deadline > now && !added.some((server) => sameBackend(server, drain)),
    ),
  };
}

/** @throws Refusal InvalidParameter.BackendServers when it is attached with another weight */
function isAttached({ backends }: LoadBalancer, server: BackendServer): boolean {
  const attached = backends.find((other) => sameBackend(other, server));
  if (attached === undefined || attached.weight === server.weight) return attached !== undefined;
  throw new Refusal(
    'InvalidParameter.%s',
    'BackendServers',
    `${server.serverId} is attached with weight ${attached.weight}; ` +
      'SetBackendServers changes weights.',
  );
}

/** True when `named` means `attached`: by id, and by whatever else it says. Weight never counts. */
function names(named: NamedServer, attached: BackendServer): boolean {
  return (
    named.serverId === attached.serverId &&
    (named.type === undefined || named.type === attached.type) &&
    (named.ip === undefined || named.ip === attached.ip) &&
    (named.port === undefined || named.port === 0 || named.port === attached.port)
  );
}

/**
 * Detaches servers; their sessions may go on until the drain's deadline. A server named without a
 * port goes with all its ports. Servers not attached are returned in `ignored`, without an error.
 */
export function removeBackendServers(
  current: LoadBalancer,
  servers: readonly NamedServer[],
  removal: Removal,
): { readonly next: LoadBalancer; readonly ignored: readonly string[] } {
  const isNamed = (attached: BackendServer) => servers.some((named) => names(named, attached));
  const absent = servers.filter((named) => !current.backends.some((each) => names(named, each)));
  const ignored = [...new Set(absent.map(({ serverId }) => serverId))];
  const removed = current.backends.filter(isNamed);
  if (removed.length === 0) return { next: current, ignored };

  const backends = current.backends.filter((attached) => !removed.includes(attached));
  const { action, requestId } = removal;
  const next: LoadBalancer = {
    ...current,
    backends,
    draining: drainsAfter(current, removed, removal),
    ...(backends.length === 0 ? { emptiedBy: { action, requestId } } : {}),
  };
  return { next, ignored };
}

function drainsAfter(
  { draining, drainSeconds }: LoadBalancer,
  removed: readonly BackendServer[],
  removal: Removal,
): readonly DrainingServer[] {
  const deadline = removal.now + (removal.drainSeconds ?? drainSeconds) * 1000;
  const drains = [
    ...draining.filter((drain) => drain.deadline > removal.now),
    ...removed.map((server) => ({ ...server, deadline })),
  ];
  if (drains.length <= removal.mostDraining) return drains;
  return drains.toSorted((a, b) => a.deadline - b.deadline).slice(-removal.mostDraining);
}

/**
 * Sets weights, all or none. A server is named by id (and type, ip, where said): all its entries
 * change. Named twice: the first counts.
 * @throws Refusal InvalidParameter.BackendServers for a server that is not attached
 */
export function setBackendServers(
  current: LoadBalancer,
  servers: readonly (NamedServer & { readonly weight: number })[],
): LoadBalancer {
  const stranger = servers.find((named) => !current.backends.some((each) => names(named, each)));
  if (stranger !== undefined) {
    const detail = `${stranger.serverId} is not attached.`;
    throw new Refusal('InvalidParameter.%s', 'BackendServers', detail);
  }
  const backends = current.backends.map((attached) => {
    const weight = servers.find((named) => names(named, attached))?.weight ?? attached.weight;
    return weight === attached.weight ? attached : { ...attached, weight };
  });
  const same = backends.every((server, index) => server === current.backends[index]);
  return same ? current : { ...current, backends };
}
