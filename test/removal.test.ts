import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startHttpServer, startTcpEcho } from './support/backends.ts';
import { type Load, openSession, startHttpLoad } from './support/load.ts';
import { buildScene, type Scene } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

/** Removals in a row, each followed by the server's return. */
const rounds = 200;

describe('removing a server that carries traffic', () => {
  let sluice: Sluice;
  const cleanups: (() => Promise<void>)[] = [];

  before(async () => {
    sluice = await startSluice();
    cleanups.push(() => sluice.stop());
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  test('no request begun after the 200 reaches it, and none fails', async () => {
    const servers = await Promise.all(
      ['http-1', 'http-2', 'http-3'].map((name) => startHttpServer(name)),
    );
    cleanups.push(...servers.map((server) => () => server.close()));
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    const address = { host: scene.address, port: scene.ports[0]! };
    const loads = [
      startHttpLoad({ ...address, clients: 8, keepAlive: true }),
      startHttpLoad({ ...address, clients: 4, keepAlive: false }),
    ];
    const late: string[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const { name, port } = servers[round % servers.length]!;
        const removed = await change(sluice, scene, 'RemoveBackendServers', { name, port });
        const marks = loads.map((load) => load.observations.length);
        await until(() => loads.every((load, i) => load.observations.length > marks[i]! + 8), {
          what: 'requests after the removal',
        });
        late.push(...servedAfter(loads, removed, name));
        await change(sluice, scene, 'AddBackendServers', { name, port });
      }
    } finally {
      await Promise.all(loads.map((load) => load.stop()));
    }
    assert.deepEqual(late, [], 'requests begun after the 200 that the removed server served');
    assert.deepEqual(
      loads.flatMap((load) => load.failures),
      [],
      'failed requests',
    );
  });

  test('a long TCP session goes on until its drain deadline and is cut then', async () => {
    const servers = await Promise.all(['tcp-1', 'tcp-2'].map((name) => startTcpEcho(name)));
    cleanups.push(...servers.map((server) => () => server.close()));
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'TCP' }]);
    const port = scene.ports[0]!;
    const session = await until(() => openSession(scene.address, port), { what: 'a session' });
    const holder = servers.find(({ name }) => name === session.server)!;

    const drain = { 'x-sluice-drain-seconds': '4' };
    await change(sluice, scene, 'RemoveBackendServers', holder, drain);
    const deadline = Date.now() + 4_000;
    await session.echo('still here');
    const LoadBalancerId = scene.loadBalancerId;
    const row = await until(
      async () => {
        const { body } = await sluice.client.call('Sluice', 'DescribeDrains', { LoadBalancerId });
        const { Drain } = (body as DrainsAnswer).Drains;
        return Drain.find(({ Counted }) => Counted);
      },
      { what: 'the drain with its sessions' },
    );
    assert.equal(row.ServerId, holder.name);
    assert.equal(row.Sessions, 1);
    for (let opened = 0; opened < 20; opened++) {
      const other = await openSession(scene.address, port);
      assert.notEqual(other.server, holder.name, 'a new session at the removed server');
      other.end();
    }
    await session.closed;
    assert.ok(Date.now() >= deadline - 500, 'the session was cut before its deadline');
  });
});

interface DrainsAnswer {
  readonly Drains: {
    readonly Drain: readonly { ServerId: string; Sessions: number; Counted: boolean }[];
  };
}

/** Calls Add or Remove for one server and tells when the answer came (performance.now()). */
async function change(
  sluice: Sluice,
  scene: Scene,
  action: string,
  { name, port }: { readonly name: string; readonly port: number },
  headers: Record<string, string> = {},
): Promise<number> {
  const answer = await sluice.client.call(
    'Ens',
    action,
    {
      LoadBalancerId: scene.loadBalancerId,
      BackendServers: [{ ServerId: name, Port: port }],
    },
    { headers },
  );
  const at = performance.now();
  assert.equal(answer.headers['x-sluice-applied'], '1/1');
  return at;
}

/** Requests begun after `since` that `name` answered. */
function servedAfter(loads: readonly Load[], since: number, name: string): string[] {
  return loads.flatMap((load) =>
    load.observations
      .filter(({ begun, server }) => begun > since && server === name)
      .map(({ begun }) => `${name} ${(begun - since).toFixed(1)} ms after the answer`),
  );
}
