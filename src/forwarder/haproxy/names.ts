import type { BackendServer, Listener, LoadBalancer } from '../../elb/types.ts';

/**
 * Everything that reaches HAProxy's file or socket goes through here: typed values in, tokens of a
 * checked alphabet out. What does not fit is a fault of ours (the API refuses it first), so it
 * throws and nothing is written.
 */

/** An id of ours or an instance's: letters, digits and `-`. */
export function idToken(id: string): string {
  return checked(id, /^[A-Za-z0-9-]{1,64}$/, 'id');
}

/** An IPv4 or IPv6 address, without zone. */
export function addressToken(address: string): string {
  return checked(address, /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]{2,39})$/, 'address');
}

/** A whole number within bounds. */
export function numberToken(value: number, min: number, max: number): string {
  if (Number.isInteger(value) && value >= min && value <= max) return String(value);
  throw new Error(`${value} is no whole number from ${min} to ${max}`);
}

export function portToken(port: number): string {
  return numberToken(port, 1, 65_535);
}

/** A text in single quotes, where HAProxy takes every sign for itself. */
export function quoted(text: string): string {
  return `'${checked(text, /^[\x21-\x26\x28-\x7e]{1,255}$/, 'text')}'`;
}

function checked(text: string, alphabet: RegExp, what: string): string {
  if (alphabet.test(text)) return text;
  throw new Error(`${JSON.stringify(text)} is no ${what} for HAProxy`);
}

/** `address:port` as HAProxy binds and dials it. */
export function endpoint(address: string, port: number): string {
  const family = address.includes(':') ? 'ipv6@' : '';
  return `${family}${addressToken(address)}:${portToken(port)}`;
}

/** `lb-5…_tcp_80`: names the sections of one listener. */
export function sectionName(loadBalancer: Pick<LoadBalancer, 'id'>, listener: Listener): string {
  return `${idToken(loadBalancer.id)}_${listener.protocol}_${portToken(listener.port)}`;
}

/** The load balancer and listener (`tcp:80`) that a section's name tells of. */
export function parseSection(
  name: string,
): { loadBalancerId: string; listener: string } | undefined {
  const [, loadBalancerId, protocol, port] =
    /^[fbo]_([A-Za-z0-9-]+)_(tcp|http)_(\d+)$/.exec(name) ?? [];
  if (loadBalancerId === undefined) return undefined;
  return { loadBalancerId, listener: `${protocol}:${port}` };
}

/** The slot of an attached server: one-to-one with what tells two entries of a pool apart. */
export function serverName({ type, serverId, ip, port }: BackendServer): string {
  return `${type}.${idToken(serverId)}_${addressToken(ip)}_${numberToken(port, 0, 65_535)}`;
}

/** The server id in a slot's name. */
export function serverIdOf(name: string): string {
  return /^[a-z]+\.([A-Za-z0-9-]+)_/.exec(name)?.[1] ?? name;
}
