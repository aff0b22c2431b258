import type { IncomingHttpHeaders } from 'node:http';
import querystring from 'node:querystring';
import { limits } from '../limits.ts';
import { ApiError } from './errors.ts';

export type Format = 'JSON' | 'XML';

/** Bytes of a request as the HTTP server hands them over. */
export interface RawRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly sourceIp: string;
  readonly secure: boolean;
  /** Told when the caller has proven who it is. */
  readonly onProven?: () => void;
}

/** A request as it came in, with its parameters in one place. */
export interface RpcRequest extends RawRequest {
  /** Decoded query parameters. */
  readonly query: readonly (readonly [string, string])[];
  /** Query and form together; on the same name the form wins, as SDKs merge before signing. */
  readonly parameters: ReadonlyMap<string, string>;
}

const form = 'application/x-www-form-urlencoded';

/** True for V3; everything else is read as V1. */
export function isV3(request: Pick<RawRequest, 'headers'>): boolean {
  return request.headers.authorization?.startsWith('ACS3-') ?? false;
}

/**
 * Reads query and form. Of a name that comes twice in one of them the last counts.
 * @throws ApiError UnsupportedParameter when the bounds do not hold
 */
export function readRequest(raw: RawRequest): RpcRequest {
  const mark = raw.url.indexOf('?');
  const query = mark < 0 ? [] : decode(raw.url.slice(mark + 1), limits.queryBytes);
  const isForm = raw.headers['content-type']?.toLowerCase().startsWith(form) ?? false;
  const bytes = isV3(raw) ? limits.bodyBytes : limits.formBytesV1;
  const fields = isForm ? decode(raw.body.toString('utf8'), bytes) : [];
  if (query.length + fields.length > limits.parameters) tooMany();
  const parameters = new Map(fields.length === 0 ? query : [...query, ...fields]);
  return { ...raw, query, parameters };
}

/** What URLSearchParams does, at a third of its cost on the path of every call. */
function decode(text: string, bytes: number): [string, string][] {
  if (text.length > bytes) {
    throw new ApiError('UnsupportedParameter', { detail: `more than ${bytes} bytes` });
  }
  const pairs: [string, string][] = [];
  for (const part of text.split('&', limits.parameters + 1)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 0) pairs.push([decodeText(part), '']);
    else pairs.push([decodeText(part.slice(0, equals)), decodeText(part.slice(equals + 1))]);
  }
  if (pairs.length > limits.parameters) tooMany();
  return pairs;
}

/** `+` is a space; what is no valid escape or UTF-8 stays or becomes U+FFFD, never an error. */
function decodeText(text: string): string {
  if (!/[%+]/.test(text)) return text;
  // On a hostile text faster than replaceAll, which collects every place first.
  return querystring.unescape(text.split('+').join(' '));
}

function tooMany(): never {
  throw new ApiError('UnsupportedParameter', {
    detail: `more than ${limits.parameters} parameters`,
  });
}

/**
 * The format asked for: `Format`, any case; absent = JSON, which V3 clients need.
 * @throws ApiError InvalidParameter.Format
 */
export function formatOf(parameters: ReadonlyMap<string, string>): Format {
  const format = (parameters.get('Format') || 'JSON').toUpperCase();
  if (format !== 'JSON' && format !== 'XML') throw new ApiError('InvalidParameter.Format');
  return format;
}
