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

/** When removed servers are cut, and who emptied the pool if this call does. */
export interface Removal {
  readonly now: number;
  readonly drainSeconds?: number;
  readonly action: string;
  readonly requestId: string;
}

/**
 * Attaches servers. Attached with the same values: nothing changes. Attached with another weight:
 * InvalidParameter.BackendServers. A server that is draining comes back and its drain ends.
 * @param servers resolved by the caller: type, ip, port and weight are final
 */
export function addBackendServers(
  current: LoadBalancer,
  servers: readonly BackendServer[],
  now: number,
): LoadBalancer {
  const backends = [...current.backends];
  const seen: BackendServer[] = [];
  for (const server of servers) {
    if (seen.some((other) => sameBackend(other, server))) continue;
    seen.push(server);
    const attached = current.backends.find((other) => sameBackend(other, server));
    if (attached === undefined) backends.push(server);
    else if (attached.weight !== server.weight) {
      throw new Refusal(
        'InvalidParameter.%s',
        'BackendServers',
        `${server.serverId} is attached with weight ${attached.weight}; ` +
          'SetBackendServers changes weights.',
      );
    }
  }
  if (backends.length === current.backends.length) return current;
  const { emptiedBy: _, ...rest } = current;
  return {
    ...rest,
    backends,
    draining: current.draining.filter(
      (drain) => drain.deadline > now && !seen.some((server) => sameBackend(server, drain)),
    ),
  };
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
  const removed = current.backends.filter((attached) =>
    servers.some((named) => names(named, attached)),
  );
  const ignored = servers
    .filter((named) => !current.backends.some((attached) => names(named, attached)))
    .map((named) => named.serverId);
  if (removed.length === 0) return { next: current, ignored: [...new Set(ignored)] };

  const backends = current.backends.filter((attached) => !removed.includes(attached));
  const deadline = removal.now + (removal.drainSeconds ?? current.drainSeconds) * 1000;
  const draining: DrainingServer[] = [
    ...current.draining.filter((drain) => drain.deadline > removal.now),
    ...removed.map((server) => ({ ...server, deadline })),
  ];
  const emptied = { action: removal.action, requestId: removal.requestId };
  const next: LoadBalancer = {
    ...current,
    backends,
    draining,
    ...(backends.length === 0 ? { emptiedBy: emptied } : {}),
  };
  return { next, ignored: [...new Set(ignored)] };
}

/**
 * Sets weights. A server is named by id (and type, ip where said): all its entries change. A
 * server that is not attached: InvalidParameter.BackendServers, and nothing changes.
 */
export function setBackendServers(
  current: LoadBalancer,
  servers: readonly (NamedServer & { readonly weight: number })[],
): LoadBalancer {
  for (const named of servers) {
    if (!current.backends.some((attached) => names(named, attached))) {
      throw new Refusal(
        'InvalidParameter.%s',
        'BackendServers',
        `${named.serverId} is not attached.`,
      );
    }
  }
  const weightOf = (attached: BackendServer) =>
    servers.find((named) => names(named, attached))?.weight ?? attached.weight;
  const backends = current.backends.map((attached) =>
    weightOf(attached) === attached.weight ? attached : { ...attached, weight: weightOf(attached) },
  );
  if (backends.every((server, index) => server === current.backends[index])) return current;
  return { ...current, backends };
}
