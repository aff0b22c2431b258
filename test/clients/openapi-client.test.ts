import { describe } from 'node:test';
import { callGenerically } from './generic-client.ts';
import {
  type AccessKey,
  type OfficialClient,
  outcomeOf,
  type Parameters,
  type ShownRefusal,
} from './official-client.ts';
import { provesItsPromises } from './promises.ts';

function startOpenApiClient(endpoint: string): OfficialClient {
  const request = (key: AccessKey, action: string, parameters: Parameters) => {
    const query = Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]);
    const version = '2017-11-10';
    return callGenerically(endpoint, key, { action, version, query: Object.fromEntries(query) });
  };
  return {
    call: (key, action, parameters) => outcomeOf(request(key, action, parameters), shown),
    close: async () => {},
  };
}

function shown(error: unknown): ShownRefusal {
  const { name, code, message, data } = error as Error & {
    readonly code: string;
    readonly data: { readonly statusCode: number; readonly RequestId: string };
  };
  return { type: name, code, message, status: data?.statusCode, requestId: data?.RequestId };
}

describe('@alicloud/openapi-client (Node, generic, signature V3)', () => {
  provesItsPromises({
    start: startOpenApiClient,
    deletion: 'DeleteLoadBalancer',
    // One class for all, without a name of its own: users look at `code`.
    exceptionOf: () => 'Error',
    wrongSecretCode: 'SignatureDoesNotMatch',
    showsRetryAfter: false,
  });
});
