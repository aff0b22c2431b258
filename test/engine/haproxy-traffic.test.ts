import assert from 'node:assert/strict';
import nodeHttp from 'node:http';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { startHttpServer, startTcpEcho } from '../support/backends.ts';
import { attached, balancer, http, openEngine, tcp } from '../support/haproxy.ts';
import { get, openSession } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';

/** An HTTP server of a test's own making. */
async function httpServer(t: TestContext, listener: nodeHttp.RequestListener) {
  const server = nodeHttp.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as net.AddressInfo;
  return { server, backends: attached([{ name: 's-a', ip: host, port }]) };
}

/** Sends bytes and gives all that comes back until the connection ends or `enough` is there. */
function exchange(port: number, request: string, enough = /never/): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, host);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (enough.test(text)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(request);
  });
}

test('a redirecting listener sends every request to https at the host it named', async (t) => {
  const { engine } = await openEngine(t);
  const ports = [await freePort(host), await freePort(host)] as const;
  const listeners = [http(ports[0], { forwardPort: 443 }), http(ports[1], { forwardPort: 8443 })];
  assert.deepEqual(await engine.apply(balancer('lb-1', { listeners })), []);
  const cases = [
    [ports[0], 'GET /a?b=c HTTP/1.1\r\nHost: x.test:80', 'https://x.test/a?b=c'],
    [ports[0], 'GET / HTTP/1.1\r\nHost: [::1]', 'https://[::1]/'],
    [ports[1], 'GET / HTTP/1.1\r\nHost: x.test', 'https://x.test:8443/'],
    [ports[1], 'GET /old HTTP/1.0', 'https://127.0.0.1:8443/old'],
  ] as const;
  for (const [port, head, location] of cases) {
    const answer = await exchange(port, `${head}\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 301 /);
    assert.ok(answer.includes(`\r\nlocation: ${location}\r\n`), answer);
  }
});

test('the client is named to the server when asked for, and only then', async (t) => {
  const { engine } = await openEngine(t);
  const { backends } = await httpServer(t, (request, response) => {
    response.end(String(request.headers['x-forwarded-for']));
  });
  const ports = [await freePort(host), await freePort(host)] as const;
  const listeners = [http(ports[0], { forwardedFor: true }), http(ports[1])];
  const wanted = balancer('lb-1', { listeners, backends });
  await engine.apply(wanted);
  const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal(await get({ host, port: ports[0], agent }), host);
  assert.equal(await get({ host, port: ports[1], agent: false }), 'undefined');
  // The request goes through a worker that a reload has replaced: the client is still named once.
  await engine.apply(balancer('lb-2', { listeners: [http(await freePort(host))] }));
  assert.equal(await get({ host, port: ports[0], agent }), host);
});

test('a server that does not answer in time gives 504, a slow one is waited for', async (t) => {
  const { engine } = await openEngine(t);
  const { backends } = await httpServer(t, (request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('slow'), 1_500);
  });
  const ports = [await freePort(host), await freePort(host)] as const;
  const listeners = [
    http(ports[0], { requestTimeoutSeconds: 1 }),
    http(ports[1], { requestTimeoutSeconds: 10, idleTimeoutSeconds: 1 }),
  ];
  await engine.apply(balancer('lb-1', { listeners, backends }));
  await assert.rejects(get({ host, port: ports[0], path: '/never', agent: false }), /status 504/);
  assert.equal(await get({ host, port: ports[1], path: '/slow', agent: false }), 'slow');
});

test('a connection without requests is closed after the idle time', async (t) => {
  const { engine } = await openEngine(t);
  const { backends } = await httpServer(t, (_, response) => response.end('here'));
  const port = await freePort(host);
  await engine.apply(
    balancer('lb-1', { listeners: [http(port, { idleTimeoutSeconds: 1 })], backends }),
  );
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const answers = await exchange(port, request + request);
  assert.equal(answers.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
});

test('an upgraded connection goes both ways, past idle and request times', async (t) => {
  const { engine } = await openEngine(t);
  const { server, backends } = await httpServer(t, (_, response) => response.end());
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\n');
    socket.on('data', (chunk: unknown) => {
      setTimeout(() => socket.write(`<${chunk}>`), 1_500);
    });
  });
  const port = await freePort(host);
  const times = { idleTimeoutSeconds: 1, requestTimeoutSeconds: 1 };
  await engine.apply(balancer('lb-1', { listeners: [http(port, times)], backends }));
  const head = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\n';
  assert.match(await exchange(port, `${head}ping`, /<ping>/), /^HTTP\/1\.1 101 .*<ping>$/s);
});

test('the client address goes to TCP servers in PROXY protocol v2, probes too', async (t) => {
  const { engine } = await openEngine(t);
  /** All that each connection sent: its head and its text may come apart. */
  const received: Buffer[] = [];
  const server = net.createServer((socket) => {
    const at = received.push(Buffer.alloc(0)) - 1;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      received[at] = Buffer.concat([received[at]!, Buffer.from(chunk)]);
      if (received[at].includes('hello')) socket.end('seen');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => server.close());
  const backends = attached([
    { name: 's-a', ip: host, port: (server.address() as net.AddressInfo).port },
  ]);
  const port = await freePort(host);
  await engine.apply(balancer('lb-1', { listeners: [tcp(port, { eipTransmit: true })], backends }));
  await until(() => received.some((bytes) => bytes.length > 0), { what: 'a probe' });
  assert.equal(await exchange(port, 'hello'), 'seen');
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
  // A probe that opened its connection this moment has sent nothing yet.
  const heads = received.filter((bytes) => bytes.length > 0);
  for (const head of heads) assert.deepEqual(head.subarray(0, 12), signature);
  // Version 2, PROXY, TCP over IPv4; then 12 bytes of addresses: the client's first.
  const proxied = heads.find((head) => head[12] === 0x21 && head.includes('hello'));
  assert.deepEqual([...proxied!.subarray(16, 20)], [127, 0, 0, 1]);
});

test('a source hash keeps a client at its server, through reloads and other engines', async (t) => {
  const names: Set<string>[] = [];
  const pair = [await startTcpEcho('s-a'), await startTcpEcho('s-b'), await startTcpEcho('s-c')];
  for (const server of pair) t.after(() => server.close());
  for (let round = 0; round < 2; round++) {
    const { engine } = await openEngine(t);
    const port = await freePort(host);
    const listeners = [tcp(port, { scheduler: 'sch' })];
    const all = balancer('lb-1', { listeners, backends: attached(pair) });
    await engine.apply({ ...all, backends: attached(pair.toReversed()) });
    for (let reload = 0; reload < 2; reload++) {
      for (let i = 0; i < 3; i++) {
        const session = await openSession(host, port);
        names.push(new Set([session.server]));
        session.end();
      }
      await engine.apply({ ...all, backends: attached(pair.slice(1)) });
      await engine.apply({ ...all, listeners: [...listeners, http(await freePort(host))] });
    }
  }
  assert.equal(new Set(names.flatMap((set) => [...set])).size, 1);
});

test('a four-tuple hash spreads the connections of one client', async (t) => {
  const { engine } = await openEngine(t);
  const pair = [await startTcpEcho('s-a'), await startTcpEcho('s-b')];
  for (const server of pair) t.after(() => server.close());
  const port = await freePort(host);
  const listeners = [tcp(port, { scheduler: 'tch' })];
  assert.deepEqual(
    await engine.apply(balancer('lb-1', { listeners, backends: attached(pair) })),
    [],
  );
  for (let i = 0; i < 60; i++) (await openSession(host, port)).end();
  for (const server of pair) assert.ok(server.count() > 10, `${server.count()} of 60`);
});

for (const [scheduler, expected] of [
  ['wrr', 30],
  ['rr', 20],
] as const) {
  const promise = scheduler === 'rr' ? 'takes servers in turn' : 'follows weights';
  test(`${scheduler} ${promise}`, async (t) => {
    const { engine } = await openEngine(t);
    const pair = [await startHttpServer('s-a'), await startHttpServer('s-b')] as const;
    for (const server of pair) t.after(() => server.close());
    const port = await freePort(host);
    const backends = [...attached([pair[0]], 30), ...attached([pair[1]], 10)];
    const wanted = balancer('lb-1', { listeners: [http(port, { scheduler })], backends });
    assert.deepEqual(await engine.apply(wanted), []);
    const at = new Map([
      ['s-a', 0],
      ['s-b', 0],
    ]);
    for (let i = 0; i < 40; i++) {
      const name = await get({ host, port, agent: false });
      at.set(name, at.get(name)! + 1);
    }
    assert.ok(Math.abs(at.get('s-a')! - expected) <= 2, `${at.get('s-a')} of 40 at s-a`);
  });
}

test('a server that refuses connections costs no request', async (t) => {
  const { engine } = await openEngine(t);
  const good = await startHttpServer('s-a');
  t.after(() => good.close());
  const gone = { name: 's-b', ip: host, port: await freePort(host) };
  const port = await freePort(host);
  const health = { ...http(port).health, enabled: false };
  const backends = attached([good, gone]);
  await engine.apply(balancer('lb-1', { listeners: [http(port, { health })], backends }));
  for (let i = 0; i < 10; i++) assert.equal(await get({ host, port, agent: false }), 's-a');
});

test('an HTTP probe asks as told and judges by the classes of codes', async (t) => {
  const { engine } = await openEngine(t);
  const asked: string[] = [];
  const { backends } = await httpServer(t, (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.writeHead(302).end();
  });
  const probe = {
    kind: 'http',
    method: 'get',
    uri: '/live?a=b&c=%20$(',
    domain: 'x.test',
  } as const;
  const ports = [await freePort(host), await freePort(host)] as const;
  const listeners = [
    tcp(ports[0], { health: { ...tcp(1).health, ...probe, httpCode: 'http_2xx,http_3xx' } }),
    http(ports[1], { health: { ...tcp(1).health, ...probe, httpCode: 'http_2xx,http_4xx' } }),
  ];
  assert.deepEqual(await engine.apply(balancer('lb-1', { listeners, backends })), []);
  const verdicts = async () =>
    Object.fromEntries((await engine.health()).map((each) => [each.listener, each.healthy]));
  await until(async () => (await verdicts())[`http:${ports[1]}`] === false, { what: 'a verdict' });
  assert.equal((await verdicts())[`tcp:${ports[0]}`], true);
  assert.deepEqual(new Set(asked), new Set(['GET /live?a=b&c=%20$( x.test']));
});
