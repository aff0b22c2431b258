import { randomBytes } from 'node:crypto';
import { type Product, versions } from './api/actions/action.ts';
import { limits } from './limits.ts';
import {
  canonicalRequestV3,
  isoSeconds,
  sha256Hex,
  signV3,
  stringToSignV3,
  v3Algorithm,
} from './signing.ts';

/** What a caller signs with. */
export interface Credential {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

/** A call of an action. */
export interface SignedCall {
  readonly product: Product;
  readonly action: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Further request headers, such as `x-sluice-dry-run`; they are signed too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** As the Host header will have it. */
  readonly host: string;
}

/** A POST, ready to be sent. */
export interface SignedRequest {
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The form, where the parameters are too long for the query. */
  readonly body?: string;
}

/**
 * A call as a request that V3 signs. Values that are no strings travel as decimal or JSON text;
 * undefined and null are left out.
 * @param now Unix milliseconds
 */
export function signedRequest(
  credential: Credential,
  { product, action, parameters, headers = {}, host }: SignedCall,
  now: number,
  nonce = randomBytes(16).toString('hex'),
): SignedRequest {
  const entries = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]): [string, string] => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]);
  const encoded = new URLSearchParams(entries).toString();
  const form = encoded.length > limits.clientQueryBytes ? encoded : undefined;
  const { accessKeyId, accessKeySecret, securityToken } = credential;
  const payloadHash = sha256Hex(form ?? '');
  const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  const signed: Record<string, string> = {
    ...Object.fromEntries(lowerCase),
    host,
    'x-acs-action': action,
    'x-acs-version': versions[product],
    'x-acs-date': isoSeconds(now),
    'x-acs-signature-nonce': nonce,
    'x-acs-content-sha256': payloadHash,
    ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(securityToken === undefined
      ? {}
      : { 'x-acs-accesskey-id': accessKeyId, 'x-acs-security-token': securityToken }),
  };
  const canonical = canonicalRequestV3({
    method: 'POST',
    query: form === undefined ? entries : [],
    headers: Object.entries(signed),
    payloadHash,
  });
  const authorization = `${v3Algorithm} ${[
    `Credential=${accessKeyId}`,
    `SignedHeaders=${Object.keys(signed).sort().join(';')}`,
    `Signature=${signV3(accessKeySecret, stringToSignV3(canonical))}`,
  ].join()}`;
  return {
    url: form !== undefined || encoded === '' ? '/' : `/?${encoded}`,
    headers: { ...signed, accept: 'application/json', authorization },
    ...(form === undefined ? {} : { body: form }),
  };
}
