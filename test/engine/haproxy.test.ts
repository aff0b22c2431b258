import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DrainingServer, LoadBalancer } from '../../src/elb/types.ts';
import { startHttpServer, startTcpEcho, type TestBackend } from '../support/backends.ts';
import { attached, balancer, http, openEngine, tcp } from '../support/haproxy.ts';
import { get, openSession, startHttpLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';

/** Names of the servers that new sessions come to. */
async function sessionsAt(port: number, count: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const session = await openSession(host, port);
    names.add(session.server);
    session.end();
  }
  return names;
}

function draining(backend: TestBackend, deadline: number): DrainingServer {
  return { ...attached([backend])[0]!, deadline };
}

async function httpPair(t: { after(run: () => Promise<void>): void }) {
  const pair = [await startHttpServer('s-a'), await startHttpServer('s-b')] as const;
  for (const server of pair) t.after(() => server.close());
  return pair;
}

async function tcpPair(t: { after(run: () => Promise<void>): void }) {
  const pair = [await startTcpEcho('s-a'), await startTcpEcho('s-b')] as const;
  for (const server of pair) t.after(() => server.close());
  return pair;
}

test('a removed server gets no request begun after apply, and no request fails', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await httpPair(t);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [http(port)], backends: attached(pair) });
  assert.deepEqual(await engine.apply(all), []);
  const loads = [true, false].map((keepAlive) =>
    startHttpLoad({ host, port, clients: 4, keepAlive }),
  );
  const seen = () => loads.flatMap(({ observations }) => observations);
  for (let round = 0; round < 40; round++) {
    const [left, gone] = round % 2 === 0 ? pair : ([pair[1], pair[0]] as const);
    assert.deepEqual(await engine.apply({ ...all, backends: attached([left]) }), []);
    const since = performance.now();
    const enough = () => seen().filter(({ begun }) => begun > since).length > 20;
    await until(enough, { what: 'requests after the removal' });
    const late = seen().filter(({ begun, server }) => begun > since && server === gone.name);
    assert.deepEqual(late, []);
    assert.deepEqual(await engine.apply(all), []);
  }
  await Promise.all(loads.map((load) => load.stop()));
  assert.deepEqual(
    loads.flatMap(({ failures }) => failures),
    [],
  );
});

test('a session of a removed server goes on, is counted, and is cut at the deadline', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await tcpPair(t);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [tcp(port)], backends: attached(pair) });
  await engine.apply(all);
  const session = await openSession(host, port);
  const gone = pair.find(({ name }) => name === session.server)!;
  const left = attached(pair.filter((other) => other !== gone));
  const deadline = Date.now() + 2_000;
  const drained = { ...all, backends: left, draining: [draining(gone, deadline)] };
  assert.deepEqual(await engine.apply(drained), []);
  await session.echo('still here');
  assert.ok(!(await sessionsAt(port, 6)).has(gone.name));
  const progress = await engine.drains();
  assert.deepEqual(
    progress.map(({ server, sessions }) => [server.serverId, sessions]),
    [[gone.name, 1]],
  );
  await session.closed;
  assert.ok(Date.now() >= deadline);
  assert.deepEqual(await engine.drains(), []);
  assert.deepEqual(await engine.apply(all), []);
  assert.deepEqual(await sessionsAt(port, 6), new Set(['s-a', 's-b']));
});

test('a server that returns during its drain keeps its session past the deadline', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await tcpPair(t);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [tcp(port)], backends: attached(pair) });
  await engine.apply(all);
  const session = await openSession(host, port);
  const gone = pair.find(({ name }) => name === session.server)!;
  const left = attached(pair.filter((other) => other !== gone));
  const deadline = Date.now() + 400;
  await engine.apply({ ...all, backends: left, draining: [draining(gone, deadline)] });
  assert.deepEqual(await engine.apply(all), []);
  await until(() => Date.now() > deadline + 100, { what: 'the deadline' });
  await session.echo('still here');
  assert.ok((await sessionsAt(port, 6)).has(gone.name));
});

test('a removal without a drain cuts at once, and a slot in use returns', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await tcpPair(t);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [tcp(port)], backends: attached(pair) });
  await engine.apply(all);
  for (let round = 0; round < 5; round++) {
    const session = await openSession(host, port);
    const left = pair.filter(({ name }) => name !== session.server);
    assert.deepEqual(await engine.apply({ ...all, backends: attached(left) }), []);
    await session.closed;
    assert.deepEqual(await engine.apply(all), []);
  }
});

