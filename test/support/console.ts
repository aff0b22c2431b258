import assert from 'node:assert/strict';
import type { AccessKeyPair } from '../../src/access-key-pair.ts';
import { RpcError } from '../../src/client.ts';

/** The console without a browser: what its page would send, and whatever else a test likes to. */
export interface ConsoleClient {
  readonly cookie: string;
  readonly csrf: string;
  /** Sends a request as the signed-in page would; headers that are given win. */
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /**
   * Calls an action as the page does.
   * @throws RpcError for an error answer
   */
  call(
    product: string,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly body: unknown }>;
}

/** Signs in with an access key pair; the answer as it came. */
export function askSignIn(
  endpoint: string,
  { accessKeyId, accessKeySecret }: AccessKeyPair,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${endpoint}/console/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret }),
  });
}

/** The cookie that an answer sets, as it is sent back. */
export function cookieOf(answer: Response): string {
  return (answer.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
}

/** What a page sends as another control plane gets it behind the same name and port. */
export function headersAt(
  endpoint: string,
  { cookie, csrf }: Pick<ConsoleClient, 'cookie' | 'csrf'>,
): Readonly<Record<string, string>> {
  const name = `sluice-console-${new URL(endpoint).port}`;
  return { cookie: cookie.replace(/^[^=]+/, name), 'x-sluice-csrf': csrf };
}

/** Status and code of an error answer, which has a text and a request id too. */
export async function codeOf(answer: Response): Promise<string> {
  const { Code, Message, RequestId } = (await answer.json()) as Record<string, string>;
  assert.ok(Message && RequestId);
  return `${answer.status} ${Code}`;
}

/** Signs in with an access key pair. */
export async function openConsole(endpoint: string, pair: AccessKeyPair): Promise<ConsoleClient> {
  const answer = await askSignIn(endpoint, pair);
  if (answer.status !== 200) throw new Error(`not signed in: ${await answer.text()}`);
  const cookie = cookieOf(answer);
  const { csrf } = (await answer.json()) as { csrf: string };
  const send: ConsoleClient['send'] = (method, path, body, headers = {}) =>
    fetch(`${endpoint}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        cookie,
        'x-sluice-csrf': csrf,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    cookie,
    csrf,
    send,
    call: async (product, action, parameters) => {
      const answer = await send('POST', '/console/call', { product, action, parameters });
      const { status, headers } = answer;
      const body = await answer.json();
      const told = { status, headers: Object.fromEntries(headers), body };
      if (status !== 200) throw new RpcError(told);
      return told;
    },
  };
}
