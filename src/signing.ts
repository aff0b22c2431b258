import { createHmac, hash } from 'node:crypto';

/**
 * Alibaba Cloud's RPC signatures, pure: the canonical texts and their HMACs. The door verifies
 * with them, our own client signs with them. What SDKs call V1 (`SignatureVersion=1.0`) and V3
 * (`ACS3-HMAC-SHA256`).
 */

const unreserved = /^[\w.~-]*$/;
/** What encodeURIComponent leaves alone and RFC 3986 does not. */
const left = /[!'()*]/;

/** RFC 3986 encoding of UTF-8: all but `A-Z a-z 0-9 - _ . ~` as `%XX`. */
export function percentEncode(text: string): string {
  if (unreserved.test(text)) return text;
  const encoded = encodeURIComponent(text.toWellFormed());
  if (!left.test(encoded)) return encoded;
  // A function that is called for each sign would take six times as long on a text full of them.
  return encoded
    .replaceAll('!', '%21')
    .replaceAll("'", '%27')
    .replaceAll('(', '%28')
    .replaceAll(')', '%29')
    .replaceAll('*', '%2A');
}

/** `name=value` joined by `&`, sorted by name in byte order, both encoded; empty values stay. */
export function canonicalQuery(parameters: Iterable<readonly [string, string]>): string {
  let text = '';
  for (const [name, value] of [...parameters].sort(byName)) {
    text += `${text === '' ? '' : '&'}${percentEncode(name)}=${percentEncode(value)}`;
  }
  return text;
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * V1's string to sign: method, `/` and the canonical query, each encoded, joined by `&`.
 * @param method the real HTTP method, upper case
 * @param parameters query and form together, decoded, without `Signature`
 */
export function stringToSignV1(
  method: string,
  parameters: Iterable<readonly [string, string]>,
): string {
  let text = '';
  for (const [name, value] of [...parameters].sort(byName)) {
    text += `${text === '' ? '' : '%26'}${encodeTwice(name)}%3D${encodeTwice(value)}`;
  }
  return `${method}&%2F&${text}`;
}

/** `percentEncode` of `percentEncode`: all that the second one finds to encode is the `%`. */
function encodeTwice(text: string): string {
  const once = percentEncode(text);
  return once.includes('%') ? once.split('%').join('%25') : once;
}

/** V1's signature: base64 of the HMAC under `<secret>&`. */
export function signV1(
  secret: string,
  stringToSign: string,
  algorithm: 'sha1' | 'sha256' = 'sha1',
): string {
  return createHmac(algorithm, `${secret}&`).update(stringToSign).digest('base64');
}

export const v3Algorithm = 'ACS3-HMAC-SHA256';

/** What V3 signs of a request. */
export interface V3Request {
  readonly method: string;
  /** Decoded query parameters. */
  readonly query: Iterable<readonly [string, string]>;
  /** Signed headers, names in lower case. */
  readonly headers: Iterable<readonly [string, string]>;
  /** Lower-case hex SHA-256 of the body. */
  readonly payloadHash: string;
}

/** V3's canonical request for path `/`. */
export function canonicalRequestV3({ method, query, headers, payloadHash }: V3Request): string {
  const sorted = [...headers].sort(byName);
  const lines = sorted.map(([name, value]) => `${name}:${value.trim()}\n`).join('');
  const names = sorted.map(([name]) => name).join(';');
  return `${method}\n/\n${canonicalQuery(query)}\n${lines}\n${names}\n${payloadHash}`;
}

/** V3's string to sign. */
export function stringToSignV3(canonicalRequest: string): string {
  return `${v3Algorithm}\n${sha256Hex(canonicalRequest)}`;
}

/** V3's signature: hex of the HMAC under the bare secret. */
export function signV3(secret: string, stringToSign: string): string {
  return createHmac('sha256', secret).update(stringToSign).digest('hex');
}

/** Lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

/** UTC as signatures and answers write it: `yyyy-MM-ddTHH:mm:ssZ`, from Unix milliseconds. */
export function isoSeconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
