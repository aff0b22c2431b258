import type { BlockList } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { limits } from '../limits.ts';
import { ApiError } from './errors.ts';
import { networkOf, peerOf } from './peer.ts';
import { isV3 } from './request.ts';

/** Lets a request have its body read, or says why not. */
export interface Unproven {
  /** @returns the refusal; undefined = its body may be read */
  admit(request: FastifyRequest, reply: FastifyReply): ApiError | undefined;
  /** The caller has proven who it is: its place is free for another. */
  prove(request: FastifyRequest): void;
}

/**
 * Bounds what callers make the server hold before they have proven anything: of each address (by
 * IPv6 of each /64) a few long bodies at once, and no form that is longer than V1 takes.
 */
export function boundUnproven(proxies?: BlockList): Unproven {
  const places = new Map<string, number>();
  const held = new Map<FastifyRequest, string>();
  const leave = (request: FastifyRequest) => {
    const network = held.get(request);
    if (network === undefined) return;
    held.delete(request);
    const left = places.get(network)! - 1;
    if (left === 0) places.delete(network);
    else places.set(network, left);
  };
  return {
    prove: leave,
    admit(request, reply) {
      const { headers } = request;
      const isChunked = headers['transfer-encoding'] !== undefined;
      const bytes = isChunked ? Number.POSITIVE_INFINITY : Number(headers['content-length'] ?? 0);
      if (bytes <= limits.unprovenBodyBytes) return undefined;
      if (!isChunked && !isV3(request)) {
        const detail = `a body of more than ${limits.formBytesV1} bytes`;
        return new ApiError('UnsupportedParameter', { detail });
      }
      const network = networkOf(peerOf(request.raw, proxies).sourceIp);
      const count = places.get(network) ?? 0;
      if (count >= limits.unprovenAtOnce) {
        return new ApiError('Throttling', { retryAfterMs: limits.storeRetry });
      }
      places.set(network, count + 1);
      held.set(request, network);
      reply.raw.once('close', () => leave(request));
      return undefined;
    },
  };
}
