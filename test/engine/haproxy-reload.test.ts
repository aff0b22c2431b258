import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import nodeHttp from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathsOf } from '../../src/forwarder/haproxy/paths.ts';
import { SectionFiles } from '../../src/forwarder/haproxy/section-files.ts';
import type { Processes } from '../../src/forwarder/haproxy/tables.ts';
import { startHttpServer, startTcpEcho } from '../support/backends.ts';
import { attached, balancer, http, openEngine, tcp } from '../support/haproxy.ts';
import { get, openSession, startHttpLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';

/** A worker that was replaced ends on its own, once what it has counted was read. */
function untilAlone(processes: () => Promise<Processes>): Promise<Processes> {
  const alone = async () => {
    const found = await processes();
    return found.old.length === 0 ? found : undefined;
  };
  return until(alone, { what: 'the end of the worker before' });
}

async function servers(t: TestContext, start: typeof startHttpServer | typeof startTcpEcho) {
  const pair = [await start('s-a'), await start('s-b')] as const;
  for (const server of pair) t.after(() => server.close());
  return pair;
}

test('reloads lose no request, on new connections or on kept ones', async (t) => {
  const { engine, processes } = await openEngine(t);
  const pair = await servers(t, startHttpServer);
  const port = await freePort(host);
  const listeners = [http(port)];
  const all = balancer('lb-1', { listeners, backends: attached(pair) });
  await engine.apply(all);
  const loads = [true, false].map((keepAlive) =>
    startHttpLoad({ host, port, clients: 4, keepAlive }),
  );
  const { reloads } = await processes();
  for (let round = 0; round < 8; round++) {
    const more = round % 2 === 0 ? [http(await freePort(host))] : [];
    assert.deepEqual(await engine.apply({ ...all, listeners: [...listeners, ...more] }), []);
  }
  assert.equal((await processes()).reloads, reloads + 8);
  await Promise.all(loads.map((load) => load.stop()));
  assert.ok(loads.every(({ observations }) => observations.length > 50));
  assert.deepEqual(
    loads.flatMap(({ failures }) => failures),
    [],
  );
});

test('no connection kept since before a reload leads to a server removed after it', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await servers(t, startHttpServer);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [http(port)], backends: attached(pair) });
  await engine.apply(all);
  for (const gone of pair) {
    const agents = Array.from({ length: 8 }, () => {
      const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      return agent;
    });
    await Promise.all(agents.map((agent) => get({ host, port, agent })));
    await engine.apply(balancer('lb-2', { listeners: [http(await freePort(host))] }));
    const left = pair.filter((server) => server !== gone);
    assert.deepEqual(await engine.apply({ ...all, backends: attached(left) }), []);
    const before = gone.count();
    const names = await Promise.all(agents.map((agent) => get({ host, port, agent })));
    assert.deepEqual(new Set(names), new Set(left.map(({ name }) => name)));
    assert.equal(gone.count(), before);
    await engine.apply(all);
  }
});

test('a session of before a reload is counted, and cut at the deadline of its drain', async (t) => {
  const { engine, processes } = await openEngine(t);
  const pair = await servers(t, startTcpEcho);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [tcp(port)], backends: attached(pair) });
  await engine.apply(all);
  const sessions = [await openSession(host, port), await openSession(host, port)];
  const [gone, stays] = sessions as [(typeof sessions)[0], (typeof sessions)[0]];
  await engine.apply(balancer('lb-2', { listeners: [http(await freePort(host))] }));
  assert.equal((await processes()).old.length, 1);
  const isGone = ({ serverId }: { serverId: string }) => serverId === gone.server;
  const deadline = Date.now() + 1_500;
  const wanted = {
    ...all,
    backends: attached(pair).filter((server) => !isGone(server)),
    draining: attached(pair)
      .filter(isGone)
      .map((server) => ({ ...server, deadline })),
  };
  assert.deepEqual(await engine.apply(wanted), []);
  assert.deepEqual(
    (await engine.drains()).map(({ sessions }) => sessions),
    [1],
  );
  await gone.echo('still here');
  await gone.closed;
  assert.ok(Date.now() >= deadline);
  await stays.echo('still here');
  stays.end();
});

