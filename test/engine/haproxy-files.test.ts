import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import nodeHttp from 'node:http';
import { type TestContext, test } from 'node:test';
import { type Paths, pathsOf } from '../../src/forwarder/haproxy/paths.ts';
import { startHttpServer } from '../support/backends.ts';
import { makeCertificate } from '../support/certificates.ts';
import { attached, balancer, http, https, openEngine } from '../support/haproxy.ts';
import { get } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';

/** What may be deleted under a running agent. */
const deletions: Readonly<Record<string, (paths: Paths, folder: string) => string[]>> = {
  'the sections': ({ sections }) => [sections],
  'the base file': ({ base }) => [base],
  'the certificates': ({ certificates }) => [certificates],
  "the workers' own sockets": ({ handover }) => [handover],
  'the sockets of master and worker': ({ sockets, master }) => [master, sockets],
  'the whole folder': (_, folder) => [folder],
};

/** The processes of the HAProxy whose files are in a folder. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`\0${folder}/`);
    } catch {
      return false;
    }
  });
}

async function twoBalancers(t: TestContext) {
  const under = await openEngine(t);
  const pair = [await startHttpServer('s-a'), await startHttpServer('s-b')] as const;
  for (const server of pair) t.after(() => server.close());
  const { cert, key } = makeCertificate();
  under.certificates.set('1', { cert, key });
  const ports = [await freePort(host), await freePort(host)] as const;
  const plain = balancer('lb-1', { listeners: [http(ports[0])], backends: attached(pair) });
  const secure = balancer('lb-2', { listeners: [https(ports[1])], backends: attached(pair) });
  for (const each of [plain, secure]) assert.deepEqual(await under.engine.apply(each), []);
  return { ...under, pair, ports, plain, secure };
}

for (const [what, pathsToDelete] of Object.entries(deletions)) {
  test(`the next change and the next start need nothing that was deleted: ${what}`, async (t) => {
    const { engine, folder, processes, plain, secure, pair, ports, master } = await twoBalancers(t);
    const [, pid] = /^(\d+)\s+master/m.exec(await master('show proc'))!;
    for (const path of pathsToDelete(pathsOf(folder), folder)) {
      rmSync(path, { recursive: true, force: true });
    }
    // One that needs no reload, then one that does.
    assert.deepEqual(await engine.apply({ ...plain, backends: attached([pair[0]]) }), []);
    for (let i = 0; i < 4; i++)
      assert.equal(await get({ host, port: ports[0], agent: false }), 's-a');
    const port = await freePort(host);
    const third = balancer('lb-3', { listeners: [http(port)], backends: attached(pair) });
    assert.deepEqual(await engine.apply(third), []);
    assert.deepEqual(await engine.apply(secure), []);
    assert.match(await get({ host, port, agent: false }), /^s-[ab]$/);

    let lost = 0;
    engine.onLost(() => {
      lost += 1;
    });
    process.kill(Number(pid), 'SIGKILL');
    await until(() => lost > 0, { what: 'the next HAProxy' });
    assert.equal(await get({ host, port: ports[0], agent: false }), 's-a');
    assert.match(await get({ host, port, agent: false }), /^s-[ab]$/);
    assert.deepEqual(await engine.apply(secure), []);
    assert.equal((await processes()).failed, false);
  });
}

test('kept connections reach the next worker, its sockets deleted or not', async (t) => {
  const { engine, folder, ports } = await twoBalancers(t);
  rmSync(pathsOf(folder).handover, { recursive: true });
  for (let round = 0; round < 2; round++) {
    const agent = new nodeHttp.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const kept = () => get({ host, port: ports[0], agent });
    assert.match(await kept(), /^s-[ab]$/);
    const third = balancer('lb-3', { listeners: [http(await freePort(host))] });
    assert.deepEqual(await engine.apply(third), []);
    assert.match(await kept(), /^s-[ab]$/, `in round ${round}`);
  }
});

test('without its pid file the next agent still finds the HAProxy that runs', async (t) => {
  const { engine, folder, again, processes, plain, pair, ports } = await twoBalancers(t);
  await until(async () => (await processes()).old.length === 0, { what: 'one worker alone' });
  const before = processesOf(folder);
  assert.equal(before.length, 2);
  await engine.close({ stopTraffic: false });
  rmSync(pathsOf(folder).pid);
  const next = await again();
  assert.deepEqual(await next.apply({ ...plain, backends: attached([pair[1]]) }), []);
  assert.deepEqual(processesOf(folder), before, 'no second HAProxy');
  for (let i = 0; i < 6; i++)
    assert.equal(await get({ host, port: ports[0], agent: false }), 's-b');
});
