import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { boundConnections } from './connections.ts';
import { trustedProxies } from './peer.ts';

const servers: ReturnType<typeof createServer>[] = [];
after(() => {
  for (const server of servers) server.close();
});

/** A server that greets whom it keeps, with at most two connections an address. */
async function serverOf(proxies?: readonly string[]): Promise<number> {
  const server = createServer();
  servers.push(server);
  boundConnections(server, 2, proxies && trustedProxies(proxies));
  server.on('connection', (socket) => {
    if (!socket.destroyed) socket.write('hello');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** A connection from an address of this machine, once it is greeted; undefined when hung up on. */
async function open(port: number, localAddress: string): Promise<Socket | undefined> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  const greeted = once(socket, 'data').then(() => socket);
  const left = once(socket, 'close').then(() => undefined);
  const kept = await Promise.race([greeted, left]);
  if (kept !== undefined) after(() => kept.destroy());
  return kept;
}

test('an address has its share of connections, and others have theirs', async () => {
  const port = await serverOf();
  const first = await open(port, '127.0.0.2');
  assert.ok(first);
  assert.ok(await open(port, '127.0.0.2'));
  assert.equal(await open(port, '127.0.0.2'), undefined);
  assert.ok(await open(port, '127.0.0.3'));

  first.destroy();
  await assert.doesNotReject(async () => {
    // The server learns of it a moment later.
    while ((await open(port, '127.0.0.2')) === undefined);
  });
});

test('a trusted proxy carries the connections of many', async () => {
  const port = await serverOf(['127.0.0.4']);
  for (const _ of [1, 2, 3]) assert.ok(await open(port, '127.0.0.4'));
});

test('by IPv6 a whole /64 has the share of one address', () => {
  const server = new EventEmitter();
  boundConnections(server as Server, 2);
  const kept = (remoteAddress: string) => {
    const socket = Object.assign(new EventEmitter(), { remoteAddress, destroyed: false });
    const destroy = () => Object.assign(socket, { destroyed: true });
    server.emit('connection', Object.assign(socket, { destroy }));
    return !socket.destroyed;
  };
  assert.ok(kept('2001:db8::1') && kept('2001:db8::ffff:2'));
  assert.equal(kept('2001:db8:0:0:abcd::3'), false);
  assert.ok(kept('2001:db8:0:1::1'));
});
