import assert from 'node:assert/strict';
import nodeHttp from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startHttpServer, startTcpEcho } from '../support/backends.ts';
import { makeCertificate } from '../support/certificates.ts';
import { attached, balancer, http, https, openEngine, tcp } from '../support/haproxy.ts';
import { get } from '../support/load.ts';
import { freePort } from '../support/ports.ts';

const host = '127.0.0.1';

/** 5,000 connections, 2,000 new ones and 800 requests a second. */
const spec = 'elb.s1.small';

/** Runs `one` in as many loops until the time is over. @returns how often each outcome came */
async function hammer(loops: number, ms: number, one: () => Promise<string>) {
  const counts: Record<string, number> = {};
  const end = performance.now() + ms;
  const loop = async () => {
    while (performance.now() < end) {
      const outcome = await one();
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return counts;
}

/** Opens a connection that stays. @returns undefined when it was dropped before the first byte */
function open(port: number): Promise<net.Socket | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    socket.once('data', () => resolve(socket));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(undefined));
  });
}

test('requests over the figure of the specification get 503, others are served', async (t) => {
  const { engine } = await openEngine(t);
  const server = await startHttpServer('s-a');
  t.after(() => server.close());
  // Both listeners together have the figure.
  const ports = [await freePort(host), await freePort(host)] as const;
  const listeners = ports.map((port) => http(port));
  const backends = attached([server]);
  assert.deepEqual(await engine.apply(balancer('lb-1', { spec, listeners, backends })), []);
  const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 16 });
  t.after(() => agent.destroy());
  let turn = 0;
  const one = () =>
    get({ host, port: ports[turn++ % 2]!, agent }).then(
      () => 'served',
      (error: Error) => error.message.slice(0, 10),
    );
  const seconds = 4;
  const counts = await hammer(16, seconds * 1_000, one);
  assert.deepEqual(Object.keys(counts).sort(), ['served', 'status 503']);
  // The first second begins with nothing counted.
  assert.ok(counts.served! > 0.7 * seconds * 800, JSON.stringify(counts));
  assert.ok(counts.served! < 1.2 * (seconds + 1) * 800, JSON.stringify(counts));
  // Another load balancer, and another specification of this one, have their own figure.
  await engine.apply(balancer('lb-1', { spec: 'elb.s3.medium', listeners, backends }));
  assert.deepEqual(Object.keys(await hammer(16, 1_000, one)), ['served']);
});

test('requests of one HTTP/2 connection count one by one', async (t) => {
  const { engine, certificates } = await openEngine(t);
  certificates.set('1', makeCertificate({ name: 'one.test' }));
  const server = await startHttpServer('s-a');
  t.after(() => server.close());
  const port = await freePort(host);
  const wanted = { spec, listeners: [https(port)], backends: attached([server]) };
  assert.deepEqual(await engine.apply(balancer('lb-1', wanted)), []);
  const client = http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false });
  t.after(() => client.destroy());
  const one = () =>
    new Promise<string>((resolve, reject) => {
      const stream = client.request();
      stream.on('response', (headers) => resolve(String(headers[':status'])));
      stream.on('error', reject);
      stream.resume();
    });
  const seconds = 2;
  const counts = await hammer(32, seconds * 1_000, one);
  assert.deepEqual(Object.keys(counts).sort(), ['200', '503']);
  assert.ok(counts['200']! > 0.7 * seconds * 800, JSON.stringify(counts));
  assert.ok(counts['200']! < 1.2 * (seconds + 1) * 800, JSON.stringify(counts));
});

test('new connections over the figure are dropped, and existing ones go on', async (t) => {
  const { engine } = await openEngine(t);
  const server = await startTcpEcho('s-a');
  t.after(() => server.close());
  const port = await freePort(host);
  const listeners = [tcp(port)];
  await engine.apply(balancer('lb-1', { spec, listeners, backends: attached([server]) }));
  const seconds = 2;
  const counts = await hammer(32, seconds * 1_000, async () => {
    const socket = await open(port);
    socket?.resetAndDestroy();
    return socket === undefined ? 'dropped' : 'served';
  });
  assert.ok(counts.served! < 1.2 * (seconds + 1) * 2_000, JSON.stringify(counts));
  assert.ok(counts.served! > 1_000, JSON.stringify(counts));
});

test('no more connections at a time than the figure, and one that ends makes room', async (t) => {
  const { engine } = await openEngine(t);
  const server = await startTcpEcho('s-a');
  t.after(() => server.close());
  const port = await freePort(host);
  const listeners = [tcp(port)];
  await engine.apply(balancer('lb-1', { spec, listeners, backends: attached([server]) }));
  const held: net.Socket[] = [];
  t.after(() => {
    for (const socket of held) socket.resetAndDestroy();
  });
  const full = performance.now() + 60_000;
  while (held.length < 5_000 && performance.now() < full) {
    const opened = await Promise.all(Array.from({ length: 20 }, () => open(port)));
    held.push(...opened.filter((socket) => socket !== undefined));
    // Slower than the figure for new ones, which would drop some.
    await delay(15);
  }
  assert.equal(held.length, 5_000);
  assert.equal(await open(port), undefined);
  const [first] = held;
  first!.write('still there\n');
  await new Promise((resolve) => first!.once('data', resolve));
  held.pop()!.resetAndDestroy();
  let next: net.Socket | undefined;
  for (let tries = 0; next === undefined && tries < 200; tries++) next = await open(port);
  assert.ok(next !== undefined);
  held.push(next);
});
