import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startHttpServer, type TestBackend } from './support/backends.ts';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { get } from './support/load.ts';
import { type Relay, type RelayMode, startRelay } from './support/relay.ts';
import { buildScene, type Scene } from './support/scene.ts';
import {
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
  let servers: TestBackend[];
  let scene: Scene;
  /** Index of the control plane that the forwarder follows. */
  let current = 0;

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
    forwarder = await startForwarderProcess({
      endpoint: relays.map(({ endpoint }) => endpoint).join(),
      site: 'local',
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
    });
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
  const failover = async (silence: () => void, end: () => void) => {
    const other = planes[1 - current]!;
    silence();
    try {
      assert.equal(await change(other, 'RemoveBackendServers', 'fo-1'), '1/1');
      assert.deepEqual(await answering(), ['fo-2', 'fo-3']);
    } finally {
      end();
    }
    current = 1 - current;
    // The one that was silent answers again, with what was changed meanwhile.
    const back = () => change(planes[1 - current]!, 'AddBackendServers', 'fo-1');
    assert.equal(await until(back, { what: 'an answer of the one that was silent' }), '1/1');
    assert.deepEqual(await answering(), ['fo-1', 'fo-2', 'fo-3']);
  };

  for (const name of ['first', 'second']) {
    test(`the ${name} control plane is stopped (SIGSTOP)`, async () => {
      const { process } = planes[current]!;
      await failover(
        () => process.kill('SIGSTOP'),
        () => process.kill('SIGCONT'),
      );
    });
  }

  const modes: readonly RelayMode[] = [
    'drop both',
    'drop requests',
    'drop answers',
    'delay answers',
    'fail',
  ];
  for (const mode of modes) {
    test(`what is between them does this: ${mode}`, async () => {
      const relay = relays[current]!;
      await failover(
        () => relay.set(mode),
        () => relay.set('pass'),
      );
    });
  }
});
