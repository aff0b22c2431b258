import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendServer, Scheduler } from '../../src/elb/types.ts';
import { type KernelScene, kernelScene, udp } from '../support/kernel.ts';

const port = 53;

/** UDP at both addresses of a scene. */
async function applyBoth(
  { forwarder, balancer, servers, servers6, address6 }: KernelScene,
  scheduler: Scheduler,
  pick: (servers: readonly BackendServer[]) => readonly BackendServer[] = (all) => all,
): Promise<void> {
  const listeners = [udp(port, { scheduler })];
  const four = balancer({ listeners, backends: pick(servers) });
  assert.deepEqual(await forwarder.ask('apply', four), []);
  const six = { id: 'lb-6', address: address6, ipVersion: 'ipv6', listeners } as const;
  const failures = await forwarder.ask('apply', balancer({ ...six, backends: pick(servers6) }));
  assert.deepEqual(failures, []);
}

test('wrr keeps to weights exactly, for IPv4 and IPv6', async (t) => {
  const scene = await kernelScene(t);
  const weights = [50, 30, 20];
  await applyBoth(scene, 'wrr', (servers) =>
    servers.map((server, index) => ({ ...server, weight: weights[index]! })),
  );
  for (const address of [scene.address, scene.address6]) {
    const counts = await scene.client.ask('udpMany', { address, port }, 10_000);
    assert.deepEqual(counts, { 's-1': 5_000, 's-2': 3_000, 's-3': 2_000 });
  }
});

test('rr takes servers in turn, whatever their weight', async (t) => {
  const scene = await kernelScene(t);
  await applyBoth(scene, 'rr', (servers) =>
    servers.map((server, index) => ({ ...server, weight: 1 + index * 40 })),
  );
  for (const address of [scene.address, scene.address6]) {
    const counts = await scene.client.ask('udpMany', { address, port }, 300);
    assert.deepEqual(counts, { 's-1': 100, 's-2': 100, 's-3': 100 });
  }
});

test('wlc fills up who has fewest flows for its weight', async (t) => {
  const scene = await kernelScene(t);
  const { address, client } = scene;
  await applyBoth(scene, 'wlc', (servers) => servers.slice(0, 2));
  await client.ask('udpMany', { address, port }, 100);
  const weighted = (servers: readonly BackendServer[]) =>
    servers.map((server, index) => ({ ...server, weight: index === 2 ? 100 : 50 }));
  await applyBoth(scene, 'wlc', weighted);
  // 50 and 50 flows at weight 50: 100 more at weight 100 make them even.
  const counts: Record<string, number> = {};
  for (let round = 0; round < 5; round++) {
    const found = await client.ask('udpMany', { address, port }, 20);
    for (const [name, count] of Object.entries(found)) counts[name] = (counts[name] ?? 0) + count;
  }
  assert.ok((counts['s-3'] ?? 0) >= 90, JSON.stringify(counts));
});

test('sch: a client stays at one server whatever its port; a removal moves no other', async (t) => {
  const scene = await kernelScene(t);
  const { client } = scene;
  const pairs = [
    { address: scene.address, clients: ['10.77.0.1', '10.77.0.3'] },
    { address: scene.address6, clients: ['fd77::1', 'fd77::3'] },
  ];
  await applyBoth(scene, 'sch');
  const before = new Map<string, string>();
  for (const { address, clients } of pairs) {
    for (const from of clients) {
      const counts = await client.ask('udpMany', { address, port, from }, 40);
      assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
      before.set(from, Object.keys(counts)[0]!);
    }
  }
  const gone = before.get('10.77.0.1')!;
  await applyBoth(scene, 'sch', (servers) => servers.filter(({ serverId }) => serverId !== gone));
  for (const { address, clients } of pairs) {
    for (const from of clients) {
      const [now] = Object.keys(await client.ask('udpMany', { address, port, from }, 10));
      if (before.get(from) === gone) assert.notEqual(now, gone);
      else assert.equal(now, before.get(from));
    }
  }
});

test('tch: a four-tuple stays, and one client’s are spread', async (t) => {
  const scene = await kernelScene(t);
  const { client } = scene;
  await applyBoth(scene, 'tch');
  for (const address of [scene.address, scene.address6]) {
    const counts = await client.ask('udpMany', { address, port }, 300);
    assert.ok(Object.keys(counts).length === 3, JSON.stringify(counts));
    assert.ok(
      Object.values(counts).every((count) => count > 50),
      JSON.stringify(counts),
    );
    const to = { address, port, fromPort: 9_000 };
    const first = await client.ask('udp', to);
    scene.forwarder.run('conntrack', '-F');
    assert.deepEqual(await client.ask('udp', to), first);
  }
});

for (const scheduler of ['qch', 'iqch'] as const) {
  test(`${scheduler}: a QUIC connection stays when its client's address changes`, async (t) => {
    const scene = await kernelScene(t);
    const { client } = scene;
    await applyBoth(scene, scheduler);
    const seen = new Set<string>();
    let fromPort = 10_000;
    const nets = [
      { address: scene.address, one: '10.77.0.1', other: '10.77.0.3' },
      { address: scene.address6, one: 'fd77::1', other: 'fd77::3' },
    ];
    for (const { address, one, other } of nets) {
      for (let n = 0; n < 20; n++) {
        const id = Buffer.from([n, 77, n * 2, n, 5, n * 3, 9, n]).toString('hex');
        const long = `c30000000108${id}${'00'.repeat(30)}`;
        const short = `41${id}${'00'.repeat(30)}`;
        const ask = async (from: string, payload: string) => {
          // A port that was used before would be the flow that it was.
          fromPort += 1;
          return (await client.ask('udp', { address, port, from, fromPort, payload }))?.server;
        };
        const first = await ask(one, long);
        assert.ok(first);
        seen.add(first);
        assert.equal(await ask(other, long), first);
        assert.equal(await ask(other, short), first);
        assert.equal(await ask(one, short), first);
      }
      // What is no QUIC is carried as well, by the client's address.
      assert.ok(await client.ask('udp', { address, port, payload: '01' }));
    }
    assert.equal(seen.size, 3);
  });
}

test('EstablishedTimeout ends a UDP flow that idles', async (t) => {
  const { client, forwarder, balancer, address } = await kernelScene(t);
  const listeners = [udp(port, { establishedTimeoutSeconds: 10 })];
  await forwarder.ask('apply', balancer({ listeners }));
  await client.ask('udp', { address, port, flow: 'a' });
  const [, left] = /^udp +17 (\d+) .*dport=53/m.exec(forwarder.run('conntrack', '-L')) ?? [];
  assert.ok(Number(left) >= 8 && Number(left) <= 10, `${left} s`);
});