test('changed settings of a listener keep its sessions; stopping it cuts them', async (t) => {
  const { engine } = await openEngine(t);
  const pair = await servers(t, startTcpEcho);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [tcp(port)], backends: attached(pair) });
  await engine.apply(all);
  const session = await openSession(host, port);
  const changed = { ...all, listeners: [tcp(port, { scheduler: 'wlc' })] };
  assert.deepEqual(await engine.apply(changed), []);
  await session.echo('still here');
  assert.deepEqual(await engine.apply({ ...all, listeners: [tcp(port, { running: false })] }), []);
  await session.closed;
});

test('InActive ends a kept connection and a session at once; Active brings all back', async (t) => {
  const { engine } = await openEngine(t);
  const [echo, web] = [await startTcpEcho('s-a'), await startHttpServer('s-b')];
  for (const server of [echo, web]) t.after(() => server.close());
  const ports = [await freePort(host), await freePort(host)] as const;
  const parts = { listeners: [tcp(ports[0])], backends: attached([echo]) };
  const layer4 = balancer('lb-1', parts);
  const layer7 = balancer('lb-2', { listeners: [http(ports[1])], backends: attached([web]) });
  for (const each of [layer4, layer7]) assert.deepEqual(await engine.apply(each), []);
  const session = await openSession(host, ports[0]);
  const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const kept = () => get({ host, port: ports[1], agent });
  assert.equal(await kept(), 's-b');
  for (const each of [layer4, layer7]) await engine.apply({ ...each, status: 'InActive' });
  await session.closed;
  await assert.rejects(openSession(host, ports[0]));
  const before = web.count();
  for (let i = 0; i < 3; i++) await assert.rejects(kept());
  assert.equal(web.count(), before);
  for (const each of [layer4, layer7]) assert.deepEqual(await engine.apply(each), []);
  assert.equal(await kept(), 's-b');
  (await openSession(host, ports[0])).end();
});

test('a server known to be down gets nothing after a reload until a probe succeeds', async (t) => {
  const { engine } = await openEngine(t);
  const good = await startHttpServer('s-a');
  t.after(() => good.close());
  let status = 500;
  let requests = 0;
  const sick = nodeHttp.createServer((request, response) => {
    if (request.method === 'GET') requests += 1;
    response.writeHead(status).end('s-b');
  });
  await new Promise<void>((resolve) => sick.listen(0, host, resolve));
  t.after(() => sick.close());
  const address = sick.address() as { port: number };
  const port = await freePort(host);
  const health = { ...http(port).health, kind: 'http' } as const;
  const backends = attached([good, { name: 's-b', ip: host, port: address.port }]);
  const all = balancer('lb-1', { listeners: [http(port, { health })], backends });
  await engine.apply(all);
  const isDown = async () =>
    (await engine.health()).some(({ serverId, healthy }) => serverId === 's-b' && !healthy);
  await until(isDown, { what: 'the sick server to be down' });
  const load = startHttpLoad({ host, port, clients: 2, keepAlive: false });
  const before = requests;
  for (let round = 0; round < 3; round++) {
    const other = balancer('lb-2', { listeners: [http(await freePort(host))] });
    assert.deepEqual(await engine.apply(other), []);
    assert.deepEqual(await engine.apply(all), []);
    assert.ok(await isDown());
  }
  await load.stop();
  assert.equal(requests, before);
  assert.deepEqual(load.failures, []);
  status = 200;
  await until(async () => (await get({ host, port, agent: false })) === 's-b', {
    what: 'traffic at the server that is well again',
  });
});

for (const victim of ['master', 'worker'] as const) {
  test(`traffic flows again after HAProxy's ${victim} was killed`, async (t) => {
    const { engine, processes, master } = await openEngine(t);
    const pair = await servers(t, startHttpServer);
    const port = await freePort(host);
    const all = balancer('lb-1', { listeners: [http(port)], backends: attached(pair) });
    await engine.apply(all);
    const lost: string[] = [];
    engine.onLost((reason) => lost.push(reason));
    const { current } = await processes();
    const [, pid] = /^(\d+)\s+master/m.exec(await master('show proc'))!;
    process.kill(victim === 'master' ? Number(pid) : current!, 'SIGKILL');
    await until(() => lost.length > 0, { what: 'the engine to tell' });
    assert.match(await get({ host, port, agent: false }), /^s-[ab]$/);
    assert.deepEqual(await engine.apply({ ...all, backends: attached([pair[0]]) }), []);
    assert.equal(await get({ host, port, agent: false }), 's-a');
    assert.equal(lost.length, 1);
  });
}

