import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { limits } from '../limits.ts';
import { type Answer, failure } from './answer.ts';
import type { Dispatch } from './dispatch.ts';
import { ApiError } from './errors.ts';
import type { RawRequest } from './request.ts';

export interface ListenOptions {
  readonly dispatch: Dispatch;
  /** Whether the control plane can serve calls now. */
  readonly isReady: () => Promise<boolean>;
}

/**
 * The HTTP server: every call is a GET or POST of `/`, taken as bytes and handed to dispatch.
 * Whatever else comes in is answered as an API error too, never as HTML.
 */
export function createListener({ dispatch, isReady }: ListenOptions): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAlive,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    return503OnClosing: false,
    http: { maxHeaderSize: limits.headerBytes + limits.queryBytes },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  const rpc = async (request: FastifyRequest, reply: FastifyReply) => {
    const left = new AbortController();
    reply.raw.once('close', () => left.abort());
    return send(reply, await dispatch(toRaw(request), left.signal));
  };
  server.route({ method: ['GET', 'POST'], url: '/', handler: rpc });
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const ready = await isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
  server.setNotFoundHandler((request, reply) => {
    const isRoot = request.url === '/' || request.url.startsWith('/?');
    send(reply, refuse(request, isRoot ? 'UnsupportedHTTPMethod' : 'InvalidAction.NotFound'));
  });
  server.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
    const ours = (error.statusCode ?? 500) >= 500;
    send(reply, refuse(request, ours ? 'InternalError' : 'UnsupportedParameter', error.message));
  });
  return server;
}

function toRaw(request: FastifyRequest): RawRequest {
  return {
    method: request.method,
    url: request.raw.url ?? '/',
    headers: request.headers,
    body: request.body instanceof Buffer ? request.body : noBody,
    sourceIp: request.socket.remoteAddress ?? '',
    secure: 'encrypted' in request.socket,
  };
}

const noBody = Buffer.alloc(0);

function refuse(
  request: FastifyRequest,
  code:
    | 'UnsupportedHTTPMethod'
    | 'InvalidAction.NotFound'
    | 'UnsupportedParameter'
    | 'InternalError',
  detail?: string,
): Answer {
  const context = {
    format: 'JSON',
    requestId: crypto.randomUUID().toUpperCase(),
    host: /^[\w.:[\]-]{1,255}$/.test(request.headers.host ?? '') ? request.host : 'localhost',
    scheme: 'http',
  } as const;
  return failure(context, new ApiError(code, detail === undefined ? {} : { detail }));
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .send(typeof body === 'string' ? body : Readable.from(body, { objectMode: false }));
}
