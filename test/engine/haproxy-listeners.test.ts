import assert from 'node:assert/strict';
import nodeHttp from 'node:http';
import type net from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { HealthCheck, HttpListener } from '../../src/elb/types.ts';
import { startHttpServer } from '../support/backends.ts';
import { attached, balancer, http, openEngine } from '../support/haproxy.ts';
import { get } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

/** Parameters of HTTP listeners on traffic; TCP ones are in tcp-cases.ts. */

const host = '127.0.0.1';

/** A server that says when it was probed, and answers probes as it is told. */
interface Probed {
  readonly port: number;
  /** `HEAD /`, and performance.now() of each. */
  readonly probes: { readonly asked: string; readonly at: number }[];
  /** Milliseconds until a probe is answered, and with what. */
  answer: { delayMs: number; status: number };
}

async function startProbed(t: TestContext): Promise<Probed> {
  const made: Probed = { port: 0, probes: [], answer: { delayMs: 0, status: 200 } };
  const server = nodeHttp.createServer((request, response) => {
    if (request.url !== '/live') return response.end('served');
    made.probes.push({ asked: `${request.method} ${request.url}`, at: performance.now() });
    const { delayMs, status } = made.answer;
    setTimeout(() => response.writeHead(status).end(), delayMs);
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return Object.assign(made, { port: (server.address() as net.AddressInfo).port });
}

const health: HealthCheck = {
  enabled: true,
  kind: 'http',
  uri: '/live',
  timeoutSeconds: 1,
  intervalSeconds: 1,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
};

/** One server behind one HTTP listener. @returns what its probes have come to */
async function carry(t: TestContext, port: number, more: Partial<HttpListener>) {
  const { engine } = await openEngine(t);
  const listeners = [http(await freePort(host), { health, ...more })];
  const backends = attached([{ name: 's-a', ip: host, port }]);
  assert.deepEqual(await engine.apply(balancer('lb-1', { listeners, backends })), []);
  return {
    listenerPort: listeners[0]!.port,
    isHealthy: async () => (await engine.health())[0]?.healthy,
  };
}

describe('probes of an HTTP listener', { concurrency: 4 }, () => {
  for (const [threshold, good] of [
    [4, true],
    [2, true],
    [4, false],
    [2, false],
  ] as const) {
    const which = good ? 'HealthyThreshold' : 'UnhealthyThreshold';
    test(`${which} ${threshold}: as many in a row change the verdict`, async (t) => {
      const server = await startProbed(t);
      server.answer.status = good ? 500 : 200;
      const thresholds = { healthyThreshold: threshold, unhealthyThreshold: threshold };
      const { isHealthy } = await carry(t, server.port, { health: { ...health, ...thresholds } });
      await until(async () => (await isHealthy()) === !good, { what: 'the verdict before' });
      const before = server.probes.length;
      server.answer.status = good ? 200 : 500;
      await until(async () => (await isHealthy()) === good, { what: 'the verdict' });
      // One probe may have been on its way when the answer changed.
      const count = server.probes.length - before;
      assert.ok(count >= threshold && count <= threshold + 1, `${count} probes`);
    });
  }

  for (const intervalSeconds of [1, 3]) {
    test(`HealthCheckInterval ${intervalSeconds}: seconds from one to the next`, async (t) => {
      const server = await startProbed(t);
      await carry(t, server.port, { health: { ...health, intervalSeconds } });
      await until(() => server.probes.length >= 3, { what: 'three probes' });
      const [, second, third] = server.probes;
      const seconds = (third!.at - second!.at) / 1_000;
      assert.ok(Math.abs(seconds - intervalSeconds) < 0.5, `${seconds} s`);
    });
  }

  test('HealthCheckTimeout: a probe that is answered later has failed', async (t) => {
    const server = await startProbed(t);
    server.answer.delayMs = 1_800;
    const of = (timeoutSeconds: number, intervalSeconds: number) =>
      carry(t, server.port, { health: { ...health, timeoutSeconds, intervalSeconds } });
    const [short, long, below] = [await of(1, 1), await of(4, 1), await of(1, 3)];
    await until(async () => (await short.isHealthy()) === false, { what: 'a late probe' });
    await until(() => server.probes.length > 12, { what: 'probes' });
    assert.equal(await long.isHealthy(), true);
    // Below the interval it is ignored: the interval counts.
    assert.equal(await below.isHealthy(), true);
  });

  test('HealthCheckConnectPort: the port that probes go to, and no request', async (t) => {
    const [server, probed] = [await startHttpServer('s-a'), await startProbed(t)];
    t.after(() => server.close());
    probed.answer.status = 500;
    const port = probed.port;
    const { isHealthy, listenerPort } = await carry(t, server.port, {
      health: { ...health, port },
    });
    await until(async () => (await isHealthy()) === false, { what: 'the verdict of that port' });
    probed.answer.status = 200;
    await until(isHealthy, { what: 'the verdict of that port' });
    assert.equal(await get({ host, port: listenerPort, path: '/live', agent: false }), 's-a');
  });

  test('HealthCheck off: no probe, and the server counts as healthy', async (t) => {
    const server = await startProbed(t);
    const off = { ...health, enabled: false };
    const { isHealthy, listenerPort } = await carry(t, server.port, { health: off });
    assert.equal(await get({ host, port: listenerPort, agent: false }), 'served');
    assert.equal(await isHealthy(), true);
    const other = await startProbed(t);
    await carry(t, other.port, {});
    await until(() => other.probes.length >= 3, { what: 'probes of another listener' });
    assert.equal(server.probes.length, 0);
  });

  for (const method of [undefined, 'head', 'get'] as const) {
    test(`HealthCheckMethod ${method ?? 'not said'}`, async (t) => {
      const server = await startProbed(t);
      const asked = method === undefined ? {} : { method };
      await carry(t, server.port, { health: { ...health, ...asked } });
      await until(() => server.probes.length >= 1, { what: 'a probe' });
      assert.equal(server.probes[0]?.asked, `${method === 'get' ? 'GET' : 'HEAD'} /live`);
    });
  }
});

test('BackendServerPort is where servers without a port of their own are', async (t) => {
  const { engine } = await openEngine(t);
  const server = await startHttpServer('s-a');
  t.after(() => server.close());
  const backends = attached([{ ...server, port: 0 }]);
  const listeners = [http(await freePort(host), { backendPort: server.port })];
  assert.deepEqual(await engine.apply(balancer('lb-1', { listeners, backends })), []);
  assert.equal(await get({ host, port: listeners[0]!.port, agent: false }), 's-a');
});

test('wlc sends requests to the server that has the fewest', async (t) => {
  const { engine } = await openEngine(t);
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const busy = await startHttpServer('s-a', { held });
  const servers = [busy, await startHttpServer('s-b')];
  for (const server of servers) t.after(() => server.close());
  const port = await freePort(host);
  const listeners = [http(port, { scheduler: 'wlc' })];
  const wanted = balancer('lb-1', { listeners, backends: attached(servers) });
  assert.deepEqual(await engine.apply(wanted), []);
  const request = () => get({ host, port, agent: false });
  let first: Promise<string>;
  do {
    first = request();
    const isHeld = until(() => busy.count() === 1, { what: 'a request at the busy server' });
    await Promise.race([first, isHeld]);
    isHeld.catch(() => {});
  } while (busy.count() === 0);
  for (let i = 0; i < 10; i++) assert.equal(await request(), 's-b');
  release();
  assert.equal(await first, 's-a');
});

for (const scheduler of ['sch', 'qch', 'iqch'] as const) {
  test(`${scheduler} keeps the requests of a client at one server`, async (t) => {
    const { engine } = await openEngine(t);
    const servers = await Promise.all(['s-a', 's-b', 's-c'].map((name) => startHttpServer(name)));
    for (const server of servers) t.after(() => server.close());
    const port = await freePort(host);
    const listeners = [http(port, { scheduler })];
    await engine.apply(balancer('lb-1', { listeners, backends: attached(servers) }));
    const at = async (localAddress: string) => {
      const names = new Set<string>();
      for (let i = 0; i < 10; i++) names.add(await get({ host, port, localAddress, agent: false }));
      assert.equal(names.size, 1, `${[...names]} for ${localAddress}`);
      return [...names][0];
    };
    const clients = Array.from({ length: 12 }, (_, index) => `127.0.0.${10 + index}`);
    const found = new Set(await Promise.all(clients.map(at)));
    assert.ok(found.size > 1, 'all clients came to one server');
  });
}
