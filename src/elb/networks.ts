import { contains, hasHostBits, overlaps, parseAddress, parseBlock, sizeOf } from './cidr.ts';
import { Refusal } from './refusal.ts';
import type { VSwitch } from './types.ts';

/** The rules of networks and vSwitches, on blocks as the API writes them. */

/** Documented: a network lies within one of these. */
const privateBlocks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(
  (text) => parseBlock(text)!,
);

/** Documented: the mask of a vSwitch has 16 to 29 bits. */
const vSwitchMask = { min: 16, max: 29 };

/** The first address of a vSwitch and the last three are nobody's, as a vSwitch of VPC has it. */
const reservedAddresses = 4n;

/** True for a block that a network may have: private IPv4, written without host bits. */
export function isNetworkBlock(text: string): boolean {
  const block = parseBlock(text);
  return (
    block !== undefined &&
    !hasHostBits(text) &&
    privateBlocks.some((outer) => contains(outer, block))
  );
}

/** True for a block that a vSwitch may have: IPv4, mask 16 to 29, written without host bits. */
export function isVSwitchBlock(text: string): boolean {
  const block = parseBlock(text);
  return (
    block?.bits === 32 &&
    !hasHostBits(text) &&
    block.prefix >= vSwitchMask.min &&
    block.prefix <= vSwitchMask.max
  );
}

/** True for an IPv6 block, written without host bits. */
export function isIpv6Block(text: string): boolean {
  return parseBlock(text)?.bits === 128 && !hasHostBits(text);
}

/**
 * Lets a vSwitch's block pass that lies within its network and shares no address with a sibling.
 * @param block one that isVSwitchBlock takes
 * @param network the network's own block
 * @throws Refusal InvalidParameter.CidrBlock
 */
export function checkVSwitchBlock(
  block: string,
  network: string,
  siblings: readonly Pick<VSwitch, 'id' | 'cidr'>[],
): void {
  const wanted = parseBlock(block)!;
  const refuse = (detail: string) => new Refusal('InvalidParameter.%s', 'CidrBlock', detail);
  if (!contains(parseBlock(network)!, wanted)) throw refuse(`It is not within ${network}.`);
  const sibling = siblings.find(({ cidr }) => overlaps(parseBlock(cidr)!, wanted));
  if (sibling !== undefined) throw refuse(`It overlaps ${sibling.cidr} of ${sibling.id}.`);
}

/**
 * How many addresses of a vSwitch are nobody's.
 * @param used addresses in use, wherever they lie; only those in the block count, each once
 */
export function freeAddresses(block: string, used: Iterable<string>): number {
  const own = parseBlock(block)!;
  const inside = [...new Set(used)].filter((text) => {
    const address = parseAddress(text);
    if (address === undefined) return false;
    return contains(own, { bits: address.bits, first: address.value, prefix: address.bits });
  });
  return Math.max(0, Number(sizeOf(own) - reservedAddresses) - inside.length);
}
