import type { IncomingHttpHeaders } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { plain } from '../api/peer.ts';

type HostHeaders = Pick<IncomingHttpHeaders, 'host' | 'origin' | 'sec-fetch-site'>;

/**
 * Whether a request names this machine as its operator does: by a loopback name, by the address
 * that its connection came to, or by one of `names` (lower case). A name that an attacker points
 * at this machine is none of these, so a page of that name reads nothing here.
 */
export function isOwnHost(
  host: string | undefined,
  { localAddress = '' }: Pick<Socket, 'localAddress'>,
  names: readonly string[],
): boolean {
  const name = nameOf(host);
  if (name === undefined) return false;
  if (name === 'localhost' || name.endsWith('.localhost') || names.includes(name)) return true;
  if (isIP(name) === 0) return false;
  const address = canonical(name);
  return isLoopbackAddress(address) || address === canonical(localAddress);
}

/**
 * Whether a browser says that the page of another origin sends a request. Programs that are no
 * browser say nothing, and pass.
 * @param secure the request came over TLS
 */
export function isForeign(headers: HostHeaders, secure: boolean): boolean {
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  const own = `${secure ? 'https' : 'http'}://${host}`;
  return (
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && origin.toLowerCase() !== own.toLowerCase())
  );
}

export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** The name of a Host header, in lower case and without port and brackets. */
function nameOf(host = ''): string | undefined {
  const [, ipv6, name] =
    /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/@]+?)\.?)(?::\d{1,5})?$/i.exec(host) ?? [];
  return (ipv6 ?? name)?.toLowerCase();
}

/** An address in its one spelling; IPv4 in IPv6 as IPv4. */
function canonical(address: string): string {
  const short = plain(address);
  if (isIP(short) !== 6) return short;
  return URL.parse(`http://[${short}]`)?.hostname.slice(1, -1) ?? short;
}
