import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import nodeHttp from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type HaproxyEngine, openHaproxyEngine } from '../../src/forwarder/haproxy/engine.ts';
import { leaseSocket, leaseVariable } from '../../src/forwarder/haproxy/lease-lines.ts';
import { boundsFrom } from '../../src/forwarder/haproxy/old-worker-bounds.ts';
import { pathsOf } from '../../src/forwarder/haproxy/paths.ts';
import { RuntimeSocket } from '../../src/forwarder/haproxy/runtime.ts';
import { leaseClock } from '../../src/forwarder/lease-clock.ts';
import { limits } from '../../src/limits.ts';
import { startHttpServer, startTcpEcho } from '../support/backends.ts';
import { makeCertificate } from '../support/certificates.ts';
import { attached, balancer, http, https, openEngine, tcp } from '../support/haproxy.ts';
import { get, openSession, startHttp2Load, startHttpLoad } from '../support/load.ts';
import { silent } from '../support/log.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';
const site = 'site-1';
/** Longer than any test. */
const running = () => new Map([[site, leaseClock() + 600_000]]);
const over = new Map([[site, 0]]);

/** A site's HTTP and TCP listener, and an HTTP listener of another site. */
async function scene(t: TestContext) {
  const under = await openEngine(t);
  const web = await startHttpServer('web');
  const echo = await startTcpEcho('echo');
  for (const server of [web, echo]) t.after(() => server.close());
  const ports = {
    http: await freePort(host),
    tcp: await freePort(host),
    free: await freePort(host),
  };
  const balancers = [
    balancer('lb-1', { listeners: [http(ports.http)], backends: attached([web]) }),
    balancer('lb-2', { listeners: [tcp(ports.tcp)], backends: attached([echo]) }),
    balancer('lb-3', {
      site: 'site_2',
      listeners: [http(ports.free)],
      backends: attached([web]),
    }),
  ];
  const applyAll = async (engine: HaproxyEngine) => {
    for (const each of balancers) assert.deepEqual(await engine.apply(each), []);
  };
  await applyAll(under.engine);
  const { sockets } = pathsOf(under.folder);
  const worker = async (...commands: string[]) => {
    const [name = ''] = readdirSync(sockets).filter((each) => each.startsWith('worker-'));
    return (await new RuntimeSocket(join(sockets, name)).run(commands)).join('\n');
  };
  return { ...under, web, echo, ports, balancers, applyAll, worker };
}
type Scene = Awaited<ReturnType<typeof scene>>;

const isIn = (port: number) =>
  get({ host, port, agent: false }).then(
    () => true,
    () => false,
  );
const isTcpIn = async (port: number) => {
  try {
    (await openSession(host, port)).end();
    return true;
  } catch {
    return false;
  }
};

async function untilFenced({ ports }: Pick<Scene, 'ports'>) {
  await until(async () => !(await isIn(ports.http)), { what: 'the fence' });
  await assertFenced(ports);
}

async function assertFenced(ports: Scene['ports']) {
  for (let i = 0; i < 5; i++) {
    assert.equal(await isIn(ports.http), false);
    assert.equal(await isTcpIn(ports.tcp), false);
  }
}

async function untilOpen(ports: Scene['ports']) {
  await until(() => isIn(ports.http), { what: 'requests let in' });
  await until(() => isTcpIn(ports.tcp), { what: 'sessions let in' });
}

test('a lease that is over lets nothing new in, fail-open or not; a renewal does', async (t) => {
  const { engine, web, ports } = await scene(t);
  const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const kept = () => get({ host, port: ports.http, agent });
  await engine.guard(running());
  assert.equal(await kept(), 'web');
  const session = await openSession(host, ports.tcp);
  await engine.guard(over);
  const before = web.count();
  await assert.rejects(kept());
  await assertFenced(ports);
  assert.equal(web.count(), before, 'a request reached the server');
  assert.equal(await isIn(ports.free), true, 'a site without a lease');
  await session.echo('a session of before goes on');
  session.end();

  await engine.renew(site, leaseClock() - 1);
  await assertFenced(ports);
  await engine.renew(site, leaseClock() + 600_000);
  await untilOpen(ports);
  await engine.guard(over);
  await engine.guard(new Map());
  await untilOpen(ports);
});

test('a lease that is over fences a listener whose servers are all down', async (t) => {
  const { engine, ports, balancers, web } = await scene(t);
  await engine.guard(running());
  const health = { ...http(1).health, kind: 'http', httpCode: 'http_5xx' } as const;
  const failing = { ...balancers[0]!, listeners: [http(ports.http, { health })] };
  assert.deepEqual(await engine.apply(failing), []);
  const isDown = async () => (await engine.health()).some(({ healthy }) => !healthy);
  await until(isDown, { what: 'probes that fail' });
  assert.equal(await isIn(ports.http), true, 'fail-open');
  await engine.guard(over);
  const before = web.count();
  await assertFenced(ports);
  assert.equal(web.count(), before);
});

