import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
  storedLoadBalancer,
} from '../../../test/support/call.ts';
import { storeMinute } from '../../fleet/minutes.ts';
import { type ListenerMinute, minuteFields, packMinute } from '../../fleet/protocol.ts';
import {
  DescribeLoadBalancerListenMonitor,
  DescribeServerLoadBalancerListenMonitor,
  DescribeServerLoadBalancerMonitor,
} from './monitors.ts';

let bench: Bench;
let LoadBalancerId: string;

before(async () => {
  bench = await openBench();
  await furnish(bench);
});
after(() => bench.close());
beforeEach(async () => {
  LoadBalancerId = await createLoadBalancer(bench);
});

let parts = 0;

/** Stores what `edge-1` says of a minute of this load balancer. */
async function store(minute: string, listeners: Readonly<Record<string, Partial<ListenerMinute>>>) {
  const zero = Object.fromEntries(minuteFields.map((field) => [field, 0]));
  const packed = Object.entries(listeners).map(([name, counts]) => [
    name,
    packMinute({ ...zero, ...counts } as ListenerMinute),
  ]);
  await storeMinute(
    bench.store,
    { site: 'local', forwarder: 'edge-1', now: bench.clock.now },
    // Load balancers of other tests may share its value, and a part is written once.
    { minute, part: String(++parts), listeners: { [LoadBalancerId]: Object.fromEntries(packed) } },
  );
}

const window = { StartTime: '2026-11-24 07:00:00', EndTime: '2026-11-24 08:00:00' };

const layer4 = async (more: object = {}) =>
  (await bench.call(DescribeLoadBalancerListenMonitor, { LoadBalancerId, ...window, ...more }))
    .output.LoadBalancerMonitorListenData;
const layer7 = async (more: object = {}) =>
  (
    await bench.call(DescribeServerLoadBalancerListenMonitor, {
      LoadBalancerId,
      ...window,
      ...more,
    })
  ).output.ServerLoadBalancerMonitorData;
const whole = async (more: object = {}) =>
  (await bench.call(DescribeServerLoadBalancerMonitor, { LoadBalancerId, ...window, ...more }))
    .output.ServerLoadBalancerMonitorData;

test('layer 4: every documented field, each a text', async () => {
  await store('2026-11-24T07:05', {
    'udp:53': {
      validServers: 2,
      invalidServers: 1,
      active: 3,
      connections: 4,
      dropped: 5,
      bytesIn: 6,
      bytesOut: 7,
      packetsIn: 8,
      packetsOut: 9,
    },
  });
  const { address } = (await storedLoadBalancer(bench, LoadBalancerId))!;
  assert.deepEqual(await layer4({ VPort: '53' }), [
    {
      ActConns: '3',
      BizTime: '2026-11-24 07:05:00',
      Conns: '4',
      DropConns: '5',
      EnsRegionId: 'local',
      InActConns: '0',
      InBytes: '6',
      InDropBytes: '0',
      InDropPkts: '0',
      InPkts: '8',
      InValidRsNum: '1',
      LoadBalancerId,
      OutBytes: '7',
      OutDropBytes: '0',
      OutDropPkts: '0',
      OutPkts: '9',
      Proto: 'udp',
      VPort: '53',
      ValidRsNum: '2',
      Vip: address,
      Vni: '0',
    },
  ]);
});

const web = { requests: 10, responses2xx: 6, responses3xx: 1, responses4xx: 2, responses5xx: 1 };

test('layer 7: every documented field, counts as integers, by listener and in all', async () => {
  await store('2026-11-24T07:05', {
    'http:80': { ...web, responseMs: 155 },
    'https:443': { requests: 30, responses2xx: 30, responseMs: 45 },
    'tcp:81': { connections: 7 },
  });
  const { address, name, spec } = (await storedLoadBalancer(bench, LoadBalancerId))!;
  const common = {
    BizTime: '2026-11-24 07:05:00',
    EnsRegionId: 'local',
    LoadBalancerId,
    LoadBalancerName: name,
    LoadBalancerSpec: spec,
    Vip: address,
    Vni: 0,
  };
  const [first, second, ...none] = await layer7();
  const counts = { Acc: 10, Reqs2xx: 6, Reqs3xx: 1, Reqs4xx: 2, Reqs5xx: 1 };
  assert.deepEqual(first, { ...common, ...counts, RtAvg: 16, Proto: 'http', Vport: 80 });
  assert.deepEqual([second.Proto, second.Vport, second.RtAvg, none], ['https', 443, 2, []]);
  const sums = { Acc: 40, Reqs2xx: 36, Reqs3xx: 1, Reqs4xx: 2, Reqs5xx: 1, RtAvg: 5 };
  assert.deepEqual(await whole(), [{ ...common, ...sums }]);
});

