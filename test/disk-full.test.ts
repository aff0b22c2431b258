import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type RpcClient, RpcError } from '../src/client.ts';
import { startHttpServer, type TestBackend } from './support/backends.ts';
import { get, startHttpLoad } from './support/load.ts';
import { buildScene, type Scene } from './support/scene.ts';
import { startForwarderProcess, startSluice } from './support/sluice.ts';
import { mountSmallDisk, type SmallDisk } from './support/small-disk.ts';
import { until } from './support/wait.ts';

const cleanups: (() => unknown)[] = [];
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const skip = process.getuid?.() === 0 ? false : 'only root may mount a small disk';

async function smallDisk(): Promise<SmallDisk> {
  const disk = await mountSmallDisk(32);
  cleanups.push(() => disk.remove());
  return disk;
}

async function startServers(...names: string[]): Promise<TestBackend[]> {
  const servers = await Promise.all(names.map((name) => startHttpServer(name)));
  cleanups.push(...servers.map((server) => () => server.close()));
  return servers;
}

/** Registers an instance; `refused` when the answer was ServiceUnavailable. */
async function register(client: RpcClient, InstanceId: string): Promise<'taken' | RpcError> {
  try {
    const instance = { EnsRegionId: 'local', InstanceId, PrivateIpAddress: '10.0.0.1' };
    await client.call('Sluice', 'RegisterInstance', instance);
    return 'taken';
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
}

async function instances(client: RpcClient): Promise<string[]> {
  const ids: string[] = [];
  for (let PageNumber = 1; ; PageNumber++) {
    const page = { PageNumber, PageSize: 100 };
    const { body } = await client.call('Ens', 'DescribeInstances', page);
    const { Instance } = (body as { Instances: { Instance: { InstanceId: string }[] } }).Instances;
    ids.push(...Instance.map(({ InstanceId }) => InstanceId));
    if (Instance.length < 100) return ids;
  }
}

describe('a full disk under the control plane', { skip }, () => {
  test('refuses changes and says so, keeps every answered one, and goes on by itself', async () => {
    const disk = await smallDisk();
    const dataFolder = join(disk.path, 'data');
    const servers = await startServers('full-1', 'full-2');
    const sluice = await startSluice({ dataFolder });
    cleanups.push(() => sluice.stop());
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    const at = { host: scene.address, port: scene.ports[0]! };
    const load = startHttpLoad({ ...at, clients: 2, keepAlive: true });
    cleanups.push(() => load.stop());
    const taken: string[] = [];
    const refused: string[] = [];
    const write = async () => {
      const id = `i-${taken.length + refused.length}`;
      const outcome = await register(sluice.client, id);
      if (outcome === 'taken') taken.push(id);
      else {
        assert.equal(outcome.code, 'ServiceUnavailable');
        assert.equal(outcome.status, 503);
        // What may have been made is neither promised nor excluded.
        if (outcome.headers['x-sluice-detail'] === 'nothing was changed') refused.push(id);
        else assert.match(outcome.headers['x-sluice-detail'] ?? '', /not known/);
      }
      return outcome;
    };

    await write();
    disk.fill();
    // What SQLite has set aside already is written before it finds that there is no more.
    await until(
      async () => {
        disk.fill();
        return (await write()) !== 'taken';
      },
      { what: 'a write that is refused' },
    );
    const [first = ''] = servers.map(({ name }) => name);
    for (let round = 0; round < 20; round++) await write();
    await assert.rejects(change(sluice.client, 'RemoveBackendServers', scene, first), {
      code: 'ServiceUnavailable',
    });
    assert.ok(refused.length > 10, `${refused.length} of 20 were refused`);
    assert.deepEqual(
      (await instances(sluice.client)).filter((id) => id.startsWith('i-')).sort(),
      [...taken].sort(),
      'reads go on, and show what was answered',
    );
    assert.equal((await fetch(`${sluice.endpoint}/healthz`)).status, 200);
    const mark = load.observations.length;
    await until(() => load.observations.length > mark + 100, { what: 'traffic on a full disk' });
    const seen = new Set(load.observations.slice(mark).map(({ server }) => server));
    assert.deepEqual([...seen].sort(), ['full-1', 'full-2'], 'no refused removal was carried out');

    disk.free();
    await until(async () => (await write()) === 'taken', { what: 'a write when there is room' });
    const { headers } = await change(sluice.client, 'RemoveBackendServers', scene, first);
    assert.equal(headers['x-sluice-applied'], '1/1');
    await load.stop();
    assert.deepEqual(load.failures, []);
    await sluice.kill('SIGKILL');
    const again = await startSluice({ dataFolder });
    cleanups.push(() => again.stop());
    const found = (await instances(again.client)).filter((id) => id.startsWith('i-'));
    assert.deepEqual(found.sort(), [...taken].sort(), 'after the restart');
    assert.equal(await get({ ...at, agent: false }), 'full-2');
  });
});

function change(client: RpcClient, action: string, { loadBalancerId }: Scene, ServerId: string) {
  return client.call('Ens', action, {
    LoadBalancerId: loadBalancerId,
    BackendServers: [{ ServerId }],
  });
}

interface Rollout {
  readonly Applied: boolean;
  readonly Reasons: readonly string[];
}

/** What a forwarder has said of a load balancer: it has all of it, or why not. */
async function rollout(client: RpcClient, { loadBalancerId }: Scene) {
  const of = { LoadBalancerId: loadBalancerId };
  const { body } = await client.call('Sluice', 'DescribeRollouts', of);
  const { Rollouts } = body as { Rollouts: { Rollout: Rollout[] } };
  return Rollouts.Rollout[0]!;
}

describe('a full disk under a forwarder', { skip }, () => {
  test('no removal is told as applied whose file still has the server', async () => {
    const disk = await smallDisk();
    const plane = await startSluice({ mode: 'control-plane' });
    cleanups.push(() => plane.stop());
    const { client, endpoint } = plane;
    const key = await registerForwarder(client);
    const options = { ...key, endpoint, site: 'local', dataFolder: join(disk.path, 'data') };
    const forwarder = await startForwarderProcess(options);
    cleanups.push(() => forwarder.stop());
    const servers = await startServers('edge-a', 'edge-b');
    const scene = await buildScene(client, servers, [{ protocol: 'HTTP' }]);
    const at = { host: scene.address, port: scene.ports[0]! };
    const load = startHttpLoad({ ...at, clients: 2, keepAlive: true });
    cleanups.push(() => load.stop());
    const files = join(options.dataFolder, 'forwarder', 'haproxy', 'load-balancers');
    const onDisk = async () => {
      const names = (await readdir(files)).filter((name) => name.endsWith('.cfg'));
      const texts = await Promise.all(names.map((name) => readFile(join(files, name), 'utf8')));
      return texts.join('\n');
    };
    const failures = () => forwarder.output().split('"the engine failed"').length - 1;

    disk.fill();
    const answer = await change(client, 'RemoveBackendServers', scene, 'edge-a');
    if (answer.headers['x-sluice-applied'] !== '0/1') assert.doesNotMatch(await onDisk(), /edge-a/);
    // It is tried again and again; each time what is told has to be true.
    const enough = failures() + 3;
    const { Applied, Reasons } = await until(
      async () => {
        disk.fill();
        const told = await rollout(client, scene);
        return told.Applied || failures() >= enough ? told : undefined;
      },
      { what: 'several tries', timeoutMs: 60_000 },
    );
    if (Applied) assert.doesNotMatch(await onDisk(), /edge-a/, 'told as applied');
    else assert.match(Reasons.join(), /ENOSPC/, 'the reason is told');
    assert.equal(forwarder.process.exitCode, null, 'the forwarder runs on');
    const mark = load.observations.length;
    await until(() => load.observations.length > mark + 100, { what: 'traffic on a full disk' });

    disk.free();
    await until(async () => (await rollout(client, scene)).Applied, {
      what: 'the removal when there is room',
      timeoutMs: 60_000,
    });
    assert.doesNotMatch(await onDisk(), /edge-a/);
    assert.equal(await get({ ...at, agent: false }), 'edge-b');
    await load.stop();
    assert.deepEqual(load.failures, []);

    disk.fill();
    await killHaproxy(options.dataFolder);
    await untilAnswered(at);
    disk.free();

    // Alone, from what it has kept on disk, it does not bring the server back.
    await until(async () => (await journal(options.dataFolder)) !== '', { what: 'a journal' });
    await plane.kill('SIGKILL');
    await forwarder.stop();
    const alone = await startForwarderProcess(options);
    cleanups.push(() => alone.stop());
    await untilAnswered(at);
    for (let i = 0; i < 10; i++) assert.equal(await get({ ...at, agent: false }), 'edge-b');
  });
});

/** Registers the one forwarder of the site `local`. @returns its access key */
async function registerForwarder(client: RpcClient) {
  const EnsRegionId = 'local';
  await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
  const named = { EnsRegionId, ForwarderName: 'edge-1' };
  const { body } = await client.call('Sluice', 'RegisterForwarder', named);
  const { AccessKeyId = '', AccessKeySecret = '' } = body as Record<string, string>;
  return { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret };
}

/** One that ends needs no room to be started again. */
async function killHaproxy(dataFolder: string): Promise<void> {
  const pid = await readFile(join(dataFolder, 'forwarder', 'haproxy', 'haproxy.pid'), 'utf8');
  process.kill(Number(pid), 'SIGKILL');
}

function untilAnswered(at: { readonly host: string; readonly port: number }): Promise<unknown> {
  return until(() => get({ ...at, agent: false }).catch(() => undefined), { what: 'an answer' });
}

async function journal(dataFolder: string): Promise<string> {
  const folder = join(dataFolder, 'forwarder');
  const names = (await readdir(folder, { recursive: true })).filter((each) =>
    each.endsWith('.ndjson'),
  );
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
}
