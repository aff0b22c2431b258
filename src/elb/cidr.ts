/**
 * Arithmetic on addresses and blocks, IPv4 and IPv6, pure. Addresses are numbers of up to 128
 * bits; a block is its first address and the length of its prefix.
 */

export interface Block {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly prefix: number;
}

/** `10.0.0.0/16` or `2001:db8::/64` as a block; undefined when it is none. */
export function parseBlock(text: string): Block | undefined {
  const [address = '', prefixText = '', ...rest] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefixText)) {
    return undefined;
  }
  const prefix = Number(prefixText);
  if (prefix > parsed.bits) return undefined;
  const host = BigInt(parsed.bits - prefix);
  return { bits: parsed.bits, first: (parsed.value >> host) << host, prefix };
}

/**
 * An address as a number; undefined when the text is none. Parts of IPv4 have no leading zeros:
 * programs differ on whether those mean octal.
 */
export function parseAddress(
  text: string,
): { readonly bits: 32 | 128; readonly value: bigint } | undefined {
  if (/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) {
    const parts = text.split('.').map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return { bits: 32, value: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  }
  const groups = expand(text);
  if (groups === undefined) return undefined;
  return { bits: 128, value: groups.reduce((sum, group) => sum * 65_536n + BigInt(group), 0n) };
}

/** The eight groups of an IPv6 address, `::` filled in. */
function expand(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2 || !/^[0-9a-fA-F:]{2,39}$/.test(text)) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined;
  const all = [...head, ...Array<string>(gap).fill('0'), ...tail];
  if (all.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.map((group) => Number.parseInt(group, 16));
}

/** An address in its canonical text (RFC 5952 for IPv6). */
export function formatAddress(bits: 32 | 128, value: bigint): string {
  if (bits === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 65_535n).toString(16),
  );
  const runs = [...groups.join(':').matchAll(/(?:^|:)(0(?::0)+)(?=:|$)/g)].map(([, run]) => run!);
  const longest = runs.sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) return groups.join(':');
  return groups.join(':').replace(new RegExp(`(^|:)${longest}(:|$)`), '::');
}

/**
 * An address in its one canonical text, so that `2001:DB8:0::1` and `2001:db8::1` compare equal;
 * undefined when the text is none.
 */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address.bits, address.value);
}

/** The one canonical text of a block. */
export function formatBlock({ bits, first, prefix }: Block): string {
  return `${formatAddress(bits, first)}/${prefix}`;
}

/** True for `10.0.0.5/24`: an address inside the block stands for it, most often by mistake. */
export function hasHostBits(text: string): boolean {
  const address = parseAddress(text.split('/')[0] ?? '');
  return address !== undefined && address.value !== parseBlock(text)?.first;
}

/** What no single machine has: unspecified, multicast and reserved addresses. */
const strangers = ['0.0.0.0/8', '224.0.0.0/3', '::/128', 'ff00::/8'].map(
  (text) => parseBlock(text)!,
);

/** True for an address that one machine may have. */
export function isUnicast(text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined) return false;
  const { bits, value } = address;
  return !strangers.some((each) => contains(each, { bits, first: value, prefix: bits }));
}

/** How many addresses a block has. */
export function sizeOf({ bits, prefix }: Block): bigint {
  return 1n << BigInt(bits - prefix);
}

/** True when every address of `inner` is in `outer`. */
export function contains(outer: Block, inner: Block): boolean {
  if (outer.bits !== inner.bits || inner.prefix < outer.prefix) return false;
  const host = BigInt(outer.bits - outer.prefix);
  return inner.first >> host === outer.first >> host;
}

/** True when the blocks share an address. */
export function overlaps(a: Block, b: Block): boolean {
  return contains(a, b) || contains(b, a);
}
