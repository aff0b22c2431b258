import { TLSSocket } from 'node:tls';
import { buildConnector, type Dispatcher, Pool } from 'undici';
import type { Product } from './api/actions/action.ts';
import { limits } from './limits.ts';
import { type Credential, signedRequest } from './signed-request.ts';

/** Which ends of a TLS connection are taken for the API's; neither = what the system trusts. */
export interface Trust {
  /** PEM of the authorities whose certificates count, instead of the public ones. */
  readonly ca?: string;
  /** Takes only certificates (DER) that it knows, whatever names they carry. */
  readonly knows?: (certificate: Buffer) => boolean;
}

export interface RpcClientOptions extends Trust, Credential {
  /** `http://host:port` or `https://…`. */
  readonly endpoint: string;
  /** Milliseconds to a connection; absent: undici's own, 10 s. */
  readonly connectTimeoutMs?: number;
  readonly now?: () => number;
  readonly randomNonce?: () => string;
}

export interface RpcAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface RpcCallOptions {
  /** Further request headers, such as `x-sluice-dry-run`; they are signed too. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An error answer of the API, with what its body said. */
export class RpcError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly recommend: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;

  constructor(answer: RpcAnswer) {
    const body = (answer.body ?? {}) as Record<string, unknown>;
    super(String(body.Message ?? `status ${answer.status}`));
    this.name = 'RpcError';
    this.status = answer.status;
    this.code = String(body.Code ?? 'Unknown');
    this.requestId = String(body.RequestId ?? '');
    this.recommend = String(body.Recommend ?? '');
    this.headers = answer.headers;
    this.body = answer.body;
  }
}

/** Signed calls (V3) to one endpoint over kept-alive connections. */
export class RpcClient {
  /** `http://host:port` */
  readonly endpoint: string;
  readonly #options: RpcClientOptions;
  #pool: Pool;
  readonly #host: string;

  constructor(options: RpcClientOptions) {
    this.#options = options;
    const url = new URL(options.endpoint);
    this.endpoint = url.origin;
    this.#host = url.host;
    this.#pool = this.#openPool();
  }

  /**
   * Calls an action. Values that are no strings travel as decimal or JSON text; undefined and
   * null are left out.
   * @throws RpcError for an error answer; undici's errors when there is no answer
   */
  async call(
    product: Product,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
    options: RpcCallOptions = {},
  ): Promise<RpcAnswer> {
    const answer = await read(await this.#send(product, action, parameters, options));
    if (answer.status !== 200) throw new RpcError(answer);
    return answer;
  }

  /**
   * Calls an action that answers a stream, and yields its lines until it ends.
   * @param onRead called when anything has come in, also when it ends no line yet
   * @throws RpcError for an error answer; undici's errors when the connection breaks, or with the
   *   abort's when `signal` does it
   */
  async *stream(
    product: Product,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    onRead: () => void = () => {},
  ): AsyncIterable<string> {
    // A stream is silent between heartbeats; its reader watches over it, not the pool.
    const response = await this.#send(product, action, parameters, { signal }, 0);
    if (response.statusCode !== 200) throw new RpcError(await read(response));
    yield* lines(response.body, onRead);
  }

  /** Closes its connections, those of running calls included; the next call opens new ones. */
  drop(): void {
    const dropped = this.#pool;
    this.#pool = this.#openPool();
    // Its calls fail with it, and say so to their callers.
    dropped.destroy().catch(() => {});
  }

  /** Closes its connections, those of running calls included. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }

  #openPool(): Pool {
    const connect = connectorOf(this.#options);
    return new Pool(this.endpoint, { connections: limits.clientConnections, connect });
  }

  #send(
    product: Product,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
    { headers = {}, signal }: RpcCallOptions,
    bodyTimeout?: number,
  ): Promise<Dispatcher.ResponseData> {
    const { now = Date.now, randomNonce } = this.#options;
    const call = { product, action, parameters, headers, host: this.#host };
    const request = signedRequest(this.#options, call, now(), randomNonce?.());
    return this.#pool.request({
      method: 'POST',
      path: request.url,
      headers: request.headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(signal === undefined ? {} : { signal }),
      ...(bodyTimeout === undefined ? {} : { bodyTimeout }),
    });
  }
}

function connectorOf({
  ca,
  knows,
  connectTimeoutMs: timeout,
}: RpcClientOptions): buildConnector.BuildOptions | buildConnector.connector {
  const bounds = timeout === undefined ? {} : { timeout };
  if (knows === undefined) return ca === undefined ? bounds : { ...bounds, ca };
  // Only a peer that holds the private key of the certificate it shows can end the handshake.
  const connect = buildConnector({ ...bounds, rejectUnauthorized: false, maxCachedSessions: 0 });
  return (options, done) => {
    connect(options, (error, socket) => {
      if (error !== null) return done(error, null);
      const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
      if (shown !== undefined && knows(shown)) return done(null, socket);
      socket.destroy();
      done(new Error('the door shows a certificate that is not known'), null);
    });
  };
}

async function read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<RpcAnswer> {
  const text = await body.text();
  try {
    return { status: statusCode, headers: flat(headers), body: JSON.parse(text) };
  } catch (cause) {
    const shown = text.slice(0, 200);
    throw new Error(`the answer (status ${statusCode}) is not JSON: ${shown}`, { cause });
  }
}

/** Lines of a stream without their ends; what stands after the last end is dropped. */
async function* lines(body: AsyncIterable<Uint8Array>, onRead: () => void): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  for await (const chunk of body) {
    onRead();
    const [first = '', ...further] = decoder.decode(chunk, { stream: true }).split('\n');
    begun.push(first);
    for (const next of further) {
      yield begun.join('');
      begun = [next];
    }
  }
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
