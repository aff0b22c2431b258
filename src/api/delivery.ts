import { randomUUID } from 'node:crypto';
import type { BlockList } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Answer, type AnswerContext, failure, hostOf } from './answer.ts';
import type { ApiError } from './errors.ts';
import { peerOf } from './peer.ts';

/** Sends what `answering` makes; its signal aborts when the caller has left. */
export type Deliver = (
  reply: FastifyReply,
  answering: (left: AbortSignal) => Promise<Answer>,
) => Promise<FastifyReply>;

/** How answers leave a server; a stream lives until its reader leaves or the server closes. */
export function createDelivery(server: FastifyInstance): Deliver {
  const streams = new Map<AbortController, FastifyReply>();
  let closing = false;
  server.addHook('preClose', async () => {
    closing = true;
    for (const [stream, { raw }] of streams) {
      // Its headers promised to keep the connection, on which the reader would ask again.
      const { socket } = raw;
      raw.once('finish', () => socket?.end());
      stream.abort();
    }
  });
  return async (reply, answering) => {
    const left = new AbortController();
    reply.raw.once('close', () => {
      streams.delete(left);
      // Aborting costs more than the rest of this handler; an answer that was sent needs none.
      if (!reply.raw.writableFinished) left.abort();
    });
    const answer = await answering(left.signal);
    if (typeof answer.body !== 'string' && !left.signal.aborted) streams.set(left, reply);
    await writeTurn();
    // Else the closing server would wait until the kept-alive connection has idled its time.
    if (closing) reply.header('connection', 'close');
    return send(reply, answer);
  };
}

let turn: Promise<void> | undefined;

/**
 * Resolves when the event loop has read all that has come in. Answers that are written one after
 * the other wake their readers once; each between two reads wakes a sleeping one every time,
 * which under load costs more than the call itself.
 */
function writeTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}

/** The answer to a request that does not come as far as dispatch. */
export function refusal(
  request: FastifyRequest,
  proxies: BlockList | undefined,
  error: ApiError,
): Answer {
  const context: AnswerContext = {
    format: 'JSON',
    requestId: randomUUID().toUpperCase(),
    host: hostOf(request.headers),
    scheme: peerOf(request.raw, proxies).secure ? 'https' : 'http',
  };
  return failure(context, error);
}

/** Sends an answer as it is. */
export function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .send(typeof body === 'string' ? body : Readable.from(body, { objectMode: false }));
}
