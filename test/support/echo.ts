import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** Parameters of a call as they came over the wire, decoded, by its action's name. */
export type Calls = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** A server that answers every call and keeps what it was asked. */
export interface Echo {
  readonly endpoint: string;
  readonly calls: Calls;
  close(): void;
}

export async function startEcho(): Promise<Echo> {
  const calls = new Map<string, Record<string, string>>();
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    const { searchParams } = new URL(request.url ?? '/', 'http://echo');
    const parameters = Object.fromEntries([...searchParams, ...form]);
    calls.set(String(request.headers['x-acs-action'] ?? parameters.Action), parameters);
    response.setHeader('content-type', 'application/json;charset=utf-8');
    response.end('{"RequestId":"6A3B5D0C-0000-4000-8000-000000000000"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () => server.close(),
  };
}
