import { timingSafeEqual } from 'node:crypto';
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
import { ApiError, type ErrorCode } from './errors.ts';
import { isPrivate } from './peer.ts';
import { isV3, type RpcRequest } from './request.ts';

/** What a request claims before anything is proven. */
export interface Claim {
  readonly accessKeyId: string;
  readonly securityToken: string | undefined;
  readonly nonce: string;
  readonly signature: string;
  /** What the server would sign: made when it is first read, which costs the most of a check. */
  readonly stringToSign: string;
  /** Headers that the signature has to cover and does not, in a sentence; undefined = none. */
  readonly incomplete?: string;
  /** False when the signed hash is not that of the body that came. */
  bodyMatches(): boolean;
  /** The signature that a secret gives. */
  expected(secret: string): string;
}

/**
 * Action and version. V3 carries them in headers alone, V1 in the parameters: the headers that V1
 * clients send as well are not signed, so they name nothing.
 * @throws ApiError MissingAction, MissingVersion; MissingAccessKeyId for a call in V3's form that
 *   carries no credential at all
 */
export function namedAction(request: RpcRequest): { action: string; version: string } {
  const v3 = isV3(request);
  const { parameters } = request;
  const action = v3 ? header(request, 'x-acs-action') : parameters.get('Action');
  const version = v3 ? header(request, 'x-acs-version') : parameters.get('Version');
  const isAnonymous = !v3 && !parameters.has('AccessKeyId') && header(request, 'x-acs-action');
  if (!action) throw new ApiError(isAnonymous ? 'MissingAccessKeyId' : 'MissingAction');
  if (!version) throw new ApiError('MissingVersion');
  return { action, version };
}

/**
 * Reads the credential parts of a request, in the order of the gateway's checks up to the
 * timestamp. Nothing is proven yet: `verify` does that once the secret is known.
 * @param now Unix milliseconds
 * @throws ApiError Missing…, InvalidSignatureMethod, InvalidSignatureVersion,
 *   InvalidTimeStamp.Format, InvalidTimeStamp.Expired
 */
export function readClaim(request: RpcRequest, now: number): Claim {
  return isV3(request) ? claimV3(request, now) : claimV1(request, now);
}

/**
 * Holds a claim against a secret, in constant time.
 * @throws ApiError IncompleteSignature, ContentMD5NotMatched, SignatureDoesNotMatch
 */
export function verify(claim: Claim, secret: string): void {
  const { incomplete: detail } = claim;
  if (detail !== undefined) {
    throw new ApiError('IncompleteSignature', { subject: shown(claim), detail });
  }
  const bodyMatches = claim.bodyMatches();
  const signatureMatches = sameText(claim.signature, claim.expected(secret));
  if (!bodyMatches) throw new ApiError('ContentMD5NotMatched');
  if (!signatureMatches) {
    throw new ApiError('SignatureDoesNotMatch', { subject: shown(claim) });
  }
}

/** SDKs compare the text after the colon with their own, to the end of the message. */
function shown({ stringToSign }: Claim): string {
  return stringToSign.slice(0, limits.stringToSignShown);
}

