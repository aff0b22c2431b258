import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { formatAddress, parseAddress } from '../elb/cidr.ts';

/** Who is at the other end of a request, as far as it can be believed. */
export interface Peer {
  readonly sourceIp: string;
  /** It came over TLS, to us or to a proxy that we trust. */
  readonly secure: boolean;
}

/**
 * The proxies whose word counts: addresses and networks such as `10.0.0.1` and `10.0.0.0/8`.
 * @throws TypeError for a text that is neither
 */
export function trustedProxies(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', length, ...rest] = text.split('/');
    const family = isIP(address);
    const longest = family === 4 ? 32 : 128;
    const prefix = length === undefined ? longest : /^\d{1,3}$/.test(length) ? Number(length) : -1;
    if (family === 0 || rest.length > 0 || prefix < 0 || prefix > longest) {
      throw new TypeError(`${text} is no address or network`);
    }
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/**
 * The caller's address and whether its way was encrypted. A trusted proxy's X-Forwarded-For is
 * read from its end, where each proxy adds the one that it was called by, up to the first address
 * that is not trusted; what stands before that anybody may have written. Of X-Forwarded-Proto
 * the last word counts, our own proxy's.
 */
export function peerOf(
  request: { readonly socket: Socket; readonly headers: IncomingHttpHeaders },
  proxies?: BlockList,
): Peer {
  const { socket, headers } = request;
  const nearest = plain(socket.remoteAddress ?? '');
  const encrypted = 'encrypted' in socket;
  if (proxies === undefined || !isTrusted(proxies, nearest)) {
    return { sourceIp: nearest, secure: encrypted };
  }
  let sourceIp = nearest;
  for (const said of words(headers['x-forwarded-for']).reverse()) {
    const address = plain(said);
    if (isIP(address) === 0) break;
    sourceIp = address;
    if (!isTrusted(proxies, address)) break;
  }
  const scheme = words(headers['x-forwarded-proto']).at(-1)?.toLowerCase();
  return { sourceIp, secure: scheme === undefined ? encrypted : scheme === 'https' };
}

export function isTrusted(proxies: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && proxies.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function words(header: string | readonly string[] | undefined): string[] {
  const text = typeof header === 'string' ? header : (header ?? []).join();
  return text.split(',').flatMap((word) => word.trim() || []);
}

/** Whether nobody between the caller and this machine can have changed a request on its way. */
export function isPrivate({ sourceIp, secure }: Peer): boolean {
  return secure || sourceIp === '::1' || sourceIp.startsWith('127.');
}

/** What counts as one caller: an IPv4 address; by IPv6 a caller has a whole /64 to call from. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const { bits, value } = parseAddress(address) ?? {};
  return bits === 128 ? formatAddress(bits, (value! >> 64n) << 64n) : address;
}

/** An IPv4 address as such also where a socket of both families tells it. */
export function plain(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') && address.includes('.')
    ? address.slice(7)
    : address;
}