test('guarding, reloading and freeing a site that is used fail no request', async (t) => {
  const { engine, certificates, ports, balancers, web, processes } = await scene(t);
  certificates.set('1', makeCertificate());
  const secure = await freePort(host);
  const listeners = [http(ports.http), https(secure)];
  assert.deepEqual(await engine.apply({ ...balancers[0]!, listeners }), []);
  const loads = [
    startHttpLoad({ host, port: ports.http, clients: 3, keepAlive: true }),
    startHttpLoad({ host, port: ports.http, clients: 3, keepAlive: false }),
    startHttp2Load({ host, port: secure, clients: 2 }),
  ];
  const more = async (port: number) => {
    const another = balancer('lb-4', { listeners: [http(port)], backends: attached([web]) });
    assert.deepEqual(await engine.apply(another), []);
  };
  const renewing = setInterval(() => {
    engine.renew(site, leaseClock() + 10_000).catch((error) => renewals.push(error));
  }, limits.leaseRenewMs);
  const renewals: unknown[] = [];
  t.after(() => clearInterval(renewing));
  const { reloads } = await processes();
  for (let round = 0; round < 3; round++) {
    // Longer than a load takes on a machine that does other work.
    await engine.guard(new Map([[site, leaseClock() + 10_000]]));
    await more(await freePort(host));
    await more(await freePort(host));
    await engine.guard(new Map());
  }
  assert.ok((await processes()).reloads > reloads + 6);
  for (const load of loads) await load.stop();
  for (const { failures, observations } of loads) {
    assert.deepEqual(failures.slice(0, 3), []);
    assert.ok(observations.length > 20);
  }
  assert.deepEqual(renewals, []);
});

test('requests on connections of before a reload are fenced too', async (t) => {
  const { engine, ports, web, processes } = await scene(t);
  await engine.guard(running());
  const agents = Array.from({ length: 4 }, () => {
    const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    return agent;
  });
  const kept = () =>
    Promise.allSettled(agents.map((agent) => get({ host, port: ports.http, agent })));
  assert.ok((await kept()).every(({ status }) => status === 'fulfilled'));
  await engine.apply(balancer('lb-4', { listeners: [http(await freePort(host))] }));
  assert.ok((await processes()).old.length > 0);
  await engine.guard(over);
  const before = web.count();
  assert.ok((await kept()).every(({ status }) => status === 'rejected'));
  assert.equal(web.count(), before);
});

test('a reload under a lease that is over changes nothing; the next life keeps it', async (t) => {
  const { engine, ports, again, applyAll, processes } = await scene(t);
  await engine.guard(over);
  await engine.apply(balancer('lb-4', { listeners: [http(await freePort(host))] }));
  await assertFenced(ports);
  await engine.close({ stopTraffic: false });
  await assertFenced(ports);
  const { reloads } = await processes();
  const next = await again();
  await applyAll(next);
  await assertFenced(ports);
  assert.equal((await processes()).reloads, reloads, 'the rules were there');
  await next.guard(running());
  await untilOpen(ports);
});

test('a life that begins without leases serves what one with them has left', async (t) => {
  const { engine, again, balancers, ports, web, folder } = await scene(t);
  await engine.guard(running());
  await engine.close({ stopTraffic: false });
  const next = await again();
  await next.guard(new Map());
  await until(() => isTcpIn(ports.tcp), { what: 'sessions let in' });
  // A load before the listener that still names the lease was applied again.
  const another = balancer('lb-4', { listeners: [http(await freePort(host))] });
  assert.deepEqual(await next.apply({ ...another, backends: attached([web]) }), []);
  assert.equal(await isTcpIn(ports.tcp), true);
  for (const each of [...balancers, another]) assert.deepEqual(await next.apply(each), []);
  await next.prune(new Set(['lb-1', 'lb-2', 'lb-3', 'lb-4']));
  assert.equal(existsSync(pathsOf(folder).leases), false);
  assert.equal(await isTcpIn(ports.tcp), true);
});

for (const life of ['reloaded', 'killed and started again'] as const) {
  test(`nothing is let in when HAProxy is ${life} with no agent there`, async (t) => {
    const { engine, again, processes, master, ports, web } = await scene(t);
    // The file that is left names an end; what it says is over must be enough.
    await engine.guard(running());
    await engine.guard(over);
    await engine.close({ stopTraffic: false });
    const before = web.count();
    const [, pid] = /^(\d+)\s+master/m.exec(await master('show proc'))!;
    const tries: Promise<boolean>[] = [];
    const trying = setInterval(() => tries.push(isIn(ports.http)), 2);
    t.after(() => clearInterval(trying));
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
    }
    await until(() => isIn(ports.free), { what: 'traffic of the other site' });
    const tried = tries.length;
    await until(() => tries.length > tried + 50, { what: 'some tries' });
    clearInterval(trying);
    await Promise.all(tries);
    await assertFenced(ports);
    assert.ok(web.count() - before <= 5, 'requests of the other site alone');
    await again();
  });
}