/** What makes a text when it is first asked for, and keeps it. */
function once(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Equal texts; the time it takes depends on their lengths alone. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const v1Methods = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' } as const;

function claimV1(request: RpcRequest, now: number): Claim {
  const { method, parameters } = request;
  const type = parameters.get('SignatureType');
  if (type) refuseMethod(`SignatureType ${type}`);
  const accessKeyId = parameters.get('AccessKeyId') || missing('MissingAccessKeyId');
  const timestamp = parameters.get('Timestamp') || missing('MissingTimestamp');
  const nonce = parameters.get('SignatureNonce') || missing('MissingSignatureNonce');
  const signature = parameters.get('Signature') || missing('MissingSignature');
  const named = parameters.get('SignatureMethod') || missing('MissingSignatureMethod');
  const version = parameters.get('SignatureVersion') || missing('MissingSignatureVersion');
  if (!isV1Method(named)) refuseMethod(named);
  if (version !== '1.0') {
    throw new ApiError('InvalidSignatureVersion', { detail: 'expected 1.0' });
  }
  checkTime(timestamp, now);
  const stringToSign = once(() =>
    stringToSignV1(
      method,
      [...parameters].filter(([name]) => name !== 'Signature'),
    ),
  );
  const [unsigned] = openExtensions(request);
  return {
    ...(unsigned === undefined
      ? {}
      : { incomplete: `V1 signs no headers, so ${unsigned} needs TLS, or V3 that signs it` }),
    accessKeyId,
    securityToken: parameters.get('SecurityToken') || undefined,
    nonce,
    signature,
    get stringToSign() {
      return stringToSign();
    },
    // V1 knows no hash: a form is signed as parameters, any other body is not read.
    bodyMatches: () => true,
    expected: (secret) => signV1(secret, stringToSign(), v1Methods[named]),
  };
}

function isV1Method(name: string): name is keyof typeof v1Methods {
  return Object.hasOwn(v1Methods, name);
}

function refuseMethod(method: string): never {
  throw new ApiError('InvalidSignatureMethod', {
    detail: `${method} is not taken; HMAC-SHA1, HMAC-SHA256 and ${v3Algorithm} are`,
  });
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

function claimV3(request: RpcRequest, now: number): Claim {
  const { algorithm, parts } = readAuthorization(request.headers.authorization ?? '');
  const accessKeyId = parts.get('Credential') || missing('MissingAccessKeyId');
  const timestamp = header(request, 'x-acs-date') || missing('MissingTimestamp');
  const nonce = header(request, 'x-acs-signature-nonce') || missing('MissingSignatureNonce');
  const signature = parts.get('Signature') || missing('MissingSignature');
  if (algorithm !== v3Algorithm) refuseMethod(algorithm);
  const names = (parts.get('SignedHeaders') ?? '').toLowerCase().split(';').filter(Boolean);
  const payloadHash = header(request, 'x-acs-content-sha256');
  checkTime(timestamp, now);
  const stringToSign = once(() =>
    stringToSignV3(
      canonicalRequestV3({
        method: request.method,
        query: request.query,
        headers: names.map((name): [string, string] => [name, header(request, name)]),
        payloadHash,
      }),
    ),
  );
  const unsigned = mandatoryHeaders(request).filter((name) => !names.includes(name));
  const isIncomplete = unsigned.length > 0 || new Set(names).size < names.length;
  return {
    ...(isIncomplete
      ? { incomplete: `SignedHeaders must name each header once, and ${unsigned.join(', ')} too` }
      : {}),
    accessKeyId,
    securityToken: header(request, 'x-acs-security-token') || undefined,
    nonce,
    signature,
    get stringToSign() {
      return stringToSign();
    },
    bodyMatches: () => payloadHash === bodyHash(request.body),
    expected: (secret) => signV3(secret, stringToSign()),
  };
}

/** `ACS3-HMAC-SHA256 Credential=…,SignedHeaders=a;b,Signature=…`; spaces after commas pass. */
function readAuthorization(text: string) {
  const [algorithm = ''] = text.split(' ', 1);
  const parts = text
    .slice(algorithm.length)
    .split(',', 8)
    .map((part): [string, string] => {
      const equals = part.indexOf('=');
      return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
    });
  return { algorithm, parts: new Map(parts) };
}

/** Our own headers that somebody on the way could add, since they change what a call does. */
function openExtensions(request: RpcRequest): readonly string[] {
  if (isPrivate(request)) return [];
  return Object.keys(request.headers).filter((name) => name.startsWith('x-sluice-'));
}

/** A token and the type of a body (which says how it is read) count only when signed. */
function mandatoryHeaders(request: RpcRequest): readonly string[] {
  const { headers, body } = request;
  return [
    ...mustSign,
    ...openExtensions(request),
    ...(headers['x-acs-security-token'] === undefined ? [] : ['x-acs-security-token']),
    ...(body.length === 0 || headers['content-type'] === undefined ? [] : ['content-type']),
  ];
}

const emptyHash = sha256Hex('');

function bodyHash(body: Buffer): string {
  return body.length === 0 ? emptyHash : sha256Hex(body);
}

function header({ headers }: Pick<RpcRequest, 'headers'>, name: string): string {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(value) ? value.toSorted().join(',') : (value ?? '');
}

function missing(code: ErrorCode): never {
  throw new ApiError(code);
}

const timestampForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

function checkTime(timestamp: string, now: number): void {
  const time = timestampForm.test(timestamp) ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new ApiError('InvalidTimeStamp.Format', { detail: 'expected yyyy-MM-ddTHH:mm:ssZ' });
  }
  if (Math.abs(now - time) > limits.clockSkew) {
    const clock = new Date(now).toISOString();
    throw new ApiError('InvalidTimeStamp.Expired', { detail: `the server's clock is at ${clock}` });
  }
}
