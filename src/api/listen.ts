import { randomUUID } from 'node:crypto';
import type https from 'node:https';
import type { BlockList, Socket } from 'node:net';
import Fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import { limits } from '../limits.ts';
import { type Answer, failure } from './answer.ts';
import { boundConnections } from './connections.ts';
import { createDelivery, refusal, send } from './delivery.ts';
import type { Dispatch } from './dispatch.ts';
import { ApiError, type ErrorCode } from './errors.ts';
import { peerOf } from './peer.ts';
import type { RawRequest } from './request.ts';
import type { DoorTls } from './tls.ts';
import { boundUnproven } from './unproven.ts';

export interface ListenOptions {
  readonly dispatch: Dispatch;
  /** Whether the control plane can serve calls now; a rejection counts as no. */
  readonly isReady: () => Promise<boolean>;
  /** Told of faults of the HTTP server itself; those of calls are dispatch's to tell. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Absent = plain HTTP. */
  readonly tls?: DoorTls;
  /** Whose word on a caller's address and scheme counts. */
  readonly proxies?: BlockList;
}

/**
 * The HTTP server: every call is a GET or POST of `/`, taken as bytes and handed to dispatch.
 * Whatever else comes in is answered as an API error too, never as HTML. Pages of other parts are
 * routed on what it returns, before `listen`. `close` ends idle connections and streams, and
 * lets calls that run finish.
 */
export function createListener(options: ListenOptions): FastifyInstance {
  const { isReady, onFault, tls, proxies } = options;
  const server = createServer(tls, {
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAlive,
    connectionTimeout: limits.socketIdle,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    return503OnClosing: false,
    clientErrorHandler: refuseBytes,
    frameworkErrors: (error, request, reply) => {
      send(reply, refuse(request, proxies, 'UnsupportedParameter', error.message));
    },
    // Dispatch reads the query itself, as the signature needs it.
    routerOptions: { querystringParser: () => ({}) },
  });
  server.server.maxConnections = limits.connections;
  boundConnections(server.server, limits.connectionsPerAddress, proxies);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  routeCalls(server, options);
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const ready = await isReady().catch(() => false);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
  server.setNotFoundHandler((request, reply) => {
    const isRoot = request.url === '/' || request.url.startsWith('/?');
    send(
      reply,
      refuse(request, proxies, isRoot ? 'UnsupportedHTTPMethod' : 'InvalidAction.NotFound'),
    );
  });
  server.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
    const isOurs = (error.statusCode ?? 500) >= 500;
    const answer = isOurs
      ? refuse(request, proxies, 'InternalError')
      : refuse(request, proxies, 'UnsupportedParameter', error.message);
    if (isOurs) onFault(error, answer.headers['x-acs-request-id'] ?? '');
    send(reply, answer);
  });
  return server;
}

/** A server of HTTP or, with a certificate to show, HTTPS. */
function createServer(tls: DoorTls | undefined, options: FastifyServerOptions): FastifyInstance {
  const http = {
    maxHeaderSize: limits.headerBytes + limits.queryBytes,
    // Node holds a slow body against the longer of both times.
    headersTimeout: limits.requestTimeout,
    connectionsCheckingInterval: limits.slowRequestCheck,
  };
  if (tls === undefined) return Fastify({ ...options, http });
  const handshakeTimeout = limits.requestTimeout;
  const server = Fastify({
    ...(options as object),
    https: { ...http, ...tls.options, handshakeTimeout },
  }) as unknown as FastifyInstance;
  // Connections that stand keep what they agreed on; new ones are shown the new certificate.
  tls.follow((renewed) => (server.server as https.Server).setSecureContext(renewed));
  return server;
}

/** Hands calls to dispatch, once their bodies may be read. */
function routeCalls(server: FastifyInstance, { dispatch, proxies }: ListenOptions): void {
  const deliver = createDelivery(server);
  const unproven = boundUnproven(proxies);
  server.route({
    method: ['GET', 'POST'],
    url: '/',
    onRequest: (request, reply, next) => {
      const refused = unproven.admit(request, reply);
      if (refused === undefined) next();
      // Its body is not read, so nothing else can come on this connection.
      else send(reply.header('connection', 'close'), refusal(request, proxies, refused));
    },
    handler: (request, reply) =>
      deliver(reply, (left) => {
        const onProven = () => unproven.prove(request);
        return dispatch({ ...toRaw(request, proxies), onProven }, left);
      }),
  });
}

function toRaw(request: FastifyRequest, proxies: BlockList | undefined): RawRequest {
  return {
    method: request.method,
    url: request.raw.url ?? '/',
    headers: request.headers,
    body: request.body instanceof Buffer ? request.body : noBody,
    ...peerOf(request.raw, proxies),
  };
}

const noBody = Buffer.alloc(0);

function refuse(
  request: FastifyRequest,
  proxies: BlockList | undefined,
  code: ErrorCode,
  detail?: string,
): Answer {
  return refusal(request, proxies, new ApiError(code, detail === undefined ? {} : { detail }));
}

/**
 * Answers bytes that are no HTTP request, or one too large or too slow, and hangs up. Whoever has
 * gone, or speaks no TLS where it is due, could not read an answer.
 */
function refuseBytes(error: { readonly code?: string; readonly message: string }, socket: Socket) {
  if (!/^(HPE|ERR_HTTP)_/.test(error.code ?? '') || !socket.writable) {
    socket.destroy();
    return;
  }
  const context = {
    format: 'JSON',
    requestId: randomUUID().toUpperCase(),
    host: 'localhost',
    scheme: 'encrypted' in socket ? 'https' : 'http',
  } as const;
  const answer = failure(context, new ApiError('UnsupportedParameter', { detail: error.message }));
  const body = String(answer.body);
  const head = Object.entries({
    ...answer.headers,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${answer.status} Bad Request\r\n${head.join('')}\r\n${body}`);
}