test('HAProxy killed under a lease that is over lets nothing in when it is back', async (t) => {
  const { engine, processes, ports } = await scene(t);
  await engine.guard(over);
  const lost: string[] = [];
  engine.onLost((reason) => lost.push(reason));
  process.kill((await processes()).current!, 'SIGKILL');
  await until(() => lost.length > 0, { what: 'the engine to tell' });
  await until(() => isIn(ports.free), { what: 'traffic of the other site' });
  await assertFenced(ports);
  await engine.renew(site, leaseClock() + 600_000);
  await untilOpen(ports);
});

test('a lease ends by the checks alone when the wall clock is set back', async (t) => {
  const { engine, worker, ports } = await scene(t);
  await engine.guard(new Map([[site, leaseClock() + 1_000]]));
  const end = Date.now() + 3_600_000;
  await worker('experimental-mode on', `set var ${leaseVariable(site)} int(${end})`);
  await untilFenced({ ports });
  assert.match(await worker(`get var ${leaseVariable(site)}`), new RegExp(`<${end}>`));
});

test('a lease ends by the wall clock alone when something answers its checks', async (t) => {
  const { engine, folder, ports, again } = await scene(t);
  await engine.guard(new Map([[site, leaseClock() + 1_000]]));
  await engine.close({ stopTraffic: false });
  const path = join(pathsOf(folder).handover, `${leaseSocket(site)}.sock`);
  const liar = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.end('fresh\n');
  });
  liar.listen({ path, readableAll: true, writableAll: true });
  await once(liar, 'listening');
  await untilFenced({ ports });
  liar.close();
  await again();
});

/** An agent in a process of its own, which renews every half second. */
function startAgent(t: TestContext, folder: string, port: number, serverPort: number) {
  const module = fileURLToPath(new URL('../support/lease-agent.ts', import.meta.url));
  const agent: ChildProcess = fork(module, [folder, String(port), String(serverPort)]);
  t.after(() => agent.kill('SIGKILL'));
  return agent;
}

for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
  test(`a forwarder whose agent gets ${signal} lets nothing in after its lease`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'lease-'));
    const web = await startHttpServer('web');
    t.after(() => web.close());
    const port = await freePort(host);
    const agent = startAgent(t, folder, port, web.port);
    t.after(async () => {
      agent.kill('SIGKILL');
      const last = await openHaproxyEngine({
        folder,
        now: Date.now,
        leaseNow: leaseClock,
        oldWorkers: boundsFrom({ memoryBytes: undefined, ageMs: 86_400_000 }),
        log: silent,
        certificateOf: () => undefined,
      });
      await last.close({ stopTraffic: true });
      rmSync(folder, { recursive: true });
    });
    await once(agent, 'message');
    const load = startHttpLoad({ host, port, clients: 2, keepAlive: true });
    await until(() => load.observations.length > 100, { what: 'traffic' });
    assert.deepEqual(load.failures, []);
    agent.kill(signal);
    await until(() => load.failures.length > 100, { what: 'the fence' });
    const before = web.count();
    await until(() => load.failures.length > 300, { what: 'more tries' });
    assert.equal(web.count(), before);
    if (signal === 'SIGSTOP') {
      agent.kill('SIGCONT');
      await until(() => web.count() > before, { what: 'traffic again' });
    }
    await load.stop();
  });
}

test('a renewal waits for no load that is under way', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'slow-'));
  const [program, gate] = [join(root, 'haproxy'), join(root, 'gate')];
  const wait = `while [ -e ${gate} ]; do sleep 0.02; done`;
  writeFileSync(program, `#!/bin/sh\ncase "$*" in *-c*) ${wait};; esac\nexec haproxy "$@"\n`);
  chmodSync(program, 0o755);
  const engine = await openHaproxyEngine({
    folder: join(root, 'engine'),
    now: Date.now,
    leaseNow: leaseClock,
    oldWorkers: boundsFrom({ memoryBytes: undefined, ageMs: 86_400_000 }),
    log: silent,
    certificateOf: () => undefined,
    haproxyPath: program,
  });
  t.after(async () => {
    rmSync(gate, { force: true });
    await engine.close({ stopTraffic: true });
    rmSync(root, { recursive: true });
  });
  const web = await startHttpServer('web');
  t.after(() => web.close());
  const port = await freePort(host);
  await engine.apply(balancer('lb-1', { listeners: [http(port)], backends: attached([web]) }));
  await engine.guard(over);
  writeFileSync(gate, '');
  const applied = engine.apply(balancer('lb-2', { listeners: [http(await freePort(host))] }));
  let isApplied = false;
  void applied.then(() => {
    isApplied = true;
  });
  await until(() => readdirSync(join(root, 'engine', 'load-balancers')).length > 1, {
    what: 'the load to begin',
  });
  await engine.renew(site, leaseClock() + 600_000);
  await until(() => isIn(port), { what: 'traffic' });
  await engine.guard(over);
  assert.equal(await isIn(port), false);
  assert.equal(isApplied, false);
  rmSync(gate);
  assert.deepEqual(await applied, []);
  assert.equal(await isIn(port), false);
});
