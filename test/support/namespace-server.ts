import dgram from 'node:dgram';
import http from 'node:http';
import net from 'node:net';

export interface ServeOptions {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** UDP: takes and never answers. */
  readonly silent?: boolean;
}

/**
 * Answers with its name and the client's address as it sees it; TCP echoes after that. It ends
 * with its process, and keeps none alive.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { name, protocol, address, port, silent = false } = options;
  if (protocol === 'udp') {
    const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4').unref();
    socket.on('message', (_, from) => {
      if (!silent) socket.send(`${name} ${from.address}`, from.port, from.address);
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, address, resolve);
    });
  }
  const server = net.createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.write(`${name} ${socket.remoteAddress}\n`);
    socket.pipe(socket);
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: address, backlog: 4_096 }, resolve);
  });
}

const checked = new Map<string, http.Server>();

/** What probes of an address and port find from now on: a status of HTTP, or nobody. */
export async function serveHealth(
  address: string,
  port: number,
  found: number | 'nobody',
): Promise<void> {
  const key = `${address} ${port}`;
  const before = checked.get(key);
  checked.delete(key);
  if (before !== undefined) {
    before.closeAllConnections();
    await new Promise((resolve) => before.close(resolve));
  }
  if (found === 'nobody') return;
  const server = http.createServer((_, response) => response.writeHead(found).end());
  checked.set(key, server);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
}