test('weight 0 gets no new session, persistent clients included, and keeps its own', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await tcpPair(t);
  const port = await freePort(host);
  const listeners = [tcp(port, { persistenceTimeoutSeconds: 60 })];
  const all = balancer('lb-1', { listeners, backends: attached(pair) });
  await engine.apply(all);
  const session = await openSession(host, port);
  assert.deepEqual(await sessionsAt(port, 6), new Set([session.server]), 'persistent');
  const backends = attached(pair).map((server) =>
    server.serverId === session.server ? { ...server, weight: 0 } : server,
  );
  assert.deepEqual(await engine.apply({ ...all, backends }), []);
  assert.ok(!(await sessionsAt(port, 6)).has(session.server));
  await session.echo('still here');
  session.end();
});

test('persistent clients stay with their server over a reload', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await tcpPair(t);
  const port = await freePort(host);
  const listeners = [tcp(port, { persistenceTimeoutSeconds: 60 })];
  const all = balancer('lb-1', { listeners, backends: attached(pair) });
  await engine.apply(all);
  const [name] = await sessionsAt(port, 1);
  for (let round = 0; round < 3; round++) {
    const other = http(await freePort(host));
    await engine.apply({ ...all, listeners: [...listeners, other] });
    // The worker before hands its table over once it has seen the new one.
    await until(async () => (await sessionsAt(port, 1)).has(name!), { what: 'the same server' });
    assert.deepEqual(await sessionsAt(port, 6), new Set([name]));
  }
});

test('with no server a TCP session is closed at once and HTTP gets 503', async (t) => {
  const { engine } = await openEngine(t);
  const ports = [await freePort(host), await freePort(host)] as const;
  const listeners = [tcp(ports[0]), http(ports[1])];
  assert.deepEqual(await engine.apply(balancer('lb-1', { listeners })), []);
  await assert.rejects(openSession(host, ports[0]), /closed/);
  await assert.rejects(get({ host, port: ports[1], agent: false }), /status 503/);
});

test('traffic goes to all servers that have weight when no probe succeeds', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await httpPair(t);
  const resting = await startHttpServer('s-c');
  t.after(() => resting.close());
  const port = await freePort(host);
  const health = { ...http(port).health, kind: 'http', httpCode: 'http_5xx' } as const;
  const backends = [...attached(pair), ...attached([resting], 0)];
  const failing = balancer('lb-1', { listeners: [http(port, { health })], backends });
  assert.deepEqual(await engine.apply(failing), []);
  await until(async () => (await engine.health()).every(({ healthy }) => !healthy), {
    what: 'probes that fail',
  });
  const names = new Set<string>();
  for (let i = 0; i < 8; i++) names.add(await get({ host, port, agent: false }));
  assert.deepEqual(names, new Set(['s-a', 's-b']));
  // A removal counts there too.
  assert.deepEqual(await engine.apply({ ...failing, backends: attached([pair[0]]) }), []);
  for (let i = 0; i < 8; i++) assert.equal(await get({ host, port, agent: false }), 's-a');
});

test('a listener that cannot bind is named and keeps no other change from loading', async (t) => {
  const { engine } = await openEngine(t);
  const [server] = await httpPair(t);
  const taken = await startHttpServer('other-program');
  t.after(() => taken.close());
  const port = await freePort(host);
  const blocked = balancer('lb-1', {
    listeners: [http(taken.port), http(port)],
    backends: attached([server]),
  });
  const elsewhere = await freePort(host);
  const fine = balancer('lb-2', { listeners: [http(elsewhere)], backends: attached([server]) });
  const [failures, none] = await Promise.all([engine.apply(blocked), engine.apply(fine)]);
  assert.deepEqual(none, []);
  assert.deepEqual(
    failures.map(({ loadBalancerId, listener }) => [loadBalancerId, listener]),
    [['lb-1', `http:${taken.port}`]],
  );
  assert.match(failures[0]!.reason, new RegExp(`process ${process.pid}\\)`));
  assert.equal(await get({ host, port, agent: false }), 's-a');
  assert.equal(await get({ host, port: elsewhere, agent: false }), 's-a');
  await taken.close();
  assert.deepEqual(await engine.apply(blocked), []);
  assert.equal(await get({ host, port: taken.port, agent: false }), 's-a');
});

