import { type Block, contains, isUnicast, overlaps, parseAddress, parseBlock } from './cidr.ts';

/**
 * Where load balancers and servers may be: pure rules on addresses, blocks and ports. What the
 * operator allows, and what the machine and Sluice itself have, comes in.
 */

const blocks = (...texts: readonly string[]) => texts.map((text) => parseBlock(text)!);

const loopback = blocks('127.0.0.0/8', '::1/128');

/**
 * What is never a load balancer's nor a server's: link-local addresses, among them the metadata
 * services of clouds, and IPv4 in IPv6 dress, which would pass by every other rule.
 */
const never = blocks('169.254.0.0/16', 'fe80::/10', '::ffff:0:0/96', '::/96', '64:ff9b::/96');

/** What is never in a pool: unspecified, multicast and reserved addresses too. */
const neverPools = [...never, ...blocks('0.0.0.0/8', '224.0.0.0/3', 'ff00::/8')];

function blockOf(address: string): Block | undefined {
  const parsed = parseAddress(address);
  return parsed && { bits: parsed.bits, first: parsed.value, prefix: parsed.bits };
}

/** True for an address that a load balancer or a server may have on some machine. */
export function isAssignable(address: string): boolean {
  const own = blockOf(address);
  if (own === undefined || !isUnicast(address)) return false;
  return address === '::1' || !never.some((each) => contains(each, own));
}

export function isLoopbackAddress(address: string): boolean {
  const own = blockOf(address);
  return own !== undefined && loopback.some((each) => contains(each, own));
}

/** What the operator allows besides loopback, which the first account has. Empty: all but that. */
export interface Allowed {
  readonly networks: readonly Block[];
}

/**
 * Why a pool may not be an account's, undefined when it may.
 * @param isOperator the first account asks
 */
export function poolProblem(
  pool: Block,
  { networks }: Allowed,
  isOperator: boolean,
): string | undefined {
  // `::/96` holds ::1, which is loopback and judged below.
  const isOneLoopback = loopback.some((each) => contains(each, pool));
  if (!isOneLoopback && neverPools.some((each) => overlaps(each, pool))) {
    return 'Link-local, multicast, unspecified and reserved addresses serve no load balancer.';
  }
  return outsideOf(pool, networks, isOperator, 'pool');
}

/** Why an address may not be a server's, undefined when it may. As poolProblem. */
export function backendProblem(
  address: string,
  { networks }: Allowed,
  isOperator: boolean,
): string | undefined {
  const own = blockOf(address);
  if (own === undefined || !isAssignable(address)) {
    return "Link-local, multicast, unspecified and reserved addresses are no server's.";
  }
  return outsideOf(own, networks, isOperator, 'backend');
}

function outsideOf(
  wanted: Block,
  networks: readonly Block[],
  isOperator: boolean,
  kind: 'pool' | 'backend',
): string | undefined {
  if (isOperator && loopback.some((each) => contains(each, wanted))) return undefined;
  if (networks.length > 0) {
    const isInside = networks.some((each) => contains(each, wanted));
    return isInside ? undefined : `The operator allows other networks (--${kind}-networks).`;
  }
  if (!loopback.some((each) => overlaps(each, wanted))) return undefined;
  return `Loopback is the first account's, unless --${kind}-networks names it.`;
}

/** An address and port of Sluice itself. */
export interface OwnEndpoint {
  /** What it is, for messages: `the API`. */
  readonly name: string;
  /** An address; `0.0.0.0` and `::` stand for every address of this machine. */
  readonly host: string;
  readonly port: number;
}

/**
 * What of Sluice itself is at an address and port, undefined: nothing.
 * @param isMachines tells addresses of this machine, for endpoints that are open at all of them
 */
export function ownEndpointAt(
  address: string,
  port: number,
  endpoints: readonly OwnEndpoint[],
  isMachines: (address: string) => boolean,
): string | undefined {
  const found = endpoints.find((each) => {
    if (each.port !== port) return false;
    if (each.host === address) return true;
    const isEverywhere = each.host === '0.0.0.0' || each.host === '::';
    return isEverywhere && (isLoopbackAddress(address) || isMachines(address));
  });
  return found?.name;
}
