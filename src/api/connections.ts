import type { BlockList, Server, Socket } from 'node:net';
import { isTrusted, networkOf, plain } from './peer.ts';

/**
 * Keeps one address (by IPv6 one /64) from taking the connections of all: what it opens beyond
 * `most` is hung up on as it comes. A trusted proxy carries those of many.
 */
export function boundConnections(server: Server, most: number, proxies?: BlockList): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const nearest = plain(socket.remoteAddress ?? '');
    if (proxies !== undefined && isTrusted(proxies, nearest)) return;
    const address = networkOf(nearest);
    const count = open.get(address) ?? 0;
    if (count >= most) {
      socket.destroy();
      return;
    }
    open.set(address, count + 1);
    socket.once('close', () => {
      const left = open.get(address)! - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
