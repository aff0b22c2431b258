import { type Block, formatAddress, sizeOf } from './cidr.ts';

/**
 * Which address of a site's pool a load balancer gets: pure choices, the caller knows what is
 * taken.
 */

interface Hosts {
  readonly first: bigint;
  readonly count: bigint;
}

/**
 * The addresses of a block that hosts may have: without the network's own and the broadcast
 * address in IPv4, without the subnet-router anycast address in IPv6 (RFC 4291, 2.6.1). Blocks of
 * one or two addresses have neither (RFC 3021, RFC 6164).
 */
function hostsOf(block: Block): Hosts {
  const size = sizeOf(block);
  if (size <= 2n) return { first: block.first, count: size };
  return { first: block.first + 1n, count: size - (block.bits === 32 ? 2n : 1n) };
}

/** How many load balancers a pool has addresses for. */
export function hostCount(pool: Block): bigint {
  return hostsOf(pool).count;
}

/** The lowest host address of `pool` that is not in `taken`; undefined when all are. */
export function lowestFreeAddress(pool: Block, taken: ReadonlySet<string>): string | undefined {
  const { first, count } = hostsOf(pool);
  for (let number = 0n; number < count; number += 1n) {
    const address = formatAddress(pool.bits, first + number);
    if (!taken.has(address)) return address;
  }
  return undefined;
}

/** The host address of `pool` that `number` (0 or more) stands for, counted round and round. */
export function addressAt(pool: Block, number: bigint): string {
  const { first, count } = hostsOf(pool);
  return formatAddress(pool.bits, first + (number % count));
}
