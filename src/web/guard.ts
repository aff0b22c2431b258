import type { FastifyRequest } from 'fastify';
import { ApiError } from '../api/errors.ts';
import type { Peer } from '../api/peer.ts';
import { isForeign, isLoopbackAddress, isOwnHost } from './hosts.ts';

/**
 * What every answer of the console says to the browser: nothing but the origin's own files runs,
 * is shown or is called, no other page frames it or reads from it, and addresses stay here.
 */
export const safetyHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const;

/**
 * Lets pass what a page of this console sends, and programs that are no browser; browsers say
 * themselves when another site's page is asking.
 * @throws ApiError ConsoleRequest.Refused
 */
export function checkOrigin({ headers }: FastifyRequest, { secure }: Peer): void {
  if (isForeign(headers, secure)) throw new ApiError('ConsoleRequest.Refused');
}

/**
 * Refuses a request under a host name that the operator has not configured.
 * @param names host names besides loopback and the address of the connection
 * @throws ApiError ConsoleRequest.Refused
 */
export function checkHost({ headers, socket }: FastifyRequest, names: readonly string[]): void {
  if (isOwnHost(headers.host, socket, names)) return;
  const detail = 'The Host of this request is not configured: set --host-names.';
  throw new ApiError('ConsoleRequest.Refused', { detail });
}

/** Whether the browser runs on this machine. */
export function isLoopback({ sourceIp }: Peer): boolean {
  return isLoopbackAddress(sourceIp);
}
