import { type Block, hasHostBits, parseBlock } from './elb/cidr.ts';
import { isStoreSpec, storeForms } from './store/open.ts';
import { UsageError } from './usage.ts';

/** Values of settings: each reads one text, and throws UsageError with where it came from. */

/** Port 0 lets the system choose. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Calls a second: as documented, unlimited, or of an API and of an account. */
export type ThrottleSetting =
  | 'documented'
  | 'off'
  | { readonly perApi: number; readonly perAccount: number };

/** A value and where it came from, for the message when it is bad. */
export interface Given {
  readonly text: string;
  readonly source: string;
}

export function bad({ source, text }: Given, wanted: string): UsageError {
  return new UsageError(`${source}: "${text}" is not ${wanted}`);
}

export function toOneOf<const T extends string>(given: Given, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === given.text);
  if (found === undefined) throw bad(given, `one of ${choices.join(', ')}`);
  return found;
}

export function toSwitch(given: Given): boolean {
  return ['1', 'true'].includes(toOneOf(given, ['0', '1', 'false', 'true']));
}

export function toInterface(given: Given): string | undefined {
  if (!/^(?!\.)[A-Za-z0-9_.-]{1,15}$/.test(given.text)) throw bad(given, 'a network interface');
  return given.text === 'none' ? undefined : given.text;
}

/** @returns bytes; undefined for `auto` */
export function toMegabytes(given: Given): number | undefined {
  if (given.text === 'auto') return undefined;
  if (!/^[1-9]\d{0,8}$/.test(given.text)) throw bad(given, 'auto or a number of megabytes');
  return 1_048_576 * Number(given.text);
}

export function toInteger(given: Given, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(given.text) ? Number(given.text) : Number.NaN;
  if (!(value >= min && value <= max)) throw bad(given, `a whole number from ${min} to ${max}`);
  return value;
}

/** `host:port`, or `[address]:port` for IPv6. */
export function toAddress(given: Given): Address {
  const [, ipv6, name, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(given.text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined || Number(port) > 65_535) throw bad(given, 'host:port');
  return { host, port: Number(port) };
}

export function toUrl(given: Given): string {
  const url = URL.parse(given.text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw bad(given, 'an address such as http://127.0.0.1:8080');
  }
  return url.origin;
}

export function toStore(given: Given): string {
  if (!isStoreSpec(given.text)) throw bad(given, storeForms);
  return given.text;
}

export function toThrottle(given: Given): ThrottleSetting {
  if (given.text === 'documented' || given.text === 'off') return given.text;
  const [, perApi, perAccount] = /^([1-9]\d{0,6}),([1-9]\d{0,6})$/.exec(given.text) ?? [];
  if (perApi === undefined) {
    throw bad(given, 'documented, off or two numbers such as 1000,100 (an API, an account)');
  }
  return { perApi: Number(perApi), perAccount: Number(perAccount) };
}

export function toBlocks(given: Given): readonly Block[] {
  return given.text.split(',').flatMap((text) => {
    if (text.trim() === '') return [];
    const block = parseBlock(text.trim());
    if (block !== undefined && !hasHostBits(text.trim())) return [block];
    throw bad(given, 'a list of networks such as 10.0.0.0/8,192.0.2.0/24');
  });
}
