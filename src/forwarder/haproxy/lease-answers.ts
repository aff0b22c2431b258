import { existsSync, rmSync } from 'node:fs';
import net from 'node:net';
import { parentPort } from 'node:worker_threads';
import { leaseClock } from '../lease-clock.ts';

/**
 * A thread that answers HAProxy's checks of leases. It ends and pauses with the agent's process,
 * but what keeps the agent's own thread busy for a moment fences nothing.
 */

/** A lease as the thread is given it. */
export interface AnsweredLease {
  /** The socket. */
  readonly path: string;
  /** One BigInt64: when the lease ends, by `leaseClock`. */
  readonly end: SharedArrayBuffer;
}

const port = parentPort!;
const servers = new Map<string, net.Server>();

port.on('message', async (leases: readonly AnsweredLease[]) => {
  const paths = new Set(leases.map(({ path }) => path));
  for (const [path, server] of servers) {
    // A socket that someone deleted is made again.
    if (paths.has(path) && existsSync(path)) continue;
    server.close();
    servers.delete(path);
  }
  const added = leases.filter(({ path }) => !servers.has(path));
  await Promise.all(added.map(listen));
  port.postMessage('listening');
});

function listen({ path, end }: AnsweredLease): Promise<void> {
  const ends = new BigInt64Array(end);
  const server = net.createServer((socket) => {
    socket.on('error', () => {
      // HAProxy did not wait for the answer: the check has failed.
    });
    socket.end(leaseClock() < Number(Atomics.load(ends, 0)) ? 'fresh\n' : 'over\n');
  });
  servers.set(path, server);
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // HAProxy's user must get to it; the folder keeps others out.
    server.listen({ path, readableAll: true, writableAll: true }, resolve);
  });
}
