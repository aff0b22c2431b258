import { createHash, timingSafeEqual } from 'node:crypto';
import { limits } from '../limits.ts';
import {
  canonicalRequestV3,
  sha256Hex,
  signV1,
  signV3,
  stringToSignV1,
  stringToSignV3,
  v3Algorithm,
} from '../signing.ts';
import { ApiError } from './errors.ts';
import type { RpcRequest } from './request.ts';

/** What a request claims before anything is proven. */
export interface Claim {
  readonly action: string;
  readonly version: string;
  readonly accessKeyId: string;
  readonly securityToken: string | undefined;
  readonly nonce: string;
  readonly timestamp: string;
  readonly signature: string;
  /** What the server would sign. */
  readonly stringToSign: string;
  /** The signature that a secret gives. */
  expected(secret: string): string;
}

/** True for V3; everything else is read as V1. */
export function isV3(request: Pick<RpcRequest, 'headers'>): boolean {
  return request.headers.authorization?.startsWith('ACS3-') ?? false;
}

/** Action and version: V3 carries them in headers alone, V1 in the parameters. */
export function namedAction(request: RpcRequest): { action: string; version: string } {
  const action = isV3(request) ? header(request, 'x-acs-action') : request.parameters.get('Action');
  const version = isV3(request)
    ? header(request, 'x-acs-version')
    : request.parameters.get('Version');
  if (!action) throw new ApiError('MissingAction');
  if (!version) throw new ApiError('MissingVersion');
  return { action, version };
}

/**
 * Reads the credential parts of a request, in the order of the gateway's checks up to the
 * timestamp. Nothing is proven yet: `verify` does that once the secret is known.
 * @throws ApiError Missing…, InvalidSignatureMethod, InvalidSignatureVersion,
 *   IncompleteSignature, InvalidTimeStamp.Format, InvalidTimeStamp.Expired, ContentMD5NotMatched
 */
export function readClaim(request: RpcRequest, now: number): Claim {
  const named = namedAction(request);
  const claim = isV3(request) ? claimV3(request, named) : claimV1(request, named);
  checkTime(claim.timestamp, now);
  return claim;
}

/** Constant-time comparison of the claimed signature with the one that `secret` gives. */
export function verify(claim: Claim, secret: string): void {
  if (!sameText(claim.signature, claim.expected(secret))) {
    throw new ApiError('SignatureDoesNotMatch', { subject: claim.stringToSign });
  }
}

/** Equal texts, compared in a time that depends on neither. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

type Named = { readonly action: string; readonly version: string };

function claimV1({ method, parameters }: RpcRequest, named: Named): Claim {
  const required = (name: string, missing: Parameters<typeof missingError>[0]) =>
    parameters.get(name) || missingError(missing);
  const accessKeyId = required('AccessKeyId', 'MissingAccessKeyId');
  const algorithm = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' } as const;
  const methodName = parameters.get('SignatureMethod') || 'HMAC-SHA1';
  if (!(methodName in algorithm) || parameters.get('SignatureType')) {
    throw new ApiError('InvalidSignatureMethod');
  }
  if ((parameters.get('SignatureVersion') || '1.0') !== '1.0') {
    throw new ApiError('InvalidSignatureVersion');
  }
  const signature = required('Signature', 'MissingSignature');
  const nonce = required('SignatureNonce', 'MissingSignatureNonce');
  const timestamp = required('Timestamp', 'MissingTimestamp');
  const signed = [...parameters].filter(([name]) => name !== 'Signature');
  const stringToSign = stringToSignV1(method, signed);
  const hmac = algorithm[methodName as keyof typeof algorithm];
  return {
    ...named,
    accessKeyId,
    securityToken: parameters.get('SecurityToken') || undefined,
    nonce,
    timestamp,
    signature,
    stringToSign,
    expected: (secret) => signV1(secret, stringToSign, hmac),
  };
}

/** Headers without which a V3 signature would not cover what it must. */
const mustSign = [
  'host',
  'x-acs-action',
  'x-acs-version',
  'x-acs-date',
  'x-acs-signature-nonce',
  'x-acs-content-sha256',
];

function claimV3(request: RpcRequest, named: Named): Claim {
  const authorization = request.headers.authorization ?? '';
  const [algorithm = ''] = authorization.split(' ', 1);
  if (algorithm !== v3Algorithm) throw new ApiError('InvalidSignatureMethod');
  const parts = new Map(
    authorization
      .slice(algorithm.length)
      .split(',')
      .map((part): [string, string] => {
        const equals = part.indexOf('=');
        return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
      }),
  );
  const accessKeyId = parts.get('Credential') || missingError('MissingAccessKeyId');
  const signature = parts.get('Signature') || missingError('MissingSignature');
  const nonce = header(request, 'x-acs-signature-nonce') || missingError('MissingSignatureNonce');
  const timestamp = header(request, 'x-acs-date') || missingError('MissingTimestamp');
  const securityToken = header(request, 'x-acs-security-token') || undefined;
  const names = (parts.get('SignedHeaders') ?? '').toLowerCase().split(';').filter(Boolean);
  const mandatory = securityToken === undefined ? mustSign : [...mustSign, 'x-acs-security-token'];
  const payloadHash = header(request, 'x-acs-content-sha256');
  const canonical = canonicalRequestV3({
    method: request.method,
    query: request.query,
    headers: names.map((name): [string, string] => [name, header(request, name)]),
    payloadHash,
  });
  const stringToSign = stringToSignV3(canonical);
  if (mandatory.some((name) => !names.includes(name)) || new Set(names).size < names.length) {
    throw new ApiError('IncompleteSignature', { subject: stringToSign });
  }
  if (payloadHash.toLowerCase() !== sha256Hex(request.body)) {
    throw new ApiError('ContentMD5NotMatched');
  }
  return {
    ...named,
    accessKeyId,
    securityToken,
    nonce,
    timestamp,
    signature,
    stringToSign,
    expected: (secret) => signV3(secret, stringToSign),
  };
}

function header(request: Pick<RpcRequest, 'headers'>, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? [...value].sort().join(',') : (value ?? '');
}

function missingError(
  row: 'MissingAccessKeyId' | 'MissingSignature' | 'MissingSignatureNonce' | 'MissingTimestamp',
): never {
  throw new ApiError(row);
}

const timestampForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

function checkTime(timestamp: string, now: number): void {
  const time = timestampForm.test(timestamp) ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(time)) throw new ApiError('InvalidTimeStamp.Format');
  if (Math.abs(now - time) > limits.clockSkew) throw new ApiError('InvalidTimeStamp.Expired');
}
