import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelScene, leaving, udp } from '../support/kernel.ts';
import { until } from '../support/wait.ts';

const port = 53;

test('UDP: removal and weight 0 under load: 0 failed, 0 new flows to the server', async (t) => {
  const { client, forwarder, balancer, servers, address } = await kernelScene(t);
  const all = balancer({ listeners: [udp(port)] });
  assert.deepEqual(await forwarder.ask('apply', all), []);
  await client.ask('startLoad', 'udp', { address, port }, 20);
  const gone: { server: string; from: number; to: number }[] = [];
  for (let round = 0; round < 10; round++) {
    const left = servers.filter((_, index) => index !== round % 3);
    const rested = servers.map((server, index) =>
      index === round % 3 ? { ...server, weight: 0 } : server,
    );
    const draining = [leaving(servers[round % 3]!, Date.now() + 60_000)];
    const change = round % 2 === 0 ? { backends: left, draining } : { backends: rested };
    assert.deepEqual(await forwarder.ask('apply', { ...all, ...change }), []);
    const from = performance.timeOrigin + performance.now();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const to = performance.timeOrigin + performance.now();
    gone.push({ server: `s-${(round % 3) + 1}`, from, to });
    assert.deepEqual(await forwarder.ask('apply', all), []);
  }
  const observed = await client.ask('stopLoad');
  assert.ok(observed.length > 500, `${observed.length} flows`);
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

test('UDP: at the end of its drain a flow is cut, and goes on elsewhere', async (t) => {
  const { client, forwarder, balancer, servers, address } = await kernelScene(t);
  const all = balancer({ listeners: [udp(port)] });
  await forwarder.ask('apply', all);
  const ask = async () => (await client.ask('udp', { address, port, flow: 'a' }))?.server;
  const first = await ask();
  const server = servers.find(({ serverId }) => serverId === first)!;
  const backends = servers.filter((each) => each !== server);
  const deadline = Date.now() + 1_000;
  const removed = { ...all, backends, draining: [leaving(server, deadline)] };
  assert.deepEqual(await forwarder.ask('apply', removed), []);
  assert.equal(await ask(), first);
  assert.deepEqual(await forwarder.ask('drains'), [
    { loadBalancerId: 'lb-1', server, deadline, sessions: 1 },
  ]);
  const next = await until(async () => ((await ask()) === first ? undefined : ask()), {
    what: 'another server',
  });
  assert.ok(Date.now() >= deadline);
  assert.ok(backends.some(({ serverId }) => serverId === next));
  assert.deepEqual(await forwarder.ask('drains'), []);
});

test('UDP: without a drain flows end at once, one-way ones and in an emptied pool', async (t) => {
  const { client, forwarder, balancer, servers, backends, address } = await kernelScene(t);
  for (const backend of backends) {
    const { ip, namespace } = backend;
    await backend.ask('serve', {
      name: namespace,
      protocol: 'udp',
      address: ip,
      port: 99,
      silent: true,
    });
  }
  const all = balancer({ listeners: [udp(port), udp(99)] });
  await forwarder.ask('apply', all);
  const flows = () =>
    forwarder
      .run('conntrack', '-L')
      .split('\n')
      .filter((line) => line.includes('dst=10.77.0.100'));
  for (let flow = 0; flow < 6; flow++) {
    await client.ask('udp', { address, port, flow: `a${flow}` });
    await client.ask('udp', { address, port: 99, flow: `b${flow}`, waitMs: 10 });
  }
  assert.equal(flows().length, 12);
  assert.equal(flows().filter((line) => line.includes('[UNREPLIED]')).length, 6);
  const two = { ...all, backends: servers.slice(1) };
  assert.deepEqual(await forwarder.ask('apply', two), []);
  assert.deepEqual(
    flows().filter((line) => line.includes(`src=${servers[0]!.ip} `)),
    [],
  );
  // A client that keeps sending is scheduled anew.
  for (let flow = 0; flow < 6; flow++) {
    const found = await client.ask('udp', { address, port, flow: `a${flow}` });
    assert.match(found!.server, /s-[23]/);
  }
  const emptiedBy = { action: 'RemoveBackendServers', requestId: 'r' };
  assert.deepEqual(await forwarder.ask('apply', { ...all, backends: [], emptiedBy }), []);
  assert.deepEqual(flows(), []);
  assert.equal(await client.ask('udp', { address, port, flow: 'a0', waitMs: 100 }), undefined);
  assert.deepEqual(flows(), []);
  await forwarder.ask('apply', all);
  assert.ok(await client.ask('udp', { address, port, flow: 'a0' }));
});

test('UDP: a listener that stops, a load balancer that rests or goes: flows end', async (t) => {
  const { client, forwarder, balancer, address } = await kernelScene(t);
  const all = balancer({ listeners: [udp(port)] });
  const ask = async () =>
    (await client.ask('udp', { address, port, flow: 'a', waitMs: 200 }))?.server;
  const stopped = { ...all, listeners: [udp(port, { running: false })] };
  for (const without of [stopped, { ...all, status: 'InActive' as const }, undefined]) {
    await forwarder.ask('apply', all);
    assert.ok(await ask());
    if (without === undefined) await forwarder.ask('remove', 'lb-1');
    else assert.deepEqual(await forwarder.ask('apply', without), []);
    assert.equal(await ask(), undefined);
  }
  assert.doesNotMatch(forwarder.run('nft', 'list', 'table', 'inet', 'sluice'), /lb-1/);
});

test('UDP: the agent is killed: traffic goes on; its next life cuts what must go', async (t) => {
  const { client, forwarder, balancer, servers, address } = await kernelScene(t);
  const all = balancer({ listeners: [udp(port)] });
  const other = balancer({ id: 'lb-2', listeners: [udp(54, { backendPort: 53 })] });
  await forwarder.ask('apply', all);
  await forwarder.ask('apply', other);
  const first = (await client.ask('udp', { address, port, flow: 'a' }))!.server;
  assert.ok(await client.ask('udp', { address, port: 54, flow: 'b' }));
  await forwarder.kill();
  assert.equal((await client.ask('udp', { address, port, flow: 'a' }))!.server, first);
  await forwarder.ask('open');
  await forwarder.ask('prune', ['lb-1']);
  assert.equal(await client.ask('udp', { address, port: 54, flow: 'b', waitMs: 200 }), undefined);
  const backends = servers.filter(({ serverId }) => serverId !== first);
  assert.deepEqual(await forwarder.ask('apply', { ...all, backends }), []);
  assert.notEqual((await client.ask('udp', { address, port, flow: 'a' }))!.server, first);
});

test('a table that somebody flushes or deletes is told of, and put back', async (t) => {
  const { client, forwarder, balancer, address } = await kernelScene(t);
  const all = balancer({ listeners: [udp(port)] });
  await forwarder.ask('apply', all);
  const harms = [
    ['flush', 'table', 'inet', 'sluice'],
    ['delete', 'table', 'inet', 'sluice'],
    ['flush', 'ruleset'],
    ['flush', 'map', 'inet', 'sluice', 'services4'],
  ];
  for (const [index, harm] of harms.entries()) {
    const isTold = async () => (await forwarder.ask('lost')).length > index;
    forwarder.run('nft', ...harm);
    await until(isTold, { what: `news of ${harm.join(' ')}` });
    assert.deepEqual(await forwarder.ask('apply', all), []);
    assert.ok(await client.ask('udp', { address, port }), harm.join(' '));
  }
  // Our own changes and those of other tables are no loss.
  forwarder.run('nft', 'add', 'table', 'inet', 'other');
  await forwarder.ask('apply', { ...all, backends: all.backends.slice(1) });
  await forwarder.ask('apply', all);
  assert.equal((await forwarder.ask('lost')).length, harms.length);
});

test('a port that a local program has is a failure, not a silent success', async (t) => {
  const { forwarder, balancer, address } = await kernelScene(t);
  const take = { name: 'x', protocol: 'udp', address, port } as const;
  await forwarder.ask('serve', take);
  const all = balancer({ listeners: [udp(port), udp(54, { backendPort: 53 })] });
  const [failure, ...others] = await forwarder.ask('apply', all);
  assert.deepEqual([failure?.loadBalancerId, failure?.listener], ['lb-1', 'udp:53']);
  const reason = new RegExp(`^cannot listen at ${address}:53: node \\(process \\d+\\) does$`);
  assert.match(failure?.reason ?? '', reason);
  assert.deepEqual(others, []);
  assert.doesNotMatch(forwarder.run('nft', 'list', 'table', 'inet', 'sluice'), /udp-53/);
});

for (const eipTransmit of [false, true]) {
  test(`EipTransmit ${eipTransmit ? 'on' : 'off'}: what address a server sees`, async (t) => {
    const scene = await kernelScene(t);
    const { client, forwarder, balancer, servers6, address, address6 } = scene;
    const listeners = [udp(port, { eipTransmit })];
    await forwarder.ask('apply', balancer({ listeners }));
    const six = { id: 'lb-6', address: address6, backends: servers6, ipVersion: 'ipv6' } as const;
    assert.deepEqual(await forwarder.ask('apply', balancer({ ...six, listeners })), []);
    const waitMs = 5_000;
    const found = await client.ask('udp', { address, port, from: '10.77.0.3', waitMs });
    const found6 = await client.ask('udp', { address: address6, port, from: 'fd77::3', waitMs });
    if (eipTransmit) {
      assert.deepEqual([found!.seen, found6!.seen], ['10.77.0.3', 'fd77::3']);
    } else {
      assert.match(found!.seen, /^10\.78\.[123]\.1$/);
      assert.match(found6!.seen, /^fd78:[123]::1$/);
    }
  });
}

test('a laptop: clients, load balancer and servers at 127.0.0.x of one machine', async (t) => {
  const { client, balancer } = await kernelScene(t);
  await client.ask('open');
  for (const n of [11, 12]) {
    const at = { name: `l-${n}`, protocol: 'udp', address: `127.0.0.${n}`, port: 5353 } as const;
    await client.ask('serve', at);
  }
  const backends = [11, 12].map((n) => ({
    serverId: `l-${n}`,
    type: 'ens' as const,
    ip: `127.0.0.${n}`,
    port: 5353,
    weight: 100,
  }));
  const all = balancer({ address: '127.0.0.2', listeners: [udp(port)], backends });
  assert.deepEqual(await client.ask('apply', all), []);
  const to = { address: '127.0.0.2', port };
  assert.deepEqual(Object.keys(await client.ask('udpMany', to, 20)).sort(), ['l-11', 'l-12']);
  await client.ask('apply', { ...all, backends: backends.slice(1) });
  assert.deepEqual(await client.ask('udpMany', to, 20), { 'l-12': 20 });
  await client.ask('close', { stopTraffic: true });
  assert.doesNotMatch(client.run('nft', 'list', 'ruleset'), /sluice/);
});

test('flows, packets and bytes are counted, and begin anew with a server', async (t) => {
  const { client, forwarder, balancer, servers, address } = await kernelScene(t);
  const all = balancer({ listeners: [udp(port)] });
  await forwarder.ask('apply', all);
  const sums = async () => {
    const counters = await forwarder.ask('counters');
    const sum = (of: (each: (typeof counters)[0]) => number | undefined) =>
      counters.reduce((total, each) => total + (of(each) ?? 0), 0);
    return {
      flows: sum(({ connections }) => connections),
      packets: [sum(({ packetsIn }) => packetsIn), sum(({ packetsOut }) => packetsOut)],
      bytes: [sum(({ bytesIn }) => bytesIn), sum(({ bytesOut }) => bytesOut)],
      active: sum(({ active }) => active),
    };
  };
  const waitMs = 5_000;
  for (const flow of ['a', 'b', 'c']) {
    for (let packet = 0; packet < 4; packet++) {
      assert.ok(await client.ask('udp', { address, port, flow, payload: '00112233', waitMs }));
    }
  }
  const { bytes, ...counted } = await sums();
  assert.deepEqual(counted, { flows: 3, packets: [12, 12], active: 3 });
  // 20 bytes of IP header, 8 of UDP header, 4 of payload.
  assert.equal(bytes[0], 12 * 32);
  const traffic = await forwarder.ask('traffic', [all.id, 'lb-unknown']);
  const ofServers = traffic.filter((each) => each.server !== undefined);
  assert.deepEqual(ofServers.map((each) => each.server?.serverId).sort(), [
    ...new Set(servers.map(({ serverId }) => serverId)),
  ]);
  for (const rows of [ofServers, traffic.filter((each) => each.server === undefined)]) {
    const sum = (of: (each: (typeof traffic)[0]) => number | undefined) =>
      rows.reduce((total, each) => total + (of(each) ?? Number.NaN), 0);
    assert.deepEqual(
      [sum(({ sessions }) => sessions), sum(({ connections }) => connections)],
      [3, 3],
    );
    assert.equal(
      sum(({ bytesIn }) => bytesIn),
      bytes[0],
    );
  }
  await forwarder.ask('apply', { ...all, backends: servers.slice(0, 1) });
  assert.equal((await sums()).flows, 1);
  await forwarder.ask('apply', all);
  assert.equal((await sums()).flows, 1, 'those that came back have counted nothing yet');
});