test('a killed worker leaves nothing stale: sessions, drains, removed servers', async (t) => {
  const { engine, processes } = await openEngine(t);
  const [echo, ...web] = [await startTcpEcho('s-e'), ...(await servers(t, startHttpServer))];
  t.after(() => echo!.close());
  const ports = [await freePort(host), await freePort(host)] as const;
  const long = balancer('lb-1', { listeners: [tcp(ports[0])], backends: attached([echo!]) });
  const short = balancer('lb-2', { listeners: [http(ports[1])], backends: attached(web) });
  assert.deepEqual(await engine.apply(long), []);
  const session = await openSession(host, ports[0]);
  assert.deepEqual(await engine.apply(short), []);
  const leaving = attached([echo!]).map((server) => ({
    ...server,
    deadline: Date.now() + 600_000,
  }));
  assert.deepEqual(await engine.apply({ ...long, backends: [], draining: leaving }), []);
  assert.deepEqual(await engine.apply({ ...short, backends: attached([web[0]!]) }), []);
  const drained = async () => (await engine.drains()).map(({ sessions }) => sessions);
  assert.deepEqual(await drained(), [1]);
  const { current, old } = await processes();
  assert.equal(old.length, 1);
  const before = web[1]!.count();

  process.kill(current!, 'SIGKILL');
  await session.closed;
  await until(() => get({ host, port: ports[1], agent: false }).catch(() => undefined), {
    what: 'an answer from the next HAProxy',
  });
  // What is lost has met no HAProxy, or the dead one: from the first answer on no request fails.
  for (let i = 0; i < 50; i++)
    assert.equal(await get({ host, port: ports[1], agent: false }), 's-a');
  assert.equal(web[1]!.count(), before);
  await until(async () => (await drained())[0] === 0, { what: 'the drain to be over' });
  assert.deepEqual((await processes()).old, []);
  await assert.rejects(openSession(host, ports[0]), 'a load balancer without servers');
  assert.deepEqual(await engine.apply(long), []);
  (await openSession(host, ports[0])).end();
});

test('a verb that meets a dying HAProxy is carried out by the next one', async (t) => {
  const { engine, processes } = await openEngine(t);
  const pair = await servers(t, startHttpServer);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [http(port)], backends: attached(pair) });
  await engine.apply(all);
  process.kill((await processes()).current!, 'SIGKILL');
  assert.deepEqual(await engine.apply({ ...all, backends: attached([pair[1]]) }), []);
  for (let i = 0; i < 4; i++) assert.equal(await get({ host, port, agent: false }), 's-b');
});

test('the next life of the agent takes HAProxy over as it runs, drains included', async (t) => {
  const { engine, again, processes } = await openEngine(t);
  const pair = await servers(t, startTcpEcho);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [tcp(port)], backends: attached(pair) });
  await engine.apply(all);
  const session = await openSession(host, port);
  const gone = attached(pair).filter(({ serverId }) => serverId === session.server);
  const deadline = Date.now() + 2_000;
  const wanted = {
    ...all,
    backends: attached(pair).filter(({ serverId }) => serverId !== session.server),
    draining: gone.map((server) => ({ ...server, deadline })),
  };
  assert.deepEqual(await engine.apply(wanted), []);
  const before = await untilAlone(processes);
  await engine.close({ stopTraffic: false });
  await session.echo('still here');
  const next = await again();
  assert.deepEqual(await next.apply(wanted), []);
  assert.deepEqual(await processes(), before);
  assert.deepEqual(
    (await next.drains()).map(({ sessions }) => sessions),
    [1],
  );
  await session.closed;
  assert.ok(Date.now() >= deadline);
});

