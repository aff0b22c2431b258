import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RpcClient, RpcError } from '../src/client.ts';
import { startHttpServer, type TestBackend } from './support/backends.ts';
import { headersAt, openConsole } from './support/console.ts';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { get, startHttpLoad } from './support/load.ts';
import { buildScene, emptyLoadBalancer, type Scene } from './support/scene.ts';
import {
  rootKey,
  type Sluice,
  type SluiceProcess,
  startForwarderProcess,
  startSluice,
} from './support/sluice.ts';
import { until } from './support/wait.ts';
import { watchLoadBalancer } from './support/watching.ts';

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

  test('a session of the console holds at both, and ends at both when it signs out', async () => {
    const page = await openConsole(a().endpoint, rootKey);
    const there = () =>
      fetch(`${b().endpoint}/console/session`, {
        headers: headersAt(b().endpoint, page),
      });
    assert.equal((await there()).status, 200);
    assert.equal((await page.send('DELETE', '/console/session')).status, 204);
    await until(async () => (await there()).status === 401, { what: 'the end at the other' });
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

  test('who watches at either sees what is counted, and a removal at the other', async () => {
    const watching = planes.map(({ client }) => watchLoadBalancer(client, scene.loadBalancerId));
    const load = startHttpLoad({
      host: scene.address,
      port: scene.ports[0]!,
      clients: 2,
      keepAlive: true,
    });
    try {
      for (const [index, each] of watching.entries()) {
        await each.state(`rates at control plane ${index}`, ({ Figures }) =>
          Figures.Servers.some(({ RequestsPerSecond = 0 }) => RequestsPerSecond > 0),
        );
      }
      await change(b(), 'RemoveBackendServers', 'two-3');
      for (const each of watching) {
        await each.state('the drain of the removed server, over', ({ Drains }) =>
          Drains.some(({ ServerId, Over }) => ServerId === 'two-3' && Over),
        );
      }
    } finally {
      await load.stop();
      await Promise.all(watching.map((each) => each.stop()));
    }
    await change(a(), 'AddBackendServers', 'two-3');
  });

  test('200 changes of one load balancer at once, at both, lose nothing', async () => {
    const LoadBalancerId = await emptyLoadBalancer(a().client);
    const ids = Array.from({ length: 200 }, (_, index) => `i-many-${index}`);
    const register = (InstanceId: string, index: number) =>
      planes[index % 2]!.client.call('Sluice', 'RegisterInstance', {
        EnsRegionId: 'local',
        InstanceId,
        PrivateIpAddress: '10.1.0.1',
      });
    await Promise.all(ids.map(register));
    const call = (action: string, index: number, ...named: string[]) =>
      planes[index % 2]!.client.call(
        'Ens',
        action,
        { LoadBalancerId, BackendServers: named.map((ServerId) => ({ ServerId })) },
        { headers: { 'x-sluice-confirm-wait': '0' } },
      );
    const [leaving, coming] = [ids.slice(0, 100), ids.slice(100)];
    for (let from = 0; from < leaving.length; from += 20) {
      await call('AddBackendServers', from / 20, ...leaving.slice(from, from + 20));
    }
    assert.deepEqual(await attached(b(), LoadBalancerId), [...leaving].sort());
    const changes = leaving.flatMap((id, index) => [
      call('RemoveBackendServers', index, id),
      call('AddBackendServers', index + 1, coming[index]!),
    ]);
    await Promise.all(changes);
    assert.deepEqual(await attached(a(), LoadBalancerId), [...coming].sort());
    assert.deepEqual(await attached(b(), LoadBalancerId), [...coming].sort());
  });

  test('what both have written is one audit log, sealed by either, and intact', async () => {
    type Part = { Records: number; UnsealedRecords: number; NextToken: string; Fault?: object };
    const verify = async (plane: Sluice) => {
      const sum = { records: 0, unsealed: 0 };
      for (let NextToken = '', isDone = false; !isDone; ) {
        const answer = await plane.client.call('Sluice', 'VerifyAuditRecords', { NextToken });
        const part = answer.body as Part;
        assert.equal(part.Fault, undefined);
        sum.records += part.Records;
        sum.unsealed += part.UnsealedRecords;
        NextToken = part.NextToken;
        isDone = NextToken === '';
      }
      return sum;
    };
    const sealed = async (plane: Sluice) => {
      const { records, unsealed } = await verify(plane);
      return unsealed === 0 ? records : undefined;
    };
    const records = await until(() => sealed(a()), { what: 'all records to be sealed' });
    assert.ok(records > 400, `${records} records`);
    assert.deepEqual(await verify(b()), { records, unsealed: 0 });
  });

  test('what is made at one is changed and deleted at the other', async () => {
    const LoadBalancerId = await emptyLoadBalancer(a().client);
    const named = { LoadBalancerId, LoadBalancerName: 'renamed at B' };
    await b().client.call('Ens', 'ModifyLoadBalancerAttribute', named);
    const shown = await a().client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
    assert.equal((shown.body as typeof named).LoadBalancerName, 'renamed at B');
    await b().client.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId });
    await assert.rejects(
      a().client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId }),
      { code: 'LoadBalancerNotFound' },
    );
  });

  test('an access key made at one opens the other, until it is replaced', async () => {
    const named = { EnsRegionId: 'local', ForwarderName: 'edge-2' };
    const register = async (plane: Sluice) => {
      const { body } = await plane.client.call('Sluice', 'RegisterForwarder', named);
      const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
      const pair = { accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! };
      return (other: Sluice) => codeOf(other, pair);
    };
    const first = await register(a());
    // It may watch and report, no more.
    assert.equal(await first(b()), 'NoPermission');
    const second = await register(b());
    assert.equal(await second(a()), 'NoPermission');
    await until(async () => (await first(a())) === 'InvalidAccessKeyId.NotFound', {
      what: 'the end of the key before',
    });
    await a().client.call('Sluice', 'DeregisterForwarder', named);
  });

  /** How a control plane answers a call with this key. */
  async function codeOf(
    { endpoint }: Sluice,
    pair: { readonly accessKeyId: string; readonly accessKeySecret: string },
  ): Promise<string> {
    const client = new RpcClient({ endpoint, ...pair });
    try {
      await client.call('Ens', 'DescribeLoadBalancers', {});
      return 'OK';
    } catch (error) {
      if (error instanceof RpcError) return error.code;
      throw error;
    } finally {
      await client.close();
    }
  }

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
    for (const plane of planes) {
      await assert.rejects(
        change(plane, 'RemoveBackendServers', 'two-2'),
        (error) => error instanceof RpcError && error.code === 'ServiceUnavailable',
      );
    }
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