test('a minute is a point, in order; one without requests has no time of answers', async () => {
  await store('2026-11-24T07:07', { 'http:80': web });
  await store('2026-11-24T07:06', { 'http:80': {} });
  const rows = await whole();
  assert.deepEqual(
    rows.map(({ BizTime, Acc, RtAvg }: Record<string, unknown>) => [BizTime, Acc, RtAvg]),
    [
      ['2026-11-24 07:06:00', 0, 0],
      ['2026-11-24 07:07:00', 10, 0],
    ],
  );
});

test('VPort and Proto choose listeners', async () => {
  await store('2026-11-24T07:05', { 'tcp:53': {}, 'udp:53': {}, 'http:80': {}, 'https:443': {} });
  const protos = (rows: readonly { Proto: string }[]) => rows.map(({ Proto }) => Proto);
  assert.deepEqual(protos(await layer4({ VPort: '53' })), ['tcp', 'udp']);
  assert.deepEqual(protos(await layer4({ VPort: '53', Proto: 'udp' })), ['udp']);
  assert.deepEqual(protos(await layer4({ VPort: '80' })), ['http']);
  assert.deepEqual(protos(await layer4({ VPort: '81' })), []);
  assert.deepEqual(protos(await layer7()), ['http', 'https']);
  assert.deepEqual(protos(await layer7({ VPort: '443' })), ['https']);
  assert.deepEqual(protos(await layer7({ Proto: 'http' })), ['http']);
  assert.deepEqual(protos(await layer7({ Proto: 'tcp' })), []);
});

describe('times', () => {
  test('are read as either SDK writes them, and answered in kind', async () => {
    await store('2026-11-24T07:05', { 'http:80': web });
    const zoned = { StartTime: '2026-11-24T07:05:00Z', EndTime: '2026-11-24T07:06:00Z' };
    assert.equal((await whole(zoned))[0].BizTime, '2026-11-24T07:05:00Z');
    const plain = { StartTime: '2026-11-24 07:05:00', EndTime: '2026-11-24 07:06:00' };
    assert.equal((await whole(plain))[0].BizTime, '2026-11-24 07:05:00');
    assert.deepEqual(await whole({ ...plain, EndTime: '2026-11-24 07:05:00' }), []);
  });

  test('that are none are refused, and windows that are too long or end first', async () => {
    for (const name of ['StartTime', 'EndTime']) {
      for (const text of [
        '2026-11-24',
        '2026-11-24T07:00:00',
        '2026-11-24 07:00:00Z',
        '2026-11-31 07:00:00',
        '2026-11-24 24:00:00',
        '2026-11-24 07:00',
        '1795000000000',
        'yesterday',
      ]) {
        await assert.rejects(whole({ [name]: text }), failsWith(`Invalid${name}`), text);
      }
      await assert.rejects(whole({ [name]: '' }), failsWith(`Missing${name}`));
    }
    const day = { StartTime: '2026-11-23 08:00:00', EndTime: '2026-11-24 08:00:00' };
    assert.deepEqual(await whole(day), []);
    const longer = { ...day, EndTime: '2026-11-24 08:00:01' };
    await assert.rejects(whole(longer), failsWith('InvalidEndTime'));
    const backward = { StartTime: day.EndTime, EndTime: day.StartTime };
    await assert.rejects(whole(backward), failsWith('InvalidEndTime'));
  });
});

test('bad names and ports are refused; another account sees no load balancer', async () => {
  await assert.rejects(layer4(), failsWith('MissingVPort'));
  for (const VPort of ['0', '65536', '080', 'http', '-1']) {
    await assert.rejects(layer4({ VPort }), failsWith('InvalidVPort'));
    await assert.rejects(layer7({ VPort }), failsWith('InvalidVPort'));
  }
  await assert.rejects(layer7({ Proto: 'TCP' }), failsWith('InvalidProto'));
  const missing = { LoadBalancerId: 'lb-unknown' };
  for (const asked of [layer4({ VPort: '80', ...missing }), layer7(missing), whole(missing)]) {
    await assert.rejects(asked, failsWith('LoadBalancerNotFound', /LoadBalancerId/));
  }
  const stranger = bench.call(
    DescribeServerLoadBalancerMonitor,
    { LoadBalancerId, ...window },
    { account: '2000000000000002' },
  );
  await assert.rejects(stranger, failsWith('LoadBalancerNotFound'));
});
