import { Pool } from 'undici';
import { limits } from '../limits.ts';

/** PEM texts. */
export interface EtcdTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** One member of the cluster. Watches hold a connection each, so calls have a pool apart. */
export interface Endpoint {
  readonly origin: string;
  readonly calls: Pool;
  readonly streams: Pool;
}

/** etcd understood the request and will not do it, on any endpoint. Nothing was changed. */
export class EtcdRefusal extends Error {
  /** One of `grpc`. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.name = 'EtcdRefusal';
    this.code = code;
  }
}

/** The statuses of a refusal: https://grpc.io/docs/guides/status-codes/ */
export const grpc = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unauthenticated: 16,
} as const;
const refusals: ReadonlySet<unknown> = new Set(Object.values(grpc));

/** A key or value as the gateway wants it. */
export function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A key or value as the gateway sends it; an empty one is left out. */
export function decode(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString();
}

/** Pools for one origin; they connect when the first request needs it. */
export function openEndpoint(origin: string, tls: EtcdTls, connectMs: number): Endpoint {
  const connect = {
    ...tls,
    timeout: connectMs,
    keepAlive: true,
    // The kernel then probes every second and gives a dead link up after ten.
    keepAliveInitialDelay: limits.etcdConnect,
  };
  return {
    origin,
    calls: new Pool(origin, { connect, allowH2: false, connections: limits.etcdConnections }),
    // With HTTP/2 one dead connection would take all watches with it, and hide whose it was.
    streams: new Pool(origin, { connect, allowH2: false, headersTimeout: 0, bodyTimeout: 0 }),
  };
}

/** @throws EtcdRefusal, or any other error when no such answer came before `signal` aborted */
export async function post<Answer>(
  endpoint: Endpoint,
  request: { readonly path: string; readonly headers: Headers; readonly body: string },
  signal: AbortSignal,
): Promise<Answer> {
  const response = await endpoint.calls.request({ ...request, method: 'POST', signal });
  const text = await response.body.text();
  if (response.statusCode === 200) return JSON.parse(text) as Answer;
  throw failureOf(text);
}

export type Headers = Readonly<Record<string, string>>;

/** The error in an answer: `{error, code}`, or as a line of a stream `{message, grpc_code}`. */
export function failureOf(text: string): Error {
  let failure: { error?: string; message?: string; code?: number; grpc_code?: number };
  try {
    failure = JSON.parse(text);
  } catch {
    // A proxy's page, or "404 page not found" from an etcd before 3.4: no JSON.
    return new Error(`no answer of etcd's gateway: ${text.slice(0, 200)}`);
  }
  const message = failure.error ?? failure.message ?? text.slice(0, 200);
  const code = failure.code ?? failure.grpc_code;
  return code !== undefined && refusals.has(code)
    ? new EtcdRefusal(message, code)
    : new Error(message);
}

/** Whether a failed request may have reached etcd; not when there was no connection. */
export function mayHaveArrived(error: unknown): boolean {
  const { code, syscall, errors } = error as Partial<NodeJS.ErrnoException & AggregateError>;
  if (errors !== undefined) return errors.some(mayHaveArrived);
  const unconnected =
    code === 'UND_ERR_CONNECT_TIMEOUT' || syscall === 'connect' || syscall === 'getaddrinfo';
  return !unconnected;
}

/**
 * Lines of a streamed body, without their newline.
 * @param heard called for every piece that arrives
 * @throws LineTooLong past limits.etcdLineBytes
 */
export async function* readLines(
  body: AsyncIterable<Buffer>,
  heard: () => void,
): AsyncGenerator<string, void, undefined> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    heard();
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end));
      yield Buffer.concat(pieces).toString();
      pieces = [];
      bytes = 0;
      start = end + 1;
    }
    pieces.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > limits.etcdLineBytes) throw new LineTooLong();
  }
}

/** A line past limits.etcdLineBytes; asking for it again would not make it shorter. */
export class LineTooLong extends Error {
  constructor() {
    super(`a line of more than ${limits.etcdLineBytes} bytes`);
  }
}
