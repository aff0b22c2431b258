import openApi, { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import type { AccessKey } from './official-client.ts';

/** A call of Alibaba Cloud's samples (Node, generic, signature V3): the action by its name. */
export interface GenericCall {
  readonly action: string;
  readonly version: string;
  /** Parameters as texts. */
  readonly query: Readonly<Record<string, string>>;
}

/** @returns the body of the answer, whatever its shape */
export async function callGenerically(
  endpoint: string,
  key: AccessKey,
  { action, version, query }: GenericCall,
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what its tests look at
): Promise<any> {
  const config = new Config({ ...key, endpoint: new URL(endpoint).host });
  const params = new Params({
    action,
    version,
    protocol: 'HTTP',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    pathname: '/',
    reqBodyType: 'formData',
    bodyType: 'json',
  });
  const runtime = new RuntimeOptions({ readTimeout: 20_000 });
  const request = new OpenApiRequest({ query: { ...query } });
  const { body } = await new openApi.default(config).callApi(params, request, runtime);
  return body;
}
