import type { IncomingHttpHeaders } from 'node:http';
import { limits } from '../limits.ts';
import { ApiError } from './errors.ts';

export type Format = 'JSON' | 'XML';

/** A request as it came in, with its parameters in one place. */
export interface RpcRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Decoded query parameters. */
  readonly query: readonly (readonly [string, string])[];
  /** Query and form together; on the same name the form wins, as SDKs merge before signing. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly sourceIp: string;
  readonly secure: boolean;
}

/** Bytes of a request as the HTTP server hands them over. */
export interface RawRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly sourceIp: string;
  readonly secure: boolean;
}

const form = 'application/x-www-form-urlencoded';

/**
 * Reads query and form.
 * @throws ApiError UnsupportedParameter when there are more parameters than the bounds allow
 */
export function readRequest(raw: RawRequest): RpcRequest {
  const mark = raw.url.indexOf('?');
  const query = mark < 0 ? [] : decode(raw.url.slice(mark + 1));
  const isForm = (raw.headers['content-type'] ?? '').toLowerCase().startsWith(form);
  const fields = isForm && raw.body.length > 0 ? decode(raw.body.toString('utf8')) : [];
  if (query.length + fields.length > limits.parameters) {
    throw new ApiError('UnsupportedParameter', {
      detail: `more than ${limits.parameters} parameters`,
    });
  }
  return { ...raw, query, parameters: new Map([...query, ...fields]) };
}

function decode(text: string): [string, string][] {
  return [...new URLSearchParams(text)];
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
