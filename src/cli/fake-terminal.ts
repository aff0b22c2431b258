import type { RpcClientOptions } from '../client.ts';
import type { Terminal } from './terminal.ts';

/** The key in a fake terminal's environment. */
export const key = { accessKeyId: 'id', accessKeySecret: 'secret' };

interface Sent {
  readonly product: string;
  readonly action: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

interface Reply {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** A terminal and an API behind it, for tests: what was sent and printed can be asked. */
export function fakeTerminal(
  answer: (sent: Sent) => Reply = () => ({ body: {}, headers: {} }),
  lines: readonly string[] = [],
) {
  const printed = { out: '', err: '' };
  const calls: Sent[] = [];
  const connections: RpcClientOptions[] = [];
  let open = 0;
  const environment: Record<string, string> = {
    ALIBABA_CLOUD_ACCESS_KEY_ID: key.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: key.accessKeySecret,
  };
  return {
    calls,
    connections,
    open: () => open,
    out: () => printed.out,
    err: () => printed.err,
    environment,
    isTty: false,
    write: (text) => {
      printed.out += text;
    },
    warn: (text) => {
      printed.err += text;
    },
    connect: (options) => {
      connections.push(options);
      open += 1;
      return {
        endpoint: options.endpoint,
        call: async (product, action, parameters, { headers = {} } = {}) => {
          const sent = { product, action, parameters, headers };
          calls.push(sent);
          return { status: 200, ...answer(sent) };
        },
        stream: async function* () {
          yield* lines;
        },
        close: async () => {
          open -= 1;
        },
      };
    },
  } satisfies Terminal & Record<string, unknown>;
}
