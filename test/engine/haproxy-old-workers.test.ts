import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { HaproxyEngine } from '../../src/forwarder/haproxy/engine.ts';
import { startTcpEcho } from '../support/backends.ts';
import { attached, balancer, http, openEngine, tcp } from '../support/haproxy.ts';
import { openSession, type Session } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';

/** Two load balancers over one echo server. @returns their ports */
async function echoBalancers(t: TestContext, engine: HaproxyEngine): Promise<number[]> {
  const echo = await startTcpEcho('s-a');
  t.after(() => echo.close());
  const ports = [await freePort(host), await freePort(host)];
  for (const [index, port] of ports.entries()) {
    const parts = { listeners: [tcp(port)], backends: attached([echo]) };
    assert.deepEqual(await engine.apply(balancer(`lb-${index}`, parts)), []);
  }
  return ports;
}

/** Keeps bytes going through a session until it is closed. */
function keepActive(t: TestContext, session: Session): void {
  const timer = setInterval(() => void session.echo('tick').catch(() => undefined), 100);
  t.after(() => clearInterval(timer));
}

/** A change that needs a reload. */
async function reload(engine: HaproxyEngine): Promise<void> {
  const listeners = [http(await freePort(host))];
  assert.deepEqual(await engine.apply(balancer('lb-9', { listeners })), []);
}

/** One session for each reload. @returns the oldest first */
async function sessionsBetweenReloads(
  t: TestContext,
  engine: HaproxyEngine,
  kinds: readonly ('idle' | 'active')[],
): Promise<Session[]> {
  const [port] = await echoBalancers(t, engine);
  const sessions: Session[] = [];
  for (const kind of kinds) {
    const session = await openSession(host, port!);
    t.after(() => session.end());
    sessions.push(session);
    if (kind === 'active') keepActive(t, session);
    await reload(engine);
  }
  return sessions;
}

function isOpen(session: Session): boolean {
  return session.isOpen();
}

/** Memory that is a process's own, in bytes. */
function memoryOf(pid: number): number {
  const [, kilobytes] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return 1_024 * Number(kilobytes);
}

test('200 changes of another listener in a row cut no session', async (t) => {
  const { engine, processes } = await openEngine(t);
  const ports = await echoBalancers(t, engine);
  const sessions = await Promise.all(
    Array.from({ length: 20 }, (_, index) => openSession(host, ports[index % 2]!)),
  );
  t.after(() => {
    for (const session of sessions) session.end();
  });
  const { reloads } = await processes();
  const port = await freePort(host);
  for (let change = 1; change <= 200; change++) {
    const listener = http(port, { requestTimeoutSeconds: 1 + (change % 180) });
    assert.deepEqual(await engine.apply(balancer('lb-9', { listeners: [listener] })), []);
    const open = sessions.filter((session) => session.isOpen());
    assert.equal(open.length, 20, `sessions left after change ${change}`);
  }
  assert.equal((await processes()).reloads, reloads + 200);
  for (const session of sessions) await session.echo('still here');
});

test('above its memory the oldest idle worker ends first, with a notice', async (t) => {
  const { engine, again, processes } = await openEngine(t);
  const sessions = await sessionsBetweenReloads(t, engine, ['active', 'idle', 'idle']);
  const { old } = await processes();
  assert.equal(old.length, 3);
  const memoryBytes = old.reduce((sum, pid) => sum + memoryOf(pid), 0) - 1_048_576;
  await engine.close({ stopTraffic: false });
  const next = await again({ memoryBytes, idleMs: 3_000 });
  await until(() => !sessions.every(isOpen), { what: 'the end of a session' });
  await until(async () => (await processes()).old.length === 2, { what: 'the end of its worker' });
  assert.deepEqual(sessions.map(isOpen), [true, false, true]);
  assert.match(next.notices().join(), /: 1 idle and 0 active sessions .* used \d+ MB of \d+ MB$/);
  await next.close({ stopTraffic: false });

  const closed: number[] = [];
  for (const [index, session] of sessions.entries()) {
    void session.closed.then(() => closed.push(index));
  }
  await again({ memoryBytes: 1, idleMs: 3_000 });
  await until(() => !sessions.some(isOpen), { what: 'the end of all sessions' });
  assert.deepEqual(closed, [1, 2, 0], 'the active one was the last');
});

test('at the age limit a worker loses its idle sessions first, active ones later', async (t) => {
  const { engine } = await openEngine(t, '', { ageMs: 1_000, idleMs: 3_000, graceMs: 8_000 });
  const ports = await echoBalancers(t, engine);
  const sessions = [
    await openSession(host, ports[0]!),
    await openSession(host, ports[1]!),
  ] as const;
  for (const session of sessions) t.after(() => session.end());
  keepActive(t, sessions[0]);
  await reload(engine);
  await sessions[1].closed;
  assert.ok(sessions[0].isOpen());
  await sessions[0].closed;
  const [last, first] = engine.notices();
  assert.match(first!, /: 1 idle and 0 active sessions .* reloaded \d+ s ago, of 1 s$/);
  assert.match(last!, /: 0 idle and 1 active sessions /);
});

test('there are never more workers than HAProxy can list: the oldest ends first', async (t) => {
  const { engine, processes } = await openEngine(t, '', { count: 2 });
  const kinds = Array.from({ length: 6 }, () => 'active' as const);
  const sessions = await sessionsBetweenReloads(t, engine, kinds);
  assert.ok((await processes()).old.length <= 3);
  const open = sessions.filter(isOpen);
  assert.ok(open.length >= 2);
  assert.deepEqual(open, sessions.slice(-open.length), 'the latest are left');
  assert.match(engine.notices()[0]!, /0 idle and 1 active sessions .* workers were running, of 2$/);
});
