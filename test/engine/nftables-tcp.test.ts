import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TcpListener } from '../../src/elb/types.ts';
import { kernelScene, leaving, plainTcp, udp } from '../support/kernel.ts';
import { until } from '../support/wait.ts';
import { type TcpScene, tcpCases } from './tcp-cases.ts';

const port = 80;

async function open(t: TestContext): Promise<TcpScene> {
  const { client, forwarder, backends, balancer, servers, address } = await kernelScene(t, true);
  return {
    address,
    healthPort: 8_888,
    setHealth: async (id, found) => {
      const backend = backends[servers.findIndex(({ serverId }) => serverId === id)]!;
      await backend.ask('serveHealth', backend.ip, 8_888, found);
    },
    servers,
    balancer,
    listener: (more: Partial<TcpListener> = {}) => plainTcp(port, more),
    apply: (wanted) => forwarder.ask('apply', wanted),
    client: {
      tcp: (to) => client.ask('tcp', to),
      tcpMany: (to, count) => client.ask('tcpMany', to, count),
      openTcp: (name, to) => client.ask('openTcp', name, to),
      echo: (name) => client.ask('echo', name),
      isOpen: (name) => client.ask('isOpen', name),
    },
  };
}

tcpCases('kernel TCP', open);

test('kernel TCP: removal and weight 0 under load: 0 failed, 0 new to the server', async (t) => {
  const { client, forwarder, balancer, servers, address } = await kernelScene(t);
  const all = balancer({ listeners: [plainTcp(port)] });
  assert.deepEqual(await forwarder.ask('apply', all), []);
  await client.ask('startLoad', 'tcp', { address, port }, 10);
  const gone: { server: string; from: number; to: number }[] = [];
  const now = () => performance.timeOrigin + performance.now();
  for (let round = 0; round < 10; round++) {
    const server = servers[round % 3]!;
    const left = servers.filter((each) => each !== server);
    const draining = [leaving(server, Date.now() + 60_000)];
    const change =
      round % 2 === 0
        ? { backends: left, draining }
        : { backends: [...left, { ...server, weight: 0 }] };
    assert.deepEqual(await forwarder.ask('apply', { ...all, ...change }), []);
    const from = now();
    await new Promise((resolve) => setTimeout(resolve, 100));
    gone.push({ server: server.serverId, from, to: now() });
    assert.deepEqual(await forwarder.ask('apply', all), []);
  }
  const observed = await client.ask('stopLoad');
  assert.ok(observed.length > 300, `${observed.length} connections`);
  assert.deepEqual(
    observed.filter(({ server }) => server === undefined),
    [],
  );
  // One that ended later may have waited until the server was back.
  const late = observed.filter(({ begun, ended, server }) =>
    gone.some((each) => each.server === server && begun > each.from && ended < each.to),
  );
  assert.deepEqual(late, []);
});

test('kernel TCP: at the deadline a session ends, and drains tell what is left', async (t) => {
  const { client, forwarder, balancer, servers, address } = await kernelScene(t);
  const all = balancer({ listeners: [plainTcp(port)] });
  await forwarder.ask('apply', all);
  const serverId = await client.ask('openTcp', 'a', { address, port });
  const server = servers.find((each) => each.serverId === serverId)!;
  const backends = servers.filter((each) => each !== server);
  const deadline = Date.now() + 1_000;
  const draining = [leaving(server, deadline)];
  assert.deepEqual(await forwarder.ask('apply', { ...all, backends, draining }), []);
  assert.deepEqual(await forwarder.ask('drains'), [
    { loadBalancerId: 'lb-1', server, deadline, sessions: 1 },
  ]);
  assert.equal(await client.ask('echo', 'a'), 'echoed');
  const isOver = async () => (await client.ask('echo', 'a')) !== 'echoed';
  await until(isOver, { what: 'the end of the session' });
  assert.ok(Date.now() >= deadline);
});

test('kernel TCP: no server at all refuses; all at weight 0 too, and keeps sessions', async (t) => {
  const { client, forwarder, balancer, servers, address } = await kernelScene(t);
  const all = balancer({ listeners: [plainTcp(port)] });
  await forwarder.ask('apply', all);
  await client.ask('openTcp', 'a', { address, port });
  const rested = servers.map((server) => ({ ...server, weight: 0 }));
  assert.deepEqual(await forwarder.ask('apply', { ...all, backends: rested }), []);
  assert.equal(await client.ask('tcp', { address, port }), 'ECONNREFUSED');
  assert.equal(await client.ask('echo', 'a'), 'echoed');
  assert.deepEqual(await forwarder.ask('apply', { ...all, backends: [] }), []);
  assert.equal(await client.ask('tcp', { address, port }), 'ECONNREFUSED');
  assert.notEqual(await client.ask('echo', 'a'), 'echoed');
});

for (const protocol of ['tcp', 'udp'] as const) {
  test(`kernel ${protocol}: probes take servers out; when none is well all are in`, async (t) => {
    const { client, forwarder, balancer, address } = await kernelScene(t);
    const health = { ...plainTcp(port).health, enabled: true };
    const listener = protocol === 'tcp' ? plainTcp(port, { health }) : udp(53, { health });
    assert.deepEqual(await forwarder.ask('apply', balancer({ listeners: [listener] })), []);
    const many = protocol === 'tcp' ? 'tcpMany' : 'udpMany';
    const seen = async () =>
      Object.keys(await client.ask(many, { address, port: listener.port }, 30)).sort();
    await forwarder.ask('probe', 's-1', false);
    await until(async () => String(await seen()) === 's-2,s-3', { what: 's-1 to be left out' });
    const health1 = await forwarder.ask('health');
    assert.deepEqual(
      health1.filter(({ healthy }) => !healthy).map(({ serverId }) => serverId),
      ['s-1'],
    );
    for (const id of ['s-2', 's-3']) await forwarder.ask('probe', id, false);
    await until(async () => (await seen()).length === 3, { what: 'all servers' });
    await forwarder.ask('probe', 's-2', true);
    await until(async () => String(await seen()) === 's-2', { what: 's-2 alone' });
  });
}

test('kernel TCP: EipTransmit both ways, and IPv6', async (t) => {
  const scene = await kernelScene(t);
  const { client, forwarder, balancer, servers6, address, address6 } = scene;
  const six = { id: 'lb-6', address: address6, backends: servers6, ipVersion: 'ipv6' } as const;
  for (const eipTransmit of [true, false]) {
    const listeners = [plainTcp(port, { eipTransmit })];
    assert.deepEqual(await forwarder.ask('apply', balancer({ listeners })), []);
    assert.deepEqual(await forwarder.ask('apply', balancer({ ...six, listeners })), []);
    const seen = async (to: { address: string; port: number; from: string }) => {
      const found = await client.ask('tcp', to);
      return typeof found === 'string' ? found : found.seen;
    };
    const four = await seen({ address, port, from: '10.77.0.3' });
    const at6 = await seen({ address: address6, port, from: 'fd77::3' });
    if (eipTransmit) assert.deepEqual([four, at6], ['10.77.0.3', 'fd77::3']);
    else assert.match(`${four} ${at6}`, /^10\.78\.[123]\.1 fd78:[123]::1$/);
  }
});

test('kernel TCP: a local client of the forwarder is carried too', async (t) => {
  const { forwarder, balancer, address } = await kernelScene(t);
  await forwarder.ask('apply', balancer({ listeners: [plainTcp(port)] }));
  const counts = await forwarder.ask('tcpMany', { address, port }, 30);
  assert.deepEqual(counts, { 's-1': 10, 's-2': 10, 's-3': 10 });
});
