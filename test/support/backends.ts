import http from 'node:http';
import net from 'node:net';

/** A backend of a test's own that answers its name and counts who came. */
export interface TestBackend {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  /** Requests (HTTP) or connections (TCP) so far. */
  count(): number;
  /** Stops answering: connections are refused from now on. */
  close(): Promise<void>;
}

export interface TestBackendOptions {
  readonly host?: string;
  readonly port?: number;
  /** Milliseconds until an HTTP answer. */
  readonly delayMs?: number;
  /** No HTTP answer is given before it resolves. */
  readonly held?: Promise<void>;
}

/** An HTTP server whose every answer is its name. */
export async function startHttpServer(
  name: string,
  { host = '127.0.0.1', port = 0, delayMs = 0, held }: TestBackendOptions = {},
): Promise<TestBackend> {
  let requests = 0;
  const server = http.createServer((request, response) => {
    const answer = () => response.end(name);
    // Probes are no traffic, and find a busy server healthy.
    if (request.method === 'HEAD') {
      answer();
      return;
    }
    requests += 1;
    if (held !== undefined) held.then(answer);
    else if (delayMs === 0) answer();
    else setTimeout(answer, delayMs);
  });
  server.keepAliveTimeout = 60_000;
  await listen(server, host, port);
  return {
    name,
    ip: host,
    port: portOf(server),
    count: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A TCP server that says its name in a line and then echoes. */
export async function startTcpEcho(
  name: string,
  { host = '127.0.0.1', port = 0 }: TestBackendOptions = {},
): Promise<TestBackend> {
  let connections = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  await listen(server, host, port);
  return {
    name,
    ip: host,
    port: portOf(server),
    count: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listen(server: net.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}
