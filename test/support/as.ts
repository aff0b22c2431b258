import { RpcClient } from '../../src/client.ts';
import type { Sluice } from './sluice.ts';

/** An access key, with its token when it is a temporary one. */
export interface Credentials {
  readonly AccessKeyId: string;
  readonly AccessKeySecret: string;
  readonly SecurityToken?: string;
}

/** A client of a Sluice for somebody other than its root; closed by the caller. */
export function clientOf({ endpoint }: Pick<Sluice, 'endpoint'>, of: Credentials): RpcClient {
  return new RpcClient({
    endpoint,
    accessKeyId: of.AccessKeyId,
    accessKeySecret: of.AccessKeySecret,
    ...(of.SecurityToken === undefined ? {} : { securityToken: of.SecurityToken }),
  });
}
