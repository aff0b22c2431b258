import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RpcError } from '../src/client.ts';
import { startHttpServer, type TestBackend } from './support/backends.ts';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { get } from './support/load.ts';
import { buildScene, emptyLoadBalancer, type Scene } from './support/scene.ts';
import {
  type Sluice,
  type SluiceProcess,
  startForwarderProcess,
  startSluice,
} from './support/sluice.ts';
import { until } from './support/wait.ts';

describe('two control planes on one etcd', () => {
  let etcd: Etcd;
  let planes: Sluice[];
  let forwarder: SluiceProcess;
  let servers: TestBackend[];
  let scene: Scene;
  const a = () => planes[0]!;
  const b = () => planes[1]!;

  before(async () => {
    etcd = await startEtcd();
    const flags = ['--store', `etcd://${new URL(etcd.endpoints[0]!).host}`];
    planes = [
      await startSluice({ mode: 'control-plane', flags }),
      await startSluice({ mode: 'control-plane', flags }),
    ];
    servers = await Promise.all(['two-1', 'two-2', 'two-3'].map((name) => startHttpServer(name)));
    await a().client.call('Sluice', 'RegisterSite', {
      EnsRegionId: 'local',
      AddressPool: '127.0.0.0/24',
    });
    const named = { EnsRegionId: 'local', ForwarderName: 'edge-1' };
    const { body } = await a().client.call('Sluice', 'RegisterForwarder', named);
    const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
    forwarder = await startForwarderProcess({
      endpoint: `${a().endpoint},${b().endpoint}`,
      site: 'local',
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
    });
    scene = await buildScene(a().client, servers, [{ protocol: 'HTTP' }]);
  });
  after(async () => {
    await forwarder?.stop();
    await Promise.all((planes ?? []).map((plane) => plane.stop()));
    await Promise.all((servers ?? []).map((server) => server.close()));
    await etcd?.stop();
  });

  const attached = async (plane: Sluice, LoadBalancerId: string) => {
    const answer = await plane.client.call('Ens', 'DescribeLoadBalancerAttribute', {
      LoadBalancerId,
    });
    const { BackendServers } = answer.body as { BackendServers: { ServerId: string }[] };
    return BackendServers.map(({ ServerId }) => ServerId).sort();
  };
  const change = (plane: Sluice, action: string, ...names: string[]) =>
    plane.client.call('Ens', action, {
      LoadBalancerId: scene.loadBalancerId,
      BackendServers: names.map((name) => {
        const server = servers.find((each) => each.name === name);
        return { ServerId: name, Port: server?.port ?? 0 };
      }),
    });
  const answering = async () => {
    const names = new Set<string>();
    for (let i = 0; i < 30; i++) {
      names.add(await get({ host: scene.address, port: scene.ports[0]!, agent: false }));
    }
    return [...names].sort();
  };

  test('what one has answered the other shows at once', async () => {
    await change(b(), 'RemoveBackendServers', 'two-3');
    assert.deepEqual(await attached(a(), scene.loadBalancerId), ['two-1', 'two-2']);
    await change(a(), 'AddBackendServers', 'two-3');
    assert.deepEqual(await attached(b(), scene.loadBalancerId), ['two-1', 'two-2', 'two-3']);
  });

  test('a removal at one is confirmed by the forwarder of the other', async () => {
    const answer = await change(b(), 'RemoveBackendServers', 'two-1');
    assert.equal(answer.headers['x-sluice-applied'], '1/1');
    assert.deepEqual(await answering(), ['two-2', 'two-3']);
    const back = await change(a(), 'AddBackendServers', 'two-1');
    assert.equal(back.headers['x-sluice-applied'], '1/1');
  });

  test('changes of one load balancer at both lose nothing', async () => {
    const LoadBalancerId = await emptyLoadBalancer(a().client);
    const ids = Array.from({ length: 60 }, (_, index) => `i-many-${index}`);
    for (const InstanceId of ids) {
      await a().client.call('Sluice', 'RegisterInstance', {
        EnsRegionId: 'local',
        InstanceId,
        PrivateIpAddress: '10.1.0.1',
      });
    }
    const call = (index: number, action: string) =>
      planes[index % 2]!.client.call(
        'Ens',
        action,
        { LoadBalancerId, BackendServers: [{ ServerId: ids[index] }] },
        { headers: { 'x-sluice-confirm-wait': '0' } },
      );
    await Promise.all(ids.map((_, index) => call(index, 'AddBackendServers')));
    assert.deepEqual(await attached(a(), LoadBalancerId), [...ids].sort());
    const removed = ids.map((_, index) => index).filter((index) => index % 3 === 0);
    await Promise.all(removed.map((index) => call(index + 0, 'RemoveBackendServers')));
    const left = ids.filter((_, index) => index % 3 !== 0).sort();
    assert.deepEqual(await attached(b(), LoadBalancerId), left);
  });

  test('one ClientToken at both makes one load balancer', async () => {
    const { body } = await a().client.call('Sluice', 'DescribeSites', {});
    const [site] = (
      body as { Sites: { Site: { DefaultNetworkId: string; DefaultVSwitchId: string }[] } }
    ).Sites.Site;
    const wanted = {
      EnsRegionId: 'local',
      LoadBalancerSpec: 'elb.s1.small',
      PayType: 'PostPaid',
      NetworkId: site!.DefaultNetworkId,
      VSwitchId: site!.DefaultVSwitchId,
      ClientToken: 'the same at both',
    };
    const answers = await Promise.all(
      [0, 1, 0, 1].map((plane) => planes[plane]!.client.call('Ens', 'CreateLoadBalancer', wanted)),
    );
    const ids = answers.map((each) => (each.body as { LoadBalancerId: string }).LoadBalancerId);
    assert.equal(new Set(ids).size, 1);
  });

  test('while etcd is away calls say so, and work again after its return', async () => {
    await etcd.kill();
    await assert.rejects(
      change(a(), 'RemoveBackendServers', 'two-2'),
      (error) => error instanceof RpcError && error.code === 'ServiceUnavailable',
    );
    assert.equal((await answering()).length, 3, 'traffic goes on');
    await etcd.start();
    await until(() => change(b(), 'RemoveBackendServers', 'two-2'), { what: 'a removal at B' });
    await until(async () => (await answering()).join() === 'two-1,two-3', {
      what: 'traffic without two-2',
    });
    await until(() => change(a(), 'AddBackendServers', 'two-2'), { what: 'an addition at A' });
  });

  test('the forwarder goes over to the other when its control plane is killed', async () => {
    await a().kill('SIGKILL');
    const answer = await until(
      async () => {
        await change(b(), 'AddBackendServers', 'two-3');
        const removal = await change(b(), 'RemoveBackendServers', 'two-3');
        return removal.headers['x-sluice-applied'] === '1/1' ? removal : undefined;
      },
      { timeoutMs: 30_000, what: 'a removal that is confirmed at B' },
    );
    assert.equal(answer.status, 200);
    assert.deepEqual(await answering(), ['two-1', 'two-2']);
  });
});