for (const life of ['reloaded', 'killed and started again'] as const) {
  test(`a removed server stays away when HAProxy is ${life} with no agent there`, async (t) => {
    const { engine, again, processes, master } = await openEngine(t);
    const pair = await servers(t, startHttpServer);
    const port = await freePort(host);
    const all = balancer('lb-1', { listeners: [http(port)], backends: attached(pair) });
    await engine.apply(all);
    assert.deepEqual(await engine.apply({ ...all, backends: attached([pair[0]]) }), []);
    const before = pair[1].count();
    await engine.close({ stopTraffic: false });
    const [, pid] = /^(\d+)\s+master/m.exec(await master('show proc'))!;
    if (life === 'reloaded') {
      const { reloads } = await processes();
      process.kill(Number(pid), 'SIGUSR2');
      const isOver = async () =>
        (await processes().catch(() => undefined))?.reloads === reloads + 1;
      await until(isOver, { what: 'the reload' });
    } else {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      process.kill(Number(pid), 'SIGKILL');
      const [program = '', ...args] = command;
      await until(() => !existsSync(`/proc/${pid}`), { what: 'the end of the master' });
      spawn(program, args, { detached: true, stdio: 'ignore' }).unref();
      await until(() => get({ host, port, agent: false }).catch(() => undefined), {
        what: 'traffic from the next HAProxy',
      });
    }
    for (let i = 0; i < 6; i++) assert.equal(await get({ host, port, agent: false }), 's-a');
    assert.equal(pair[1].count(), before);
    await again();
  });
}

test('what a dead agent wrote without loading it is loaded by the next one', async (t) => {
  const { engine, again, folder } = await openEngine(t);
  const [server] = await servers(t, startHttpServer);
  const ports = [await freePort(host), await freePort(host)] as const;
  const before = balancer('lb-1', { listeners: [http(ports[0])], backends: attached([server]) });
  await engine.apply(before);
  await engine.close({ stopTraffic: false });
  const { sections } = pathsOf(folder);
  const file = join(sections, readdirSync(sections)[0]!);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll(`:${ports[0]}`, `:${ports[1]}`));
  const next = await again();
  const wanted = { ...before, listeners: [http(ports[1])] };
  assert.deepEqual(await next.apply(wanted), []);
  assert.equal(await get({ host, port: ports[1], agent: false }), 's-a');
  await assert.rejects(get({ host, port: ports[0], agent: false }), /ECONNREFUSED/);
});

test('a file that HAProxy cannot read keeps nothing else from loading', async (t) => {
  const { engine, again, folder } = await openEngine(t);
  const [server] = await servers(t, startHttpServer);
  const port = await freePort(host);
  const fine = balancer('lb-1', { listeners: [http(port)], backends: attached([server]) });
  await engine.apply(fine);
  await engine.close({ stopTraffic: true });
  new SectionFiles(pathsOf(folder).sections).put('lb-0', 'frontend half\n  bind 127.0.');
  const next = await again();
  assert.equal(await get({ host, port, agent: false }), 's-a', 'before anything was applied');
  assert.deepEqual(await next.apply(fine), []);
});

test('a listener that HAProxy refuses at a start or reload is left out', async (t) => {
  const { engine, again } = await openEngine(t);
  const [server] = await servers(t, startHttpServer);
  const ports = [await freePort(host), await freePort(host)] as const;
  const wanted = balancer('lb-1', {
    listeners: ports.map((p) => http(p)),
    backends: attached([server]),
  });
  await engine.apply(wanted);
  await engine.close({ stopTraffic: true });
  const taken = await startHttpServer('other-program', { port: ports[0] });
  const next = await again();
  assert.equal(await get({ host, port: ports[1], agent: false }), 's-a');
  const failures = await next.apply(wanted);
  assert.deepEqual(
    failures.map(({ listener }) => listener),
    [`http:${ports[0]}`],
  );
  assert.match(failures[0]!.reason, /Address already in use|another program/);
  await taken.close();
  // Once the port is free the listener is back, however long HAProxy's refusals count else.
  assert.deepEqual(await next.apply(wanted), []);
  assert.equal(await get({ host, port: ports[0], agent: false }), 's-a');
});

test('a folder too deep for a socket is no hindrance', async (t) => {
  const { engine, again, processes } = await openEngine(t, join('a b', 'x'.repeat(120)));
  const [server] = await servers(t, startHttpServer);
  const port = await freePort(host);
  const wanted = balancer('lb-1', { listeners: [http(port)], backends: attached([server]) });
  assert.deepEqual(await engine.apply(wanted), []);
  const before = await untilAlone(processes);
  await engine.close({ stopTraffic: false });
  const next = await again();
  assert.deepEqual(await next.apply(wanted), []);
  assert.deepEqual(await processes(), before);
});
