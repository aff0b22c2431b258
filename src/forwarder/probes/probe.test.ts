import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { HealthCheck } from '../../elb/types.ts';
import { probe } from './probe.ts';

const host = '127.0.0.1';

/** What a probe says; `patience` in milliseconds is spent only where a server is silent. */
function ask(port: number, health: Partial<HealthCheck>, patience = 60_000): Promise<boolean> {
  const target = {
    key: 'x',
    address: host,
    port,
    health: {
      enabled: true,
      kind: 'tcp',
      timeoutSeconds: 5,
      intervalSeconds: 2,
      healthyThreshold: 3,
      unhealthyThreshold: 3,
      ...health,
    },
  } as const;
  return probe(target, AbortSignal.timeout(patience));
}

async function listenTcp(t: TestContext, server: net.Server): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A port that nobody has: it was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('a TCP probe', () => {
  test('passes where a connection is taken, and leaves none open', async (t) => {
    const server = net.createServer((socket) => socket.on('error', () => {}));
    const port = await listenTcp(t, server);
    const connection = once(server, 'connection') as Promise<[net.Socket]>;
    assert.equal(await ask(port, {}), true);
    const [socket] = await connection;
    if (!socket.destroyed) await new Promise((resolve) => socket.on('close', resolve));
    assert.equal(await ask(1, { port }), true, 'the port of the health check goes first');
  });

  test('fails where nobody listens', async () => {
    assert.equal(await ask(await closedPort(), {}), false);
  });
});

describe('an HTTP probe', () => {
  test('asks with the method, host and path that are set', async (t) => {
    const asked: (string | undefined)[][] = [];
    const server = http.createServer((request, response) => {
      asked.push([request.method, request.headers.host, request.url]);
      response.end();
    });
    const port = await listenTcp(t, server);
    assert.equal(await ask(port, { kind: 'http' }), true);
    const set = { method: 'get', domain: 'www.example.com', uri: '/check?a=1' } as const;
    assert.equal(await ask(port, { kind: 'http', ...set }), true);
    assert.deepEqual(asked, [
      ['HEAD', `${host}:${port}`, '/'],
      ['GET', 'www.example.com', '/check?a=1'],
    ]);
  });

  test('passes by the classes of status that count', async (t) => {
    let status = 200;
    const server = http.createServer((_, response) => response.writeHead(status).end());
    const port = await listenTcp(t, server);
    const verdicts = async (httpCode?: string) => {
      const passed: boolean[] = [];
      for (status of [204, 302, 404, 503]) {
        passed.push(await ask(port, { kind: 'http', ...(httpCode && { httpCode }) }));
      }
      return passed;
    };
    assert.deepEqual(await verdicts(), [true, false, false, false]);
    assert.deepEqual(await verdicts('http_3xx,http_5xx'), [false, true, false, true]);
  });

  test('fails without an answer, with half of one, and where nobody listens', async (t) => {
    const dumb = await listenTcp(
      t,
      net.createServer((socket) => socket.on('error', () => {})),
    );
    const torn = await listenTcp(
      t,
      net.createServer((socket) => socket.end('HTTP/1.1 2')),
    );
    assert.equal(await ask(dumb, { kind: 'http' }, 50), false);
    assert.equal(await ask(torn, { kind: 'http' }), false);
    assert.equal(await ask(await closedPort(), { kind: 'http' }), false);
  });
});

describe('a UDP probe', () => {
  /** Answers what `replies` says; undefined = silence. */
  async function serve(t: TestContext, replies: (text: string) => readonly string[]) {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (message, { port, address }) => {
      for (const reply of replies(message.toString())) socket.send(reply, port, address);
    });
    socket.bind(0, host);
    await once(socket, 'listening');
    t.after(() => socket.close());
    return (socket.address() as AddressInfo).port;
  }
  const udp = { kind: 'udp', request: 'ping' } as const;

  test('passes by the expected reply alone', async (t) => {
    const port = await serve(t, (text) => (text === 'ping' ? ['no', 'pong'] : []));
    assert.equal(await ask(port, { ...udp, expect: 'pong' }), true);
    assert.equal(await ask(port, { ...udp, expect: 'pon' }, 100), false);
    assert.equal(await ask(port, { kind: 'udp', expect: 'pong' }, 100), false);
  });

  test('passes by any reply or by silence where none is expected', async (t) => {
    const port = await serve(t, () => ['whatever']);
    assert.equal(await ask(port, udp), true);
    const dumb = await serve(t, () => []);
    assert.equal(await ask(dumb, udp, 50), true);
    assert.equal(await ask(dumb, { kind: 'udp' }, 50), true);
  });

  test('fails at once where the port is unreachable', async () => {
    const port = await closedPort();
    assert.equal(await ask(port, udp), false);
    assert.equal(await ask(port, { ...udp, expect: 'pong' }), false);
  });
});
