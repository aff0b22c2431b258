import type { DrainingServer, Listener, LoadBalancer } from '../../elb/types.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import { type ListenerStatus, listenerStatuses } from '../actions/listener-status.ts';
import { summaryOf } from '../actions/load-balancer-views.ts';
import { drainCounts } from '../actions/sluice/drains.ts';
import type { Stored } from '../call.ts';
import { figuresOf } from './figures.ts';
import type {
  LoadBalancerState,
  WatchedDrain,
  WatchedHealth,
  WatchedListener,
  WatchedLoadBalancer,
  WatchedRollout,
} from './messages.ts';
import { rolloutOf } from './rollout.ts';

/** All that is shown of a load balancer, as things stand. @param now Unix milliseconds */
export async function stateOf(
  fleet: Fleet,
  stored: Stored<LoadBalancer>,
  now: number,
): Promise<LoadBalancerState> {
  const { value, revision } = stored;
  const statusOf = await listenerStatuses(stored, { fleet });
  return {
    Revision: revision,
    LoadBalancer: loadBalancerOf(value, statusOf),
    Rollout: watchedRollout(fleet, stored),
    Drains: drainsOf(fleet, value, now),
    Health: healthOf(fleet, value),
    Figures: figuresOf(fleet.traffic(value.site), value.id),
  };
}

function loadBalancerOf(
  value: LoadBalancer,
  statusOf: (listener: Listener) => ListenerStatus,
): WatchedLoadBalancer {
  return {
    ...summaryOf(value),
    LoadBalancerSpec: value.spec,
    Bandwidth: value.bandwidth,
    DrainSeconds: value.drainSeconds,
    BackendServers: value.backends.map((server) => ({ ...keyOf(server), Weight: server.weight })),
    Listeners: value.listeners.map((listener) => listenerOf(listener, statusOf(listener))),
  };
}

function listenerOf(listener: Listener, status: ListenerStatus): WatchedListener {
  return {
    Listener: `${listener.protocol}:${listener.port}`,
    ListenerPort: listener.port,
    ListenerProtocol: listener.protocol,
    BackendServerPort: listener.backendPort ?? listener.port,
    Description: listener.description ?? '',
    Scheduler: listener.scheduler,
    Status: status,
    HealthCheck: listener.health.enabled ? 'on' : 'off',
  };
}

/** With the forwarders that do not report. */
function watchedRollout(fleet: Fleet, stored: Stored<LoadBalancer>): WatchedRollout {
  const { applied, counted, live, forwarders } = rolloutOf(fleet, stored);
  return {
    Applied: applied,
    Counted: counted,
    Live: live,
    Frozen: fleet.frozen,
    Forwarders: forwarders.map((each) => ({ ...each, Live: each.State === 'live' })),
  };
}

function drainsOf(fleet: Fleet, value: LoadBalancer, now: number): WatchedDrain[] {
  return value.draining
    .filter(({ deadline }) => deadline + limits.drainShown > now)
    .sort((a, b) => b.deadline - a.deadline)
    .map((server) => {
      const counts = drainCounts(fleet, value, server).map(
        ({ forwarder, reported, silentSince }) => ({
          ForwarderName: forwarder,
          Sessions: reported?.sessions ?? 0,
          Counted: reported !== undefined,
          SilentSince: silentSince,
        }),
      );
      const isEmpty = counts.every(({ Sessions, Counted }) => Counted && Sessions === 0);
      return {
        ...keyOf(server),
        Weight: server.weight,
        Deadline: isoSeconds(server.deadline),
        Cut: server.cut === true,
        Over: server.deadline <= now || (counts.length > 0 && isEmpty),
        Forwarders: counts,
      };
    });
}

/** The freshest word on each server: what comes with figures is a second old at most. */
function healthOf(fleet: Fleet, { id, site, backends }: LoadBalancer): WatchedHealth[] {
  const rows = new Map<string, WatchedHealth>();
  const put = (row: WatchedHealth) =>
    rows.set(`${row.ForwarderName} ${row.Listener} ${row.ServerId} ${row.Ip} ${row.Port}`, row);
  for (const { name, health } of fleet.forwarders(site)) {
    for (const { loadBalancerId, listener, serverId, healthy } of health) {
      if (loadBalancerId !== id) continue;
      for (const server of backends.filter((each) => each.serverId === serverId)) {
        const place = { Listener: listener, ...keyOf(server) };
        put({ ...place, ForwarderName: name, Healthy: healthy });
      }
    }
  }
  for (const [name, traffic] of fleet.traffic(site)) {
    for (const { listener, server, healthy } of traffic[id] ?? []) {
      if (server === undefined || healthy === undefined) continue;
      put({ Listener: listener, ...keyOf(server), ForwarderName: name, Healthy: healthy });
    }
  }
  return [...rows.values()];
}

function keyOf({ serverId, type, ip, port }: Omit<DrainingServer, 'weight' | 'deadline' | 'cut'>) {
  return { ServerId: serverId, Type: type, Ip: ip, Port: port };
}
