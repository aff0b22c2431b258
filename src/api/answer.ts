import type { IncomingHttpHeaders } from 'node:http';
import XMLBuilder from 'fast-xml-builder';
import { limits } from '../limits.ts';
import type { AnswerHeaders } from './call.ts';
import type { ApiError } from './errors.ts';
import type { Format } from './request.ts';

/** An answer ready to be sent: a text, or a stream of lines. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | AsyncIterable<string>;
}

/** What an answer is about. */
export interface AnswerContext {
  readonly format: Format;
  readonly requestId: string;
  /** The host the client called, without scheme. */
  readonly host: string;
  readonly scheme: 'http' | 'https';
}

/** SDKs compare these texts to the letter to choose a parser. */
const contentTypes = {
  JSON: 'application/json;charset=utf-8',
  XML: 'text/xml;charset=utf-8',
} as const;

const xml = new XMLBuilder({ ignoreAttributes: false, suppressEmptyNode: false });

/** A success: the action's output with the request id on top. */
export function success(
  context: AnswerContext,
  action: string,
  output: Readonly<Record<string, unknown>>,
  headers: AnswerHeaders,
): Answer {
  const { commands } = headers;
  const body = {
    RequestId: context.requestId,
    ...output,
    ...(commands === undefined ? {} : { DryRun: { Commands: commands } }),
  };
  return {
    status: 200,
    headers: { ...commonHeaders(context), ...sluiceHeaders(headers) },
    body: print(context.format, `${action}Response`, body),
  };
}

/** A success that is a stream of JSON lines. */
export function streaming(context: AnswerContext, lines: AsyncIterable<string>): Answer {
  return {
    status: 200,
    headers: { ...commonHeaders(context), 'content-type': 'application/x-ndjson' },
    body: lines,
  };
}

/**
 * An error: Code, Message, RequestId, HostId and Recommend are texts and never absent, and
 * AccessDeniedDetail is an object; clients crash otherwise.
 */
export function failure(context: AnswerContext, error: ApiError): Answer {
  const body = {
    RequestId: context.requestId,
    HostId: context.host,
    Code: error.code,
    Message: error.message,
    Recommend: `${context.scheme}://${context.host}/docs/errors/${encodeURIComponent(error.code)}`,
    ...(error.accessDenied === undefined ? {} : { AccessDeniedDetail: error.accessDenied }),
  };
  const { retryAfterMs, detail } = error;
  return {
    status: error.status,
    headers: {
      ...commonHeaders(context),
      ...(retryAfterMs === undefined ? {} : { 'x-acs-retry-after': String(retryAfterMs) }),
      ...(detail === undefined ? {} : { 'x-sluice-detail': headerText(detail) }),
    },
    body: print(context.format, 'Error', body),
  };
}

function commonHeaders({ format, requestId }: AnswerContext): Record<string, string> {
  const trace = requestId.replaceAll('-', '').toLowerCase();
  return {
    'content-type': contentTypes[format],
    'access-control-allow-origin': '*',
    'access-control-expose-headers': '*',
    'x-acs-request-id': requestId,
    'x-acs-trace-id': trace,
    // The request id makes every body unlike any other, so a part of it tells bodies apart.
    etag: `"${trace.slice(0, 16)}"`,
  };
}

function sluiceHeaders(said: AnswerHeaders): Record<string, string> {
  const { revision, applied, ignored, detail } = said;
  return {
    ...(detail === undefined ? {} : { 'x-sluice-detail': headerText(detail) }),
    ...(revision === undefined ? {} : { 'x-sluice-revision': String(revision) }),
    ...(applied === undefined ? {} : { 'x-sluice-applied': applied }),
    ...(ignored === undefined ? {} : { 'x-sluice-ignored': headerText(ignored.join(',')) }),
  };
}

/** The host that the client called; what cannot be a host name is not repeated. */
export function hostOf(headers: IncomingHttpHeaders): string {
  const host = headers.host ?? '';
  return /^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost';
}

/** Printable ASCII of bounded length: what a header may carry. */
function headerText(text: string): string {
  return text.slice(0, limits.headerText).replaceAll(/[^\x20-\x7e]/g, '?');
}

/** A body as it goes over the wire; `root` is the name of its XML element. */
export function print(
  format: Format,
  root: string,
  body: Readonly<Record<string, unknown>>,
): string {
  return format === 'JSON'
    ? JSON.stringify(body)
    : `<?xml version="1.0" encoding="UTF-8"?>${xml.build({ [root]: withElementNames(body) })}`;
}

const elementName = /^[A-Za-z_][\w.-]*$/;

/** The same with names that XML takes: callers choose those of some members. */
function withElementNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withElementNames);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      elementName.test(name) ? name : `_${name.replaceAll(/[^\w.-]/g, '_')}`,
      withElementNames(member),
    ]),
  );
}