test('two load balancers never share an address and port', async (t) => {
  const { engine } = await openEngine(t);
  const port = await freePort(host);
  const both = ['lb-1', 'lb-2'].map((id) => balancer(id, { listeners: [http(port)] }));
  const results = await Promise.all(both.map((each) => engine.apply(each)));
  const failures = results.flat();
  assert.equal(failures.length, 1);
  assert.match(failures[0]!.reason, /lb-[12] does/);
});

test('many changes of listeners share reloads', async (t) => {
  const { engine, processes } = await openEngine(t);
  const before = (await processes()).reloads;
  const ids = Array.from({ length: 20 }, (_, i) => `lb-${i}`);
  const distinct = new Set<number>();
  while (distinct.size < ids.length) distinct.add(await freePort(host));
  const ports = [...distinct];
  const wanted = ids.map((id, i) => balancer(id, { listeners: [http(ports[i]!)] }));
  const results = await Promise.all(wanted.map((each) => engine.apply(each)));
  assert.deepEqual(results.flat(), []);
  const { reloads } = await processes();
  assert.ok(reloads - before <= 3, `${reloads - before} reloads`);
  await engine.prune(new Set(ids.slice(0, 1)));
  await assert.rejects(get({ host, port: ports[1]!, agent: false }), /ECONNREFUSED/);
  await assert.rejects(get({ host, port: ports[0]!, agent: false }), /status 503/);
});

test('what does not change a listener does not reload', async (t) => {
  const { engine, processes } = await openEngine(t);
  const pair = await httpPair(t);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [http(port)], backends: attached(pair) });
  await engine.apply(all);
  const { reloads } = await processes();
  const changes: Partial<LoadBalancer>[] = [
    { backends: attached([pair[0]]) },
    { backends: attached(pair, 7) },
    { backends: attached(pair, 0) },
    { backends: [] },
    { backends: attached(pair), name: 'another' },
  ];
  for (const change of changes) assert.deepEqual(await engine.apply({ ...all, ...change }), []);
  assert.equal((await processes()).reloads, reloads);
});

test('a listener without its certificate is named; one out of use carries nothing', async (t) => {
  const { engine } = await openEngine(t);
  const port = await freePort(host);
  const { forwardedFor: _, ...rest } = http(443);
  const https = { ...rest, protocol: 'https', certificateId: '1-local' } as const;
  const wanted = balancer('lb-1', { listeners: [http(port), https] });
  assert.deepEqual(await engine.apply(wanted), [
    {
      loadBalancerId: 'lb-1',
      listener: 'https:443',
      reason: 'certificate 1 has not come',
      inert: true,
    },
  ]);
  assert.deepEqual(await engine.apply({ ...wanted, status: 'InActive' }), []);
  await assert.rejects(get({ host, port, agent: false }), /ECONNREFUSED/);
});

test('removing a load balancer closes its listeners and cuts its sessions', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await tcpPair(t);
  const port = await freePort(host);
  await engine.apply(balancer('lb-1', { listeners: [tcp(port)], backends: attached(pair) }));
  const session = await openSession(host, port);
  await engine.remove('lb-1');
  await session.closed;
  await assert.rejects(openSession(host, port));
  await engine.remove('lb-1');
});

test('IPv6 listeners and servers work', async (t) => {
  const { engine } = await openEngine(t);
  const server = await startHttpServer('s-6', { host: '::1' });
  t.after(() => server.close());
  const port = await freePort('::1');
  const backends = attached([{ ...server, ip: '0:0::1' }]);
  const wanted = balancer('lb-1', {
    address: '::1',
    ipVersion: 'ipv6',
    listeners: [http(port)],
    backends,
  });
  assert.deepEqual(await engine.apply(wanted), []);
  assert.equal(await get({ host: '::1', port, agent: false }), 's-6');
  assert.deepEqual(await engine.apply({ ...wanted, backends: [] }), []);
  assert.deepEqual(await engine.apply(wanted), []);
  assert.equal(await get({ host: '::1', port, agent: false }), 's-6');
});
