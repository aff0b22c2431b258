import type { LoadBalancerState, WatchedListener } from '../../sdk/live.ts';
import { addressOf, keyOf } from './server-rows.ts';

/**
 * What has changed of a load balancer's configuration between two times that it was seen, a
 * sentence each: what a person is told whose own change was refused for it.
 */
export function differences(before: LoadBalancerState, after: LoadBalancerState): string[] {
  const [then, now] = [before.LoadBalancer, after.LoadBalancer];
  return [
    ...changed('The name', then.LoadBalancerName, now.LoadBalancerName),
    ...changed('The status', then.LoadBalancerStatus, now.LoadBalancerStatus),
    ...changed('The drain time', `${then.DrainSeconds} s`, `${now.DrainSeconds} s`),
    ...serverDifferences(then.BackendServers, now.BackendServers),
    ...listenerDifferences(then.Listeners, now.Listeners),
  ];
}

function changed(what: string, before: string, after: string): string[] {
  return before === after ? [] : [`${what} was ${before} and is ${after}.`];
}

type Servers = LoadBalancerState['LoadBalancer']['BackendServers'];

function serverDifferences(then: Servers, now: Servers): string[] {
  const before = new Map(then.map((server) => [keyOf(server), server]));
  const after = new Map(now.map((server) => [keyOf(server), server]));
  const name = (server: Servers[number]) => `Server ${server.ServerId} (${addressOf(server)})`;
  return [
    ...now.flatMap((server) => {
      const earlier = before.get(keyOf(server));
      if (earlier === undefined) return [`${name(server)} was added.`];
      return changed(`The weight of ${server.ServerId}`, `${earlier.Weight}`, `${server.Weight}`);
    }),
    ...then
      .filter((server) => !after.has(keyOf(server)))
      .map((gone) => `${name(gone)} was removed.`),
  ];
}

function listenerDifferences(
  then: readonly WatchedListener[],
  now: readonly WatchedListener[],
): string[] {
  const before = new Map(then.map((listener) => [listener.Listener, listener]));
  const after = new Set(now.map(({ Listener }) => Listener));
  return [
    ...now.flatMap((listener) => {
      const earlier = before.get(listener.Listener);
      const what = `Listener ${listener.Listener}`;
      if (earlier === undefined) return [`${what} was made.`];
      return JSON.stringify(earlier) === JSON.stringify(listener) ? [] : [`${what} was changed.`];
    }),
    ...then
      .filter(({ Listener }) => !after.has(Listener))
      .map(({ Listener }) => `Listener ${Listener} was deleted.`),
  ];
}
