import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startHttpServer } from './support/backends.ts';
import { get, startHttpLoad } from './support/load.ts';
import { seeded } from './support/random.ts';
import { buildScene, emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startForwarderProcess, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

const cleanups: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-crash-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('the control plane killed at any moment', () => {
  const kills = 50;
  const balancers = 4;

  test('every answered change is there after the restart, none is half applied', async (t) => {
    const seed = Number(process.env.SEED ?? 1);
    const random = seeded(seed);
    const dataFolder = await folder();
    let sluice = await startSluice({ mode: 'control-plane', dataFolder });
    const ids = await prepare(sluice, balancers);
    /** What each load balancer may hold: the last answered state, and one that was under way. */
    const held = new Map(ids.map((id) => [id, [new Set<string>()]]));
    let slowest = 0;
    for (let kill = 0; kill < kills; kill++) {
      const writers = ids.map((id) => writeUntilDown(sluice, id, held, random));
      await delay(5 + random() * 60);
      await sluice.kill('SIGKILL');
      await Promise.all(writers);
      await sluice.client.close();
      const begun = performance.now();
      sluice = await startSluice({ mode: 'control-plane', dataFolder });
      slowest = Math.max(slowest, performance.now() - begun);
      for (const id of ids) await checkState(sluice, id, held, `seed ${seed}, kill ${kill}`);
    }
    t.diagnostic(`slowest of ${kills} restarts until ready: ${Math.round(slowest)} ms`);
    await sluice.stop();
  });
});

/** Load balancers without listeners over instances that need not exist on the network. */
async function prepare(sluice: Sluice, count: number): Promise<string[]> {
  await sluice.client.call('Sluice', 'RegisterSite', {
    EnsRegionId: 'local',
    AddressPool: '127.0.0.0/24',
  });
  for (let i = 0; i < 6; i++) {
    await sluice.client.call('Sluice', 'RegisterInstance', {
      EnsRegionId: 'local',
      InstanceId: `i-${i}`,
      PrivateIpAddress: `10.0.0.${i + 1}`,
    });
  }
  return Promise.all(Array.from({ length: count }, () => emptyLoadBalancer(sluice.client)));
}

/** Adds or removes pairs of servers until the control plane is gone. */
async function writeUntilDown(
  sluice: Sluice,
  LoadBalancerId: string,
  held: Map<string, Set<string>[]>,
  random: () => number,
): Promise<void> {
  for (;;) {
    const [now = new Set<string>()] = held.get(LoadBalancerId) ?? [];
    const first = Math.floor(random() * 3);
    const pair = [`i-${first}`, `i-${first + 3}`];
    const isThere = now.has(pair[0]!);
    const next = new Set(isThere ? [...now].filter((id) => !pair.includes(id)) : [...now, ...pair]);
    held.set(LoadBalancerId, [now, next]);
    try {
      await sluice.client.call('Ens', isThere ? 'RemoveBackendServers' : 'AddBackendServers', {
        LoadBalancerId,
        BackendServers: pair.map((ServerId) => ({ ServerId })),
      });
    } catch {
      // Killed before the answer: either state is right, and the check finds out which.
      return;
    }
    held.set(LoadBalancerId, [next]);
  }
}

async function checkState(
  sluice: Sluice,
  LoadBalancerId: string,
  held: Map<string, Set<string>[]>,
  where: string,
): Promise<void> {
  const answer = await sluice.client.call('Ens', 'DescribeLoadBalancerAttribute', {
    LoadBalancerId,
  });
  const { BackendServers } = answer.body as { BackendServers: { ServerId: string }[] };
  const found = BackendServers.map(({ ServerId }) => ServerId).sort();
  const allowed = (held.get(LoadBalancerId) ?? []).map((state) => [...state].sort());
  const match = allowed.find((state) => state.join() === found.join());
  assert.ok(match, `${where}: ${LoadBalancerId} holds ${found}, not one of ${allowed.join(' | ')}`);
  held.set(LoadBalancerId, [new Set(match)]);
}

describe('traffic while parts die', () => {
  test('goes on while the agent is dead, and through its return', async () => {
    const dataFolder = await folder();
    const server = await startHttpServer('steady');
    cleanups.push(() => server.close());
    const sluice = await startSluice({ dataFolder });
    const scene = await buildScene(sluice.client, [server], [{ protocol: 'HTTP' }]);
    const at = { host: scene.address, port: scene.ports[0]! };
    const load = startHttpLoad({ ...at, clients: 4, keepAlive: false });
    const pidBefore = await haproxyPid(dataFolder);
    await sluice.kill('SIGKILL');
    await sluice.client.close();
    const mark = load.observations.length;
    await until(() => load.observations.length > mark + 50, { what: 'requests without an agent' });
    const again = await startSluice({ dataFolder });
    cleanups.push(() => again.stop());
    const back = load.observations.length;
    await until(() => load.observations.length > back + 50, { what: 'requests after its return' });
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(await haproxyPid(dataFolder), pidBefore, 'HAProxy was found again, not replaced');
    await again.client.call('Ens', 'RemoveBackendServers', {
      LoadBalancerId: scene.loadBalancerId,
      BackendServers: [{ ServerId: 'steady' }],
    });
    await assert.rejects(get({ ...at, agent: false }), /503/);
  });

  test('is back after HAProxy is killed', async (t) => {
    const server = await startHttpServer('revived');
    const sluice = await startSluice();
    cleanups.push(
      () => server.close(),
      () => sluice.stop(),
    );
    const scene = await buildScene(sluice.client, [server], [{ protocol: 'HTTP' }]);
    const at = { host: scene.address, port: scene.ports[0]!, agent: false as const };
    const pid = await haproxyPid(sluice.dataFolder);
    process.kill(pid, 'SIGKILL');
    await until(
      () =>
        get(at).then(
          () => false,
          () => true,
        ),
      { what: 'the outage' },
    );
    const begun = performance.now();
    await until(() => get(at), { what: 'an answer after the kill' });
    t.diagnostic(`back ${Math.round(performance.now() - begun)} ms after the first failure`);
    assert.notEqual(await haproxyPid(sluice.dataFolder), pid);
  });

  test('is served by a forwarder that boots while no control plane is there', async () => {
    const dataFolder = await folder();
    const server = await startHttpServer('alone');
    cleanups.push(() => server.close());
    const plane = await startSluice({ mode: 'control-plane' });
    cleanups.push(() => plane.stop());
    await plane.client.call('Sluice', 'RegisterSite', {
      EnsRegionId: 'local',
      AddressPool: '127.0.0.0/24',
    });
    const registered = await plane.client.call('Sluice', 'RegisterForwarder', {
      EnsRegionId: 'local',
      ForwarderName: 'edge-1',
    });
    const { AccessKeyId, AccessKeySecret } = registered.body as Record<string, string>;
    const options = {
      endpoint: plane.endpoint,
      site: 'local',
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
      dataFolder,
    };
    const first = await startForwarderProcess(options);
    const scene = await buildScene(plane.client, [server], [{ protocol: 'HTTP' }]);
    await plane.stop();
    await first.stop();
    const at = { host: scene.address, port: scene.ports[0]!, agent: false as const };
    await assert.rejects(get(at), /ECONNREFUSED/);
    const second = await startForwarderProcess(options);
    cleanups.push(() => second.stop());
    assert.equal(await until(() => get(at), { what: 'an answer' }), 'alone');
  });
});

async function haproxyPid(dataFolder: string): Promise<number> {
  return Number(await readFile(join(dataFolder, 'forwarder', 'haproxy', 'haproxy.pid'), 'utf8'));
}

test('sluice up starts where its site has a forwarder of its own that is not there', async () => {
  const dataFolder = await folder();
  const first = await startSluice({ dataFolder });
  const own = { EnsRegionId: 'local', ForwarderName: 'edge-1' };
  await first.client.call('Sluice', 'RegisterForwarder', own);
  await first.stop();
  const again = await startSluice({ dataFolder });
  cleanups.push(() => again.stop());
  const { body } = await again.client.call('Sluice', 'DescribeForwarders', own);
  const { Forwarder } = (body as { Forwarders: { Forwarder: { Live: boolean }[] } }).Forwarders;
  assert.deepEqual(
    Forwarder.map(({ Live }) => Live),
    [false],
  );
});
