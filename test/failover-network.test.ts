import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RpcClient } from '../src/client.ts';
import { startHttpServer, type TestBackend } from './support/backends.ts';
import { type Edge, makeEdge } from './support/edge.ts';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { get } from './support/load.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import {
  type Sluice,
  type SluiceProcess,
  startForwarderProcess,
  startSluice,
} from './support/sluice.ts';
import { until } from './support/wait.ts';

/** Long enough that only a forwarder that stays away for good is missed. */
const patient = { headers: { 'x-sluice-confirm-wait': '30000' } };

describe('packets between a forwarder and its control plane are dropped', () => {
  let edge: Edge;
  let etcd: Etcd;
  let planes: Sluice[];
  let forwarder: SluiceProcess;
  let servers: TestBackend[];
  let LoadBalancerId: string;
  let host: string;
  /** Index of the control plane that the forwarder follows, as its log says. */
  const current = () => {
    const lines = forwarder.output().split('\n');
    const last = lines.findLast((line) => line.includes('"msg":"follows'))!;
    const { endpoint } = JSON.parse(last) as { endpoint: string };
    return planes.findIndex((plane) => plane.endpoint === endpoint);
  };

  before(async () => {
    edge = makeEdge();
    etcd = await startEtcd();
    const flags = ['--store', `etcd://${new URL(etcd.endpoints[0]!).host}`];
    const start = () => startSluice({ mode: 'control-plane', host: edge.here, flags });
    planes = [await start(), await start()];
    const names = ['cut-1', 'cut-2', 'cut-3'];
    servers = await Promise.all(names.map((name) => startHttpServer(name, { host: edge.here })));
    const { client } = planes[0]!;
    const EnsRegionId = 'local';
    await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: edge.pool });
    const named = { EnsRegionId, ForwarderName: 'edge-1' };
    const { body } = await client.call('Sluice', 'RegisterForwarder', named);
    const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
    edge.run('nft', 'add table inet cut');
    edge.run('nft', 'add chain inet cut out { type filter hook output priority 0; }');
    edge.run('nft', 'add chain inet cut in { type filter hook input priority 0; }');
    forwarder = await startForwarderProcess({
      endpoint: planes.map(({ endpoint }) => endpoint).join(),
      site: EnsRegionId,
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
      networkNamespace: edge.namespace,
      environment: { SLUICE_ADDRESS_INTERFACE: edge.interfaceName },
    });
    await balance(client);
  });

  /** A load balancer over the servers, answering at port 80 of its address. */
  const balance = async (client: RpcClient) => {
    for (const { name, ip } of servers) {
      const instance = { EnsRegionId: 'local', InstanceId: name, PrivateIpAddress: ip };
      await client.call('Sluice', 'RegisterInstance', instance);
    }
    LoadBalancerId = await emptyLoadBalancer(client);
    const BackendServers = servers.map(({ name, port }) => ({ ServerId: name, Port: port }));
    await client.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
    const listener = { LoadBalancerId, ListenerPort: 80 };
    await client.call('Ens', 'CreateLoadBalancerHTTPListener', { ...listener, HealthCheck: 'on' });
    await client.call('Ens', 'StartLoadBalancerListener', listener);
    const { body } = await client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
    host = (body as { Address: string }).Address;
    await until(async () => (await answering()).length === 3, { what: 'all three servers' });
  };
  after(async () => {
    await forwarder?.stop();
    await Promise.all((planes ?? []).map((plane) => plane.stop()));
    await Promise.all((servers ?? []).map((server) => server.close()));
    await etcd?.stop();
    edge?.end();
  });

  const answering = async () => {
    const names = new Set<string>();
    for (let i = 0; i < 30; i++) {
      names.add(await get({ host, port: 80, agent: false }));
    }
    return [...names].sort();
  };

  const change = async (plane: Sluice, action: string) => {
    const BackendServers = [{ ServerId: 'cut-1', Port: servers[0]!.port }];
    const input = { LoadBalancerId, BackendServers };
    const { headers } = await plane.client.call('Ens', action, input, patient);
    return headers['x-sluice-applied'];
  };

  const directions = {
    'to the control plane': ['out'],
    'to the forwarder': ['in'],
    'both ways': ['out', 'in'],
  } as const;
  for (const [direction, chains] of Object.entries(directions)) {
    test(`${direction}: the other one is followed, and answers for all`, async () => {
      const index = current();
      const [cut, other] = [planes[index]!, planes[1 - index]!];
      const { port } = new URL(cut.endpoint);
      for (const chain of chains) {
        const end = chain === 'out' ? 'dport' : 'sport';
        edge.run('nft', `add rule inet cut ${chain} tcp ${end} ${port} drop`);
      }
      assert.equal(await change(other, 'RemoveBackendServers'), '1/1');
      assert.deepEqual(await answering(), ['cut-2', 'cut-3']);
      edge.run('nft', 'flush table inet cut');
      // A call at the one that was cut off is answered for the forwarder of the other.
      assert.equal(await change(cut, 'AddBackendServers'), '1/1');
      assert.deepEqual(await answering(), ['cut-1', 'cut-2', 'cut-3']);
    });
  }
});
