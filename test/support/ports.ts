import { createSocket } from 'node:dgram';
import net from 'node:net';

/** Below the ports that the kernel gives to outgoing connections and to `listen(0)`. */
const first = 10_000;
const count = 22_000;

/** Claims are UDP sockets at this address, which nothing else uses. */
const claimAddress = '127.255.255.254';

/**
 * A port on which no program listens at this address, and which `freePort` gives to no other
 * process while this one runs: HAProxy shares a port with another HAProxy without an error, and
 * each then serves a part of the other's connections.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * count);
    if ((await isFree(host, port)) && (await claim(port))) return port;
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** Holds a port until this process ends. @returns false when another process, or we, hold it */
function claim(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind({ address: claimAddress, port, exclusive: true }, () => {
      socket.unref();
      resolve(true);
    });
  });
}
