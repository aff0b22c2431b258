import { randomUUID } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { type Product, versions } from '../../src/api/actions/action.ts';
import {
  canonicalQuery,
  canonicalRequestV3,
  isoSeconds,
  sha256Hex,
  signV3,
  stringToSignV3,
  v3Algorithm,
} from '../../src/signing.ts';
import { rootKey } from './sluice.ts';

export type Pairs = readonly (readonly [string, string])[];

/** A request as it goes out, byte for byte. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body: string;
}

/** An answer as it came in. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface SignedOptions {
  readonly query?: Pairs;
  /** The query as it is sent, where its texts are no proper encoding of `query`. */
  readonly rawQuery?: string;
  /** Travels in the body. */
  readonly form?: Pairs;
}

/** A V3 call of the root key in which a name may come twice and any text may stand. */
export function signed(
  host: string,
  product: Product,
  action: string,
  { query = [], rawQuery = canonicalQuery(query), form }: SignedOptions,
): WireRequest {
  const body = form === undefined ? '' : new URLSearchParams(form.map(([...pair]) => pair));
  const payloadHash = sha256Hex(String(body));
  const headers: Record<string, string> = {
    host,
    'x-acs-action': action,
    'x-acs-version': versions[product],
    'x-acs-date': isoSeconds(Date.now()),
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-content-sha256': payloadHash,
    ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
  };
  const canonical = canonicalRequestV3({
    method: 'POST',
    query,
    headers: Object.entries(headers),
    payloadHash,
  });
  const signature = signV3(rootKey.accessKeySecret, stringToSignV3(canonical));
  const names = Object.keys(headers).sort().join(';');
  const credential = `Credential=${rootKey.accessKeyId},SignedHeaders=${names}`;
  return {
    method: 'POST',
    path: rawQuery === '' ? '/' : `/?${rawQuery}`,
    headers: { ...headers, authorization: `${v3Algorithm} ${credential},Signature=${signature}` },
    body: String(body),
  };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

/** Ends the kept-alive connections of `exchange`. */
export function hangUp(): void {
  agent.destroy();
}

/** Sends a request and reads the answer whole. */
export function exchange(
  endpoint: string,
  { method, path, headers, body }: WireRequest,
): Promise<WireAnswer> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    request.setTimeout(20_000, () => request.destroy(new Error(`no answer to ${path}`)));
    request.on('error', reject);
    request.end(body);
  });
}

/** A bare connection, for what is no request. */
export interface RawSocket {
  /** All that came until the server hung up. */
  readonly answer: Promise<string>;
  write(text: string): void;
  /** Says that no more will come, or drops the connection. */
  end(): void;
  drop(): void;
}

export function openRaw(endpoint: string): RawSocket {
  const { hostname, port } = new URL(endpoint);
  const socket = net.connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => {
    // A reset is an end too; what came before it is the answer.
  });
  return {
    answer: new Promise((resolve) => socket.once('close', () => resolve(text))),
    write: (part) => socket.write(part),
    end: () => socket.end(),
    drop: () => socket.destroy(),
  };
}
