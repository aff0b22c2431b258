import { describe } from 'node:test';
import openApi, { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import {
  type AccessKey,
  type OfficialClient,
  outcomeOf,
  type Parameters,
  type ShownRefusal,
} from './official-client.ts';
import { provesItsPromises } from './promises.ts';

/** The generic call of Alibaba Cloud's samples: one client, the action by its name. */
function startOpenApiClient(endpoint: string): OfficialClient {
  const request = async (key: AccessKey, action: string, parameters: Parameters) => {
    const config = new Config({ ...key, endpoint: new URL(endpoint).host });
    const params = new Params({
      action,
      version: '2017-11-10',
      protocol: 'HTTP',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      pathname: '/',
      reqBodyType: 'formData',
      bodyType: 'json',
    });
    const query = Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]);
    const { body } = await new openApi.default(config).callApi(
      params,
      new OpenApiRequest({ query: Object.fromEntries(query) }),
      new RuntimeOptions({ readTimeout: 20_000 }),
    );
    return body as Parameters;
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
