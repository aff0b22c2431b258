import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathsOf } from '../../src/forwarder/haproxy/paths.ts';
import { startHttpServer } from '../support/backends.ts';
import { attached, balancer, http, openEngine } from '../support/haproxy.ts';
import { relay, relayInPlaceOf } from '../support/haproxy-relay.ts';
import { get } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

/** A real HAProxy with a relay at one of its sockets, which changes some of its answers. */

const host = '127.0.0.1';

async function httpPair(t: TestContext) {
  const pair = [await startHttpServer('s-a'), await startHttpServer('s-b')] as const;
  for (const server of pair) t.after(() => server.close());
  return pair;
}

test('a removal that HAProxy only says it has carried out is no success', async (t) => {
  const { engine, folder } = await openEngine(t);
  const pair = await httpPair(t);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [http(port)], backends: attached(pair) });
  assert.deepEqual(await engine.apply(all), []);
  const { sockets } = pathsOf(folder);
  const name = readdirSync(sockets).find((each) => /^worker-\d+\.sock$/.test(each))!;
  let lies = true;
  await relayInPlaceOf(t, join(sockets, name), (command) =>
    lies && command.startsWith('set server ') ? '' : undefined,
  );
  const removed = { ...all, backends: attached([pair[0]]) };
  const failures = await engine.apply(removed);
  assert.ok(failures.length > 0);
  for (const { reason } of failures) assert.match(reason, /^not done: set server /);
  await until(async () => (await get({ host, port, agent: false })) === 's-b', {
    what: 'a request at the server that was not removed',
  });
  lies = false;
  assert.deepEqual(await engine.apply(removed), []);
  for (let i = 0; i < 4; i++) assert.equal(await get({ host, port, agent: false }), 's-a');
});

test('a reload counts once the worker before says that it accepts no more', async (t) => {
  let looks = 0;
  let isHeld = false;
  const { engine } = await openEngine(t, '', {}, async (folder) => {
    const { master } = pathsOf(folder);
    mkdirSync(dirname(master), { recursive: true });
    await relay(t, master, `${master}.real`, (command) => {
      if (!isHeld || !/^@!\d+ show info$/.test(command)) return undefined;
      looks += 1;
      return 'Stopping: 0';
    });
    return programWithMovedMaster(folder);
  });
  const [server] = await httpPair(t);
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [http(port)], backends: attached([server]) });
  assert.deepEqual(await engine.apply(all), []);
  isHeld = true;
  let isApplied = false;
  const stopped = { ...all, listeners: [http(port, { running: false })] };
  const applying = engine.apply(stopped).finally(() => {
    isApplied = true;
  });
  await until(() => isApplied || looks >= 3, { what: 'looks at the worker before' });
  assert.ok(!isApplied, 'applied while the worker before may accept');
  isHeld = false;
  assert.deepEqual(await applying, []);
  await assert.rejects(get({ host, port, agent: false }), /ECONNREFUSED/);
});

/** A HAProxy whose master listens beside the place where it is looked for. */
function programWithMovedMaster(folder: string): string {
  const path = join(folder, 'haproxy.sh');
  const script = `#!/bin/sh
for word; do
  shift
  case $word in *master.sock,*) word="\${word%%,*}.real,\${word#*,}" ;; esac
  set -- "$@" "$word"
done
exec haproxy "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}
