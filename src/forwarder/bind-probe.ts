import dgram from 'node:dgram';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../limits.ts';
import { portOwner } from './port-owner.ts';

/**
 * Why nobody could listen at an address and port right now; undefined when it can be done. A load
 * that fails at a bind pauses every listener of the worker before it for two seconds (measured on
 * HAProxy 2.6), so it is better not begun. What another worker of ours is just letting go of is
 * waited for.
 * @param endpoint `1.2.3.4:80` or `[::1]:80`
 */
export async function bindProblem(
  endpoint: string,
  protocol: 'tcp' | 'udp' = 'tcp',
): Promise<string | undefined> {
  const [, host = '', port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(endpoint) ?? [];
  for (let attempt = 1; ; attempt++) {
    const tryBind = protocol === 'tcp' ? tryListen : tryReceive;
    const code = await tryBind(host, Number(port));
    if (code === undefined) return undefined;
    if (code !== 'EADDRINUSE' || attempt === limits.bindTries) {
      return reasonFor(code, endpoint, portOwner(host, Number(port), protocol));
    }
    await delay(limits.bindPause);
  }
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function tryReceive(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(host) ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ port, address: host, exclusive: true }, () =>
      socket.close(() => resolve(undefined)),
    );
  });
}

function reasonFor(code: string, endpoint: string, owner = 'another program'): string {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `cannot listen at ${endpoint}: ${owner} does`,
    EADDRNOTAVAIL: `cannot listen at ${endpoint}: this machine does not have the address`,
    EACCES: `cannot listen at ${endpoint}: ports below 1024 need a privilege`,
  };
  return reasons[code] ?? `cannot listen at ${endpoint}: ${code}`;
}
