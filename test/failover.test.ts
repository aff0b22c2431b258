import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../src/limits.ts';
import { startHttpServer, type TestBackend } from './support/backends.ts';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { get } from './support/load.ts';
import { type Relay, type RelayMode, startRelay } from './support/relay.ts';
import { buildScene, type Scene } from './support/scene.ts';
import {
  type ForwarderProcessOptions,
  type Sluice,
  type SluiceProcess,
  startForwarderProcess,
  startSluice,
} from './support/sluice.ts';
import { until } from './support/wait.ts';

/** Long enough that only a forwarder that stays away for good is missed. */
const patient = { headers: { 'x-sluice-confirm-wait': '30000' } };

describe('a forwarder leaves a control plane that is silent', () => {
  let etcd: Etcd;
  let planes: Sluice[];
  let relays: Relay[];
  let forwarder: SluiceProcess;
  let options: ForwarderProcessOptions;
  const dataFolder = mkdtempSync(join(tmpdir(), 'failover-'));
  let servers: TestBackend[];
  let scene: Scene;
  /** Index of the control plane that the forwarder follows, as its log says. */
  const current = () => {
    const lines = forwarder.output().split('\n');
    const last = lines.findLast((line) => line.includes('"msg":"follows'))!;
    const { endpoint } = JSON.parse(last) as { endpoint: string };
    return relays.findIndex((relay) => relay.endpoint === endpoint);
  };

  before(async () => {
    etcd = await startEtcd();
    const flags = ['--store', `etcd://${new URL(etcd.endpoints[0]!).host}`];
    const start = () => startSluice({ mode: 'control-plane', flags });
    planes = [await start(), await start()];
    relays = await Promise.all(planes.map(({ endpoint }) => startRelay(endpoint)));
    servers = await Promise.all(['fo-1', 'fo-2', 'fo-3'].map((name) => startHttpServer(name)));
    const { client } = planes[0]!;
    const EnsRegionId = 'local';
    await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
    const named = { EnsRegionId, ForwarderName: 'edge-1' };
    const { body } = await client.call('Sluice', 'RegisterForwarder', named);
    const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
    options = {
      endpoint: relays.map(({ endpoint }) => endpoint).join(),
      site: 'local',
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
      dataFolder,
    };
    forwarder = await startForwarderProcess(options);
    scene = await buildScene(client, servers, [{ protocol: 'HTTP' }]);
  });
  after(async () => {
    forwarder?.process.kill('SIGCONT');
    await forwarder?.stop();
    for (const plane of planes ?? []) plane.process.kill('SIGCONT');
    await Promise.all((relays ?? []).map((relay) => relay.close()));
    await Promise.all((planes ?? []).map((plane) => plane.stop()));
    await Promise.all((servers ?? []).map((server) => server.close()));
    await etcd?.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  });

  const answering = async () => {
    const names = new Set<string>();
    for (let i = 0; i < 30; i++) {
      names.add(await get({ host: scene.address, port: scene.ports[0]!, agent: false }));
    }
    return [...names].sort();
  };

  const change = async (plane: Sluice, action: string, ServerId: string) => {
    const { LoadBalancerId, Port } = {
      LoadBalancerId: scene.loadBalancerId,
      Port: servers.find(({ name }) => name === ServerId)!.port,
    };
    const BackendServers = [{ ServerId, Port }];
    const { headers } = await plane.client.call(
      'Ens',
      action,
      { LoadBalancerId, BackendServers },
      patient,
    );
    return headers['x-sluice-applied'];
  };

  /** Silences the control plane that the forwarder follows; the other one answers for it. */
  const failover = async (silence: (index: number) => void, end: (index: number) => void) => {
    const index = current();
    const [silent, other] = [planes[index]!, planes[1 - index]!];
    silence(index);
    try {
      assert.equal(await change(other, 'RemoveBackendServers', 'fo-1'), '1/1');
      assert.deepEqual(await answering(), ['fo-2', 'fo-3']);
    } finally {
      end(index);
    }
    // The one that was silent answers again, with what was changed meanwhile.
    const back = () => change(silent, 'AddBackendServers', 'fo-1');
    assert.equal(await until(back, { what: 'an answer of the one that was silent' }), '1/1');
    assert.deepEqual(await answering(), ['fo-1', 'fo-2', 'fo-3']);
  };

  for (const name of ['first', 'second']) {
    test(`the ${name} control plane is stopped (SIGSTOP)`, async () => {
      await failover(
        (index) => planes[index]!.process.kill('SIGSTOP'),
        (index) => planes[index]!.process.kill('SIGCONT'),
      );
    });
  }

  test('one that was stopped itself for longer than it waits goes on', async () => {
    forwarder.process.kill('SIGSTOP');
    await delay(2 * limits.streamSilence);
    forwarder.process.kill('SIGCONT');
    for (const [index, action] of ['RemoveBackendServers', 'AddBackendServers'].entries()) {
      assert.equal(await change(planes[index]!, action, 'fo-1'), '1/1');
    }
  });

  test('that accepts connections and says nothing when the forwarder starts', async () => {
    await forwarder.kill('SIGKILL');
    relays[0]!.set('drop both');
    try {
      forwarder = await startForwarderProcess(options);
      // Again while the forwarder starts: its earlier report has lapsed then.
      const remove = () => change(planes[1]!, 'RemoveBackendServers', 'fo-1');
      await until(async () => (await remove()) === '1/1', { what: 'a confirmed removal' });
      assert.deepEqual(await answering(), ['fo-2', 'fo-3']);
    } finally {
      relays[0]!.set('pass');
    }
    assert.equal(await change(planes[0]!, 'AddBackendServers', 'fo-1'), '1/1');
  });

  const modes: readonly RelayMode[] = [
    'drop both',
    'drop requests',
    'drop answers',
    'delay answers',
    'fail',
  ];
  for (const mode of modes) {
    test(`what is between them does this: ${mode}`, async () => {
      await failover(
        (index) => relays[index]!.set(mode),
        (index) => relays[index]!.set('pass'),
      );
    });
  }
});
