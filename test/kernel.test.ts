import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startHttpServer } from './support/backends.ts';
import { makeEdge } from './support/edge.ts';
import { get } from './support/load.ts';
import { Client } from './support/namespace-client.ts';
import { serve } from './support/namespace-server.ts';
import { freePort } from './support/ports.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

/** `sluice up` on a machine of its own, with servers on its link. */
async function stand(t: TestContext, environment: Readonly<Record<string, string>> = {}) {
  const edge = makeEdge();
  edge.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  const dataFolder = mkdtempSync(join(tmpdir(), 'kernel-'));
  const start = () =>
    startSluice({
      dataFolder,
      host: edge.there,
      networkNamespace: edge.namespace,
      flags: ['--no-sample', '--l4', 'kernel', '--address-interface', edge.interfaceName],
      environment,
    });
  let sluice: Sluice | undefined;
  t.after(async () => {
    await sluice?.stop();
    edge.end();
    rmSync(dataFolder, { recursive: true, force: true });
  });
  sluice = await start();
  return {
    edge,
    call: async (product: 'Ens' | 'Sluice', action: string, parameters: object) =>
      sluice!.client.call(product, action, { ...parameters }),
    client: () => sluice!.client,
    again: async () => {
      await sluice!.kill('SIGKILL');
      sluice = await start();
    },
  };
}

type Stand = Awaited<ReturnType<typeof stand>>;

const names = ['k-1', 'k-2', 'k-3'];
const udpPort = 53;
const tcpPort = 80;
const httpPort = 8_080;

/** A load balancer with a UDP, a TCP and an HTTP listener over the named ports of this machine. */
async function balance(at: Stand, ports: readonly { udp: number; tcp: number }[], http: number) {
  await at.call('Sluice', 'RegisterSite', { EnsRegionId: 'edge-k', AddressPool: at.edge.pool });
  for (const name of names) {
    const machine = { EnsRegionId: 'edge-k', InstanceId: name, PrivateIpAddress: at.edge.here };
    await at.call('Sluice', 'RegisterInstance', machine);
  }
  const of = async (protocol: string, port: number, servers: readonly object[], more: object) => {
    const LoadBalancerId = await emptyLoadBalancer(at.client(), 'edge-k');
    await at.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers: servers });
    const listener = { LoadBalancerId, ListenerPort: port };
    await at.call('Ens', `CreateLoadBalancer${protocol}Listener`, { ...listener, ...more });
    await at.call('Ens', 'StartLoadBalancerListener', listener);
    const { body } = await at.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
    return { LoadBalancerId, address: (body as { Address: string }).Address, port };
  };
  const servers = (protocol: 'udp' | 'tcp') =>
    names.map((ServerId, index) => ({ ServerId, Port: ports[index]![protocol] }));
  return {
    udp: await of('UDP', udpPort, servers('udp'), { HealthCheckConnectPort: ports[0]!.tcp }),
    tcp: await of('TCP', tcpPort, servers('tcp'), {}),
    http: await of('HTTP', httpPort, [{ ServerId: 'k-1', Port: http }], { HealthCheck: 'on' }),
  };
}

async function startServers(t: TestContext, at: Stand) {
  const ports: { udp: number; tcp: number }[] = [];
  for (const name of names) {
    const [udp, tcp] = [await freePort(at.edge.here), await freePort(at.edge.here)];
    await serve({ name, protocol: 'udp', address: at.edge.here, port: udp });
    await serve({ name, protocol: 'tcp', address: at.edge.here, port: tcp });
    ports.push({ udp, tcp });
  }
  const web = await startHttpServer('web', { host: at.edge.here });
  t.after(() => web.close());
  return { ports, web };
}

test('kernel mode: after the 200 no new flow reaches a removed server', async (t) => {
  const at = await stand(t);
  const { ports, web } = await startServers(t, at);
  const { udp, tcp, http } = await balance(at, ports, web.port);
  const found = await get({ host: http.address, port: httpPort, agent: false });
  assert.equal(found, 'web');
  for (const [protocol, to] of [
    ['udp', udp],
    ['tcp', tcp],
  ] as const) {
    const client = new Client();
    await client.startLoad(protocol, to, 10);
    const { LoadBalancerId } = to;
    const BackendServers = [{ ServerId: 'k-1' }];
    const removed = await at.call('Ens', 'RemoveBackendServers', {
      LoadBalancerId,
      BackendServers,
    });
    const after = performance.timeOrigin + performance.now();
    assert.equal(removed.headers['x-sluice-applied'], '1/1');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const observed = await client.stopLoad();
    assert.deepEqual(
      observed.filter(({ server }) => server === undefined),
      [],
    );
    const late = observed.filter(({ begun }) => begun > after);
    assert.ok(late.length > 20, `${late.length} flows`);
    assert.deepEqual(
      late.filter(({ server }) => server === 'k-1'),
      [],
    );
    // Traffic goes on without the process, and the next one takes it over.
    await at.again();
    assert.match(Object.keys(await new Client().tcpMany(tcp, 10)).join(), /k-/);
  }
});

test('where nft is missing its listeners are reported with the reason; HTTP goes on', async (t) => {
  const programs = mkdtempSync(join(tmpdir(), 'programs-'));
  for (const program of ['/usr/sbin/haproxy', '/usr/sbin/ip', '/usr/sbin/conntrack']) {
    symlinkSync(program, join(programs, program.split('/').at(-1)!));
  }
  const at = await stand(t, { PATH: programs });
  t.after(() => rmSync(programs, { recursive: true }));
  const { ports, web } = await startServers(t, at);
  const { udp, http } = await balance(at, ports, web.port);
  const found = await get({ host: http.address, port: httpPort, agent: false });
  assert.equal(found, 'web');
  const { LoadBalancerId } = udp;
  const reason = async () => {
    const { body } = await at.call('Sluice', 'DescribeRollouts', { LoadBalancerId });
    return /nftables \(nft\) is not installed/.test(JSON.stringify(body));
  };
  await until(reason, { what: 'the reason' });
});
