import { readFileSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Service } from './service.ts';

const switches = {
  ip: { file: '/proc/sys/net/ipv4/ip_forward', name: 'net.ipv4.ip_forward' },
  ip6: { file: '/proc/sys/net/ipv6/conf/all/forwarding', name: 'net.ipv6.conf.all.forwarding' },
} as const;

/**
 * Why the kernel would not carry clients' packets to the servers of a listener; undefined when it
 * would. Whether a machine is a router is its operator's to decide, so it is told and not changed.
 */
export function forwardingProblem({ family, servers }: Service): string | undefined {
  const { file, name } = switches[family];
  const remote = servers.find(({ ip }) => !isOwn(ip));
  if (remote === undefined || isOn(file)) return undefined;
  return `${name} is 0: packets of clients are not forwarded to ${remote.ip}`;
}

function isOn(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').trim() !== '0';
  } catch {
    // A kernel without this family has no server of it either.
    return false;
  }
}

function isOwn(ip: string): boolean {
  if (ip.startsWith('127.') || ip === '::1') return true;
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return own.some(({ address }) => net.isIP(address) !== 0 && address === ip);
}
