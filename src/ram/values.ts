/** Values of conditions, which policies and requests carry as text; undefined for what is none. */

const dateForm =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d))$/;

/** ISO 8601 with `Z` or an offset, as Unix milliseconds. */
export function readDate(text: string): number | undefined {
  const match = dateForm.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '00', fraction = '', sign, ...offset] = match;
  const [offsetHours = 0, offsetMinutes = 0] = sign === undefined ? [] : offset.map(Number);
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const time = Date.parse(`${local}.${fraction.padEnd(3, '0').slice(0, 3)}Z`);
  // A 30th of February would else count as the 2nd of March.
  const isReal = !Number.isNaN(time) && new Date(time).toISOString().startsWith(local);
  if (!isReal || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000;
  return time - (sign === '-' ? -offsetMs : offsetMs);
}

/** A decimal number: `digits` divided by ten to the power of `scale`, exact at any length. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

export function readDecimal(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d{1,100})(?:\.(\d{1,100}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  const digits = BigInt(whole + fraction);
  return { digits: sign === '-' ? -digits : digits, scale: fraction.length };
}

/** Below 0, 0, or above 0. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const left = a.digits * 10n ** BigInt(b.scale);
  const right = b.digits * 10n ** BigInt(a.scale);
  return left < right ? -1 : Number(left > right);
}

export function readBool(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
}

/** Addresses that agree in their first `prefix` of `bits` bits; a single one has them all. */
export interface AddressBlock {
  readonly bits: number;
  readonly value: bigint;
  readonly prefix: number;
}

/**
 * An address or a block, IPv4 or IPv6. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is the
 * IPv4 address: a socket for both kinds shows its peers so.
 */
export function readBlock(text: string): AddressBlock | undefined {
  const match = /^([0-9a-fA-F:.]{2,45})(?:\/(0|[1-9]\d{0,2}))?$/.exec(text);
  if (match === null) return undefined;
  const [, address = '', length] = match;
  const value = readIpv4(address) ?? readIpv6(address);
  if (value === undefined) return undefined;
  const bits = address.includes(':') ? 128 : 32;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return undefined;
  const isMapped = bits === 128 && prefix >= 96 && value >> 32n === 0xffffn;
  return isMapped
    ? { bits: 32, value: value & 0xffff_ffffn, prefix: prefix - 96 }
    : { bits, value, prefix };
}

/** True when every address of `inner` is in `outer`. */
export function contains(outer: AddressBlock, inner: AddressBlock): boolean {
  const host = BigInt(outer.bits - outer.prefix);
  return (
    outer.bits === inner.bits &&
    outer.prefix <= inner.prefix &&
    outer.value >> host === inner.value >> host
  );
}

/** No leading zeros: programs differ on whether those mean octal. */
function readIpv4(text: string): bigint | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function readIpv6(text: string): bigint | undefined {
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (tail.includes('.')) {
    const ipv4 = readIpv4(tail);
    if (ipv4 === undefined) return undefined;
    const groups = `${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`;
    return readIpv6(text.slice(0, -tail.length) + groups);
  }
  const halves = text.split('::');
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const gap = 8 - head.length - rest.length;
  if (halves.length > 2 || (halves.length === 2 ? gap < 1 : gap !== 0)) return undefined;
  const groups = [...head, ...Array<string>(gap).fill('0'), ...rest];
  if (groups.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}
