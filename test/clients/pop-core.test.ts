import { describe } from 'node:test';
import RpcClient from '@alicloud/pop-core';
import {
  type AccessKey,
  type OfficialClient,
  outcomeOf,
  type Parameters,
  type ShownRefusal,
} from './official-client.ts';
import { provesItsPromises } from './promises.ts';

/** Lists go in as lists: the client makes `BackendServers.1.ServerId` of them. */
function startPopCore(method: 'GET' | 'POST', endpoint: string): OfficialClient {
  const request = (key: AccessKey, action: string, parameters: Parameters) =>
    new RpcClient({ ...key, endpoint, apiVersion: '2017-11-10' }).request<Parameters>(
      action,
      parameters,
      { method, timeout: 20_000 },
    );
  return {
    call: (key, action, parameters) => outcomeOf(request(key, action, parameters), shown),
    close: async () => {},
  };
}

function shown(error: unknown): ShownRefusal {
  const { name, code, message, data, entry } = error as Error & {
    readonly code: string;
    readonly data: { readonly RequestId: string };
    readonly entry: { readonly response: Response };
  };
  return {
    type: name,
    code,
    message,
    status: entry?.response.statusCode,
    requestId: data?.RequestId,
    retryAfterMs: Number(entry?.response.headers['x-acs-retry-after']),
  };
}

interface Response {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
}

for (const method of ['GET', 'POST'] as const) {
  describe(`@alicloud/pop-core by ${method} (Node, signature V1)`, () => {
    provesItsPromises({
      start: (endpoint) => startPopCore(method, endpoint),
      deletion: 'DeleteLoadBalancer',
      exceptionOf: (code) => `${code}Error`,
      wrongSecretCode: 'SignatureDoesNotMatch',
      showsRetryAfter: true,
    });
  });
}
