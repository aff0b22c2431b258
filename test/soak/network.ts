import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/**
 * Network namespaces of a soak's own:
 *
 *   hub 10.66.N.1 --- 10.66.N.2 forwarder N 10.68.N.1 --- 10.68.N.2 servers 10.70.0.1 …
 *
 * In the hub are the control planes (at `controlPlanes`), their store and the clients. A client
 * that binds `clientOf(N)` reaches the load balancers of `pool` through forwarder N.
 */
export interface SoakNetwork {
  readonly hub: string;
  readonly servers: string;
  /** By number of the forwarder, from 1. */
  forwarder(number: number): string;
}

export const forwarders = [1, 2, 3] as const;
export const controlPlanes = '10.65.0.1';
export const pool = '10.99.0.0/24';
export const serverNumbers = [1, 2, 3, 4, 5, 6] as const;

export function clientOf(forwarder: number): string {
  return `10.66.${forwarder}.1`;
}

export function serverAddress(number: number): string {
  return `10.70.0.${number}`;
}

/** The network of an id, whether or not it is there. */
export function soakNetwork(id: string): SoakNetwork {
  return {
    hub: `soak-${id}-hub`,
    servers: `soak-${id}-servers`,
    forwarder: (number) => `soak-${id}-f${number}`,
  };
}

export function newNetworkId(): string {
  return randomBytes(3).toString('hex');
}

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' });
}

function namespaces({ hub, servers, forwarder }: SoakNetwork): string[] {
  return [hub, servers, ...forwarders.map(forwarder)];
}

export function makeNetwork(network: SoakNetwork): void {
  for (const each of namespaces(network)) {
    ip('netns', 'add', each);
    ip('-n', each, 'link', 'set', 'lo', 'up');
  }
  const { hub, servers } = network;
  const local = (namespace: string, address: string) =>
    ip('-n', namespace, 'addr', 'add', `${address}/32`, 'dev', 'lo');
  local(hub, controlPlanes);
  for (const number of serverNumbers) local(servers, serverAddress(number));
  for (const number of forwarders) linkForwarder(network, number);
}

function linkForwarder({ hub, servers, forwarder }: SoakNetwork, number: number): void {
  const own = forwarder(number);
  const device = `f${number}`;
  link(hub, own, device, 'hub', `10.66.${number}`);
  link(own, servers, 'servers', device, `10.68.${number}`);
  const route = (namespace: string, ...words: string[]) =>
    ip('-n', namespace, 'route', 'add', ...words);
  route(own, 'default', 'via', clientOf(number));
  route(own, '10.70.0.0/24', 'via', `10.68.${number}.2`);
  route(servers, `10.66.${number}.0/24`, 'via', `10.68.${number}.1`);
  const table = String(100 + number);
  ip('-n', hub, 'rule', 'add', 'from', clientOf(number), 'lookup', table);
  route(hub, pool, 'via', `10.66.${number}.2`, 'table', table);
  ip('netns', 'exec', own, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
}

/** A link of two namespaces; the first gets .1, the second .2 of the /24. */
function link(from: string, to: string, device: string, peer: string, net: string): void {
  const words = ['link', 'add', device, 'type', 'veth', 'peer', 'name', peer, 'netns', to];
  ip('-n', from, ...words);
  for (const [namespace, name, host] of [
    [from, device, 1],
    [to, peer, 2],
  ] as const) {
    ip('-n', namespace, 'addr', 'add', `${net}.${host}/24`, 'dev', name);
    ip('-n', namespace, 'link', 'set', name, 'up');
  }
}

/** Processes that are in the network, as `1234 node`. */
export function processesIn(network: SoakNetwork): string[] {
  return namespaces(network).flatMap((each) => {
    try {
      const pids = ip('netns', 'pids', each).split('\n').filter(Boolean);
      return pids.map((pid) => `${pid} ${programOf(Number(pid))}`);
    } catch {
      // It is gone already, and nothing is in it.
      return [];
    }
  });
}

function programOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '(ended)';
  }
}

/** Takes it away with all that still runs in it. */
export function removeNetwork(network: SoakNetwork): void {
  for (const each of processesIn(network)) {
    try {
      process.kill(Number.parseInt(each, 10), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  for (const each of namespaces(network)) {
    try {
      ip('netns', 'del', each);
    } catch {
      // It was never made.
    }
  }
}
