import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  forwarder,
  furnish,
  openBench,
} from '../../../test/support/call.ts';
import type { Action } from './action.ts';
import {
  DeleteLoadBalancerListener,
  DescribeLoadBalancerListeners,
  StartLoadBalancerListener,
  StopLoadBalancerListener,
} from './listeners.ts';
import {
  CreateLoadBalancerTCPListener,
  DescribeLoadBalancerTCPListenerAttribute,
} from './tcp-listeners.ts';
import {
  CreateLoadBalancerUDPListener,
  DescribeLoadBalancerUDPListenerAttribute,
  SetLoadBalancerUDPListenerAttribute,
} from './udp-listeners.ts';

let bench: Bench;
let LoadBalancerId: string;

before(async () => {
  bench = await openBench();
  await furnish(bench);
});
after(() => bench.close());
beforeEach(async () => {
  bench.forwarders.length = 0;
  LoadBalancerId = await createLoadBalancer(bench);
});

type Parameters = Readonly<Record<string, unknown>>;

const run = async (action: Action, ListenerPort: number, more: Parameters = {}) =>
  (await bench.call(action, { LoadBalancerId, ListenerPort, ...more })).output;
const create = (port: number, more?: Parameters) => run(CreateLoadBalancerUDPListener, port, more);
const set = (port: number, more?: Parameters) =>
  run(SetLoadBalancerUDPListenerAttribute, port, more);
const show = (port: number) => run(DescribeLoadBalancerUDPListenerAttribute, port);

const defaults = {
  ListenerPort: 53,
  BackendServerPort: 0,
  Bandwidth: -1,
  EipTransmit: 'off',
  EstablishedTimeout: 900,
  Scheduler: 'wrr',
  Status: 'Stopped',
  HealthCheck: 'on',
  HealthCheckConnectPort: 0,
  HealthCheckConnectTimeout: 5,
  HealthCheckInterval: 2,
  HealthyThreshold: 3,
  UnhealthyThreshold: 3,
};

const full = {
  BackendServerPort: 5353,
  Description: 'k8s/53/dns/namespace/cluster',
  EipTransmit: 'on',
  EstablishedTimeout: 10,
  Scheduler: 'qch',
  HealthCheckConnectPort: 5354,
  HealthCheckConnectTimeout: 300,
  HealthCheckInterval: 50,
  HealthCheckReq: 'ping1',
  HealthCheckExp: 'x'.repeat(64),
  HealthyThreshold: 2,
  UnhealthyThreshold: 10,
};

test('a UDP listener is made stopped, with the documented defaults', async () => {
  assert.deepEqual(await create(53), {});
  assert.deepEqual(JSON.parse(JSON.stringify(await show(53))), defaults);
});

test('shows what was asked for; Set changes what it names and keeps the rest', async () => {
  await create(53, full);
  assert.deepEqual(await show(53), { ...defaults, ...full });
  await set(53, { HealthCheckExp: 'pong', Scheduler: 'rr', EstablishedTimeout: 0 });
  const changed = { ...defaults, ...full, HealthCheckExp: 'pong', Scheduler: 'rr' };
  assert.deepEqual(await show(53), changed);
  await set(53, { HealthCheckReq: '', HealthCheckExp: '', Description: '' });
  const { HealthCheckReq: _1, HealthCheckExp: _2, Description: _3, ...cleared } = changed;
  assert.deepEqual(JSON.parse(JSON.stringify(await show(53))), cleared);
  const { BackendServerPort: _, ...settable } = full;
  await create(54);
  await set(54, settable);
  const shown = { ...defaults, ...settable, ListenerPort: 54, BackendServerPort: 0 };
  assert.deepEqual(await show(54), shown);
});

test('takes every scheduler that any client knows', async () => {
  for (const [index, Scheduler] of 'wrr wlc rr sch tch qch iqch'.split(' ').entries()) {
    await create(100 + index, { Scheduler });
    assert.equal((await show(100 + index)).Scheduler, Scheduler);
  }
});

test('refuses the reserved ports and their neighbours not', async () => {
  for (const port of [250, 4789, 4790]) {
    await assert.rejects(create(port), failsWith('InvalidListenerPort'));
    await run(CreateLoadBalancerTCPListener, port);
  }
  for (const port of [249, 251, 4788, 4791]) await create(port);
  // They are reserved at the front alone.
  await create(53, { BackendServerPort: 4789, HealthCheckConnectPort: 250 });
});

test('refuses what is out of range and texts beyond letters and digits', async () => {
  for (const [name, ...values] of [
    ['ListenerPort', 0, 65_536, 'dns'],
    ['BackendServerPort', -1, 65_536],
    ['EstablishedTimeout', 9, 901],
    ['Scheduler', 'WRR', 'random'],
    ['EipTransmit', 'true'],
    ['HealthCheckConnectPort', 0],
    ['HealthCheckConnectTimeout', 0, 301],
    ['HealthCheckInterval', 0, 51],
    ['HealthyThreshold', 1, 11],
    ['UnhealthyThreshold', 1, 11],
    ['HealthCheckReq', 'a b', 'é', 'a\n', "'", 'x'.repeat(65)],
    ['HealthCheckExp', 'a-b', 'a\0', '{', 'x'.repeat(65)],
    ['Description', 'http://x', 'x'.repeat(81)],
  ] as const) {
    for (const value of values) {
      await assert.rejects(create(53, { [name]: value }), failsWith(`Invalid${name}`));
    }
  }
  await assert.rejects(show(53), failsWith('ListenerNotFound', /NotFound/));
  await assert.rejects(set(53), failsWith('ListenerNotFound'));
});

test('shares its port with TCP; a protocol then says which is meant', async () => {
  bench.forwarders.push(forwarder());
  await create(53);
  await run(CreateLoadBalancerTCPListener, 53);
  await assert.rejects(create(53), failsWith('ListenerAlreadyExists'));
  await assert.rejects(run(StartLoadBalancerListener, 53), failsWith('TooManyListeners'));
  await run(StartLoadBalancerListener, 53, { ListenerProtocol: 'udp' });
  const statuses = async () => [
    (await show(53)).Status,
    (await run(DescribeLoadBalancerTCPListenerAttribute, 53)).Status,
  ];
  assert.deepEqual(await statuses(), ['Running', 'Stopped']);
  const listed = (await run(DescribeLoadBalancerListeners, 53)).Listeners.Listener;
  assert.deepEqual(
    listed.map(({ Protocol, Status }: Parameters) => [Protocol, Status]),
    [
      ['udp', 'running'],
      ['tcp', 'stopped'],
    ],
  );
  await run(StopLoadBalancerListener, 53, { ListenerProtocol: 'udp' });
  assert.deepEqual(await statuses(), ['Stopped', 'Stopped']);
  await run(DeleteLoadBalancerListener, 53, { ListenerProtocol: 'udp' });
  await assert.rejects(show(53), failsWith('ListenerNotFound'));
  await run(DeleteLoadBalancerListener, 53);
});
