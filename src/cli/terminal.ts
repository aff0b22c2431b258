import type { RpcClient, RpcClientOptions } from '../client.ts';
import type { Environment } from '../usage.ts';

/** What a command needs of the signing client. */
export type RpcCaller = Pick<RpcClient, 'call' | 'stream' | 'close' | 'endpoint'>;

/** What a command may touch outside itself. */
export interface Terminal {
  readonly environment: Environment;
  /** Standard output can be drawn on. */
  readonly isTty: boolean;
  write(text: string): void;
  /** Standard error. */
  warn(text: string): void;
  connect(options: RpcClientOptions): RpcCaller;
}
