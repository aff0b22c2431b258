import type { FastifyRequest } from 'fastify';
import { ApiError } from '../api/errors.ts';
import type { Peer } from '../api/peer.ts';

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
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  const own = `${secure ? 'https' : 'http'}://${host}`;
  const isForeign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && origin.toLowerCase() !== own.toLowerCase());
  if (isForeign) throw new ApiError('ConsoleRequest.Refused');
}

/** Whether the browser runs on this machine. */
export function isLoopback({ sourceIp }: Peer): boolean {
  return sourceIp === '::1' || sourceIp.startsWith('127.');
}
