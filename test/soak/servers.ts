import dgram from 'node:dgram';
import http from 'node:http';
import net from 'node:net';
import { serverAddress, serverNumbers } from './network.ts';

/**
 * The servers behind the load balancers, as a process of its own: each answers its name by HTTP,
 * names itself in the first line of a TCP session and echoes after it, and answers datagrams with
 * its name.
 */
export const serverPorts = { http: 8080, tcp: 8081, udp: 8053 } as const;

export function serverName(number: number): string {
  return `s-${number}`;
}

async function serve(number: number): Promise<void> {
  const host = serverAddress(number);
  const name = serverName(number);
  const web = http.createServer((_, response) => response.end(name));
  web.keepAliveTimeout = 60_000;
  const echo = net.createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  for (const [server, port] of [
    [web, serverPorts.http],
    [echo, serverPorts.tcp],
  ] as const) {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, backlog: 1_024 }, resolve);
    });
  }
  const datagrams = dgram.createSocket('udp4');
  datagrams.on('message', (_, from) => datagrams.send(name, from.port, from.address));
  await new Promise<void>((resolve) => datagrams.bind(serverPorts.udp, host, resolve));
}

if (process.argv[1] === import.meta.filename) {
  for (const number of serverNumbers) await serve(number);
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}
