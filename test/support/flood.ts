import { readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import type { RpcClient } from '../../src/client.ts';
import type { WireRequest } from './wire.ts';

export interface FloodOptions {
  readonly endpoint: string;
  readonly connections: number;
  /** Where the connections come from: an address of this machine. */
  readonly localAddress?: string;
  readonly request: () => WireRequest;
}

/** Connections that call as fast as they are answered. */
export interface Flood {
  /** Answers so far, by the error code of their body. */
  readonly answers: ReadonlyMap<string, number>;
  stop(): void;
}

/** Calls from many connections at once until it is stopped. A connection that is cut comes back. */
export function startFlood({ endpoint, connections, localAddress, request }: FloodOptions): Flood {
  const { hostname, port } = new URL(endpoint);
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const answers = new Map<string, number>();
  let stopped = false;
  const count = (code: string) => answers.set(code, (answers.get(code) ?? 0) + 1);
  const again = () => {
    if (!stopped) setImmediate(call);
  };
  const call = () => {
    const { method, path, headers, body } = request();
    const from = localAddress === undefined ? {} : { localAddress };
    const sent = http.request({ hostname, port, method, path, headers, agent, ...from });
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text = `${text}${part}`.slice(0, 4_096);
      });
      response.on('end', () => {
        count(/"Code":"([^"]+)"/.exec(text)?.[1] ?? 'OK');
        again();
      });
    });
    sent.on('error', () => {
      count('cut');
      again();
    });
    sent.end(body);
  };
  for (let each = 0; each < connections; each++) call();
  return {
    answers,
    stop: () => {
      stopped = true;
      agent.destroy();
    },
  };
}

/** Bytes of memory that a process holds. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Bytes of the SQLite store of a data folder, with what waits in its log. */
export async function storeSizeOf(dataFolder: string): Promise<number> {
  const sizes = ['store.db', 'store.db-wal'].map(async (name) => {
    try {
      return (await stat(join(dataFolder, name))).size;
    } catch {
      return 0;
    }
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

interface UserKey {
  readonly id: string;
  readonly secret: string;
}

/** Makes a user that no policy lets do anything, and an access key of it. */
export async function keyOf(client: RpcClient, UserName: string): Promise<UserKey> {
  await client.call('Ram', 'CreateUser', { UserName });
  const { body } = await client.call('Ram', 'CreateAccessKey', { UserName });
  const { AccessKeyId, AccessKeySecret } = (body as { AccessKey: Record<string, string> })
    .AccessKey;
  return { id: AccessKeyId!, secret: AccessKeySecret! };
}
