import { createHash } from 'node:crypto';
import net from 'node:net';
import type { BackendKey, Listener, ServerType } from '../../elb/types.ts';

/**
 * Everything that reaches HAProxy's files or sockets, or nft, goes through here: typed values in,
 * tokens of a checked alphabet out. The API refuses what does not fit, so a value that fails here
 * is a fault of ours: it throws, and nothing is written or sent.
 */

/** A value that an engine could read as something else than what it is. */
export class UnsafeValue extends Error {
  constructor(value: unknown, what: string) {
    super(`${JSON.stringify(value)?.slice(0, 100)} is no ${what} for an engine`);
    this.name = 'UnsafeValue';
  }
}

/** An id: letters, digits and `-`. */
export function idToken(id: string): string {
  return matching(id, /^[A-Za-z0-9-]{1,64}$/, 'id');
}

/** An IPv4 or IPv6 address as HAProxy itself prints it; no zone. */
export function addressToken(address: string): string {
  const version = typeof address === 'string' && !address.includes('%') ? net.isIP(address) : 0;
  if (version === 0) throw new UnsafeValue(address, 'address');
  if (version === 4) return address;
  return new net.SocketAddress({ address, family: 'ipv6' }).address;
}

/** A whole number within bounds. */
export function numberToken(value: number, min: number, max: number): string {
  if (Number.isInteger(value) && value >= min && value <= max) return String(value);
  throw new UnsafeValue(value, `whole number from ${min} to ${max}`);
}

export function portToken(port: number): string {
  return numberToken(port, 1, 65_535);
}

/** A host name, without the signs that a header's format gives a meaning to. */
export function hostToken(host: string): string {
  return matching(host, /^[A-Za-z0-9._:-]{1,253}$/, 'host name');
}

/** A text in single quotes, where HAProxy takes every sign but the quote for itself. */
export function quoted(text: string): string {
  return `'${matching(text, /^[\x21-\x26\x28-\x7e]{1,255}$/, 'text')}'`;
}

/** The path of a file or socket, from our own settings. */
export function pathToken(path: string): string {
  return matching(path, /^[A-Za-z0-9/._@+~-]{1,200}$/, 'path (letters, digits and /._@+~-)');
}

/** `1.2.3.4:80` or `[::1]:80`, as HAProxy binds and dials it. */
export function endpoint(address: string, port: number): string {
  const host = addressToken(address);
  return `${host.includes(':') ? `[${host}]` : host}:${portToken(port)}`;
}

function matching(text: string, alphabet: RegExp, what: string): string {
  if (typeof text === 'string' && alphabet.test(text)) return text;
  throw new UnsafeValue(text, what);
}

/** What the name of a section tells. */
export interface SectionName {
  readonly loadBalancerId: string;
  /** `tcp:80` */
  readonly listener: string;
  /** `lb-5….tcp-80`: what all sections of one listener begin with. */
  readonly prefix: string;
  readonly role: SectionRole;
}

/**
 * `front` accepts; `pool` has the probed servers; `open` has the same ones unprobed, for when no
 * probe succeeds; `next` leads from a worker that a reload has replaced to the one that accepts;
 * `stick` remembers which client went where.
 */
export type SectionRole = 'front' | 'pool' | 'open' | 'next' | 'stick';

/** `lb-5….tcp-80` */
export function sectionPrefix(loadBalancerId: string, listener: Listener): string {
  return `${idToken(loadBalancerId)}.${listener.protocol}-${portToken(listener.port)}`;
}

/** The file with the certificate of a listener, whichever it is: `lb-5….https-443.pem`. */
export function certificateFile(prefix: string): string {
  return `${matching(prefix, /^[A-Za-z0-9-]{1,64}\.https-\d{1,5}$/, 'HTTPS listener')}.pem`;
}

/** The name of a cookie. */
export function cookieToken(name: string): string {
  return matching(name, /^[A-Za-z0-9]{1,200}$/, 'cookie name');
}

/** What names a site's lease in an engine: 16 hexadecimal digits, whatever signs the site has. */
export function leaseToken(site: string): string {
  return createHash('sha256').update(siteToken(site)).digest('hex').slice(0, 16);
}

/** A site's id: letters, digits, `-` and `_`. */
export function siteToken(site: string): string {
  return matching(site, /^[A-Za-z0-9_-]{1,64}$/, 'site');
}

/** Undefined: not a section of ours. */
export function parseSection(name: string): SectionName | undefined {
  const found =
    /^(([A-Za-z0-9-]+)\.(tcp|https?)-(\d+))\.(?:[0-9a-f]+\.)?(front|pool|open|next|stick)$/;
  const [, prefix, loadBalancerId, protocol, port, role] = found.exec(name) ?? [];
  if (prefix === undefined || loadBalancerId === undefined) return undefined;
  return { loadBalancerId, listener: `${protocol}:${port}`, prefix, role: role as SectionRole };
}

/** The slot of an attached server: one-to-one with what tells two entries of a pool apart. */
export function serverName({ serverId, type, ip, port }: BackendKey): string {
  const kind = matching(type, /^(ens|eni)$/, 'server type');
  return `${idToken(serverId)}.${kind}.${addressToken(ip)}.${numberToken(port, 0, 65_535)}`;
}

/** What the name of a slot tells; undefined: not a slot of ours. */
export function parseServer(name: string): BackendKey | undefined {
  const [, serverId, type, ip, port] =
    /^([A-Za-z0-9-]+)\.(ens|eni)\.([0-9a-f.:]+)\.(\d+)$/.exec(name) ?? [];
  if (serverId === undefined || ip === undefined) return undefined;
  return { serverId, type: type as ServerType, ip, port: Number(port) };
}
