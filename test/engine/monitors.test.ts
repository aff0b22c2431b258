import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  DescribeLoadBalancerListenMonitor,
  DescribeServerLoadBalancerListenMonitor,
  DescribeServerLoadBalancerMonitor,
} from '../../src/api/actions/monitors.ts';
import type { Listener } from '../../src/elb/types.ts';
import { storeMinute } from '../../src/fleet/minutes.ts';
import { Counting } from '../../src/forwarder/counting.ts';
import type { Engine } from '../../src/forwarder/engine.ts';
import { type Baseline, baselineOf, growthSince } from '../../src/forwarder/minutes.ts';
import { startHttpServer, startTcpEcho } from '../support/backends.ts';
import { type Bench, createLoadBalancer, furnish, openBench } from '../support/call.ts';
import { SimulatedClock } from '../support/clock.ts';
import { attached, balancer, http, openEngine, tcp } from '../support/haproxy.ts';
import { get, openSession, startHttpLoad } from '../support/load.ts';
import { silent } from '../support/log.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';

/** A bench with one load balancer that a real HAProxy carries, and its forwarder's counting. */
async function open(t: TestContext) {
  const bench = await openBench();
  t.after(() => bench.close());
  await furnish(bench);
  const id = await createLoadBalancer(bench);
  const clock = new SimulatedClock(bench.clock.now + 30_000);
  const disk = new MemoryDisk();
  let told = 0;
  const begin = async (engine: Engine) => {
    const counting = new Counting({
      engine,
      disk,
      transport: {
        report: async (site, { minute }) => {
          const source = { site, forwarder: 'edge-1', now: clock.now() };
          await storeMinute(bench.store, source, minute!);
          told += 1;
        },
      },
      timers: clock,
      now: clock.now,
      random: Math.random,
      log: silent,
      siteOf: () => 'local',
    });
    await counting.boot();
    counting.start();
    return counting;
  };
  /** Lets the minute end and its report come; answers when it began. */
  const endMinute = async () => {
    const began = clock.now() - (clock.now() % 60_000);
    const before = told;
    await clock.advance(60_000);
    await until(() => told > before, { what: 'a report of the minute' });
    return began;
  };
  return { bench, id, begin, endMinute };
}

/** HAProxy counts the bytes of an open session every five seconds. */
async function counted(engine: Engine, { port }: Listener, bytes: number): Promise<void> {
  const bytesIn = async () =>
    (await engine.counters())
      .filter(({ listener }) => listener.endsWith(`:${port}`))
      .reduce((total, each) => total + each.bytesIn, 0);
  await until(async () => (await bytesIn()) === bytes, { what: 'the bytes to be counted' });
}

function monitors(bench: Bench, LoadBalancerId: string) {
  const text = (time: number) => new Date(time).toISOString().replace('.000', '');
  return async (minute: number) => {
    const window = { LoadBalancerId, StartTime: text(minute), EndTime: text(minute + 60_000) };
    const layer4 = async ({ protocol, port }: Listener) => {
      const wanted = { ...window, VPort: String(port), Proto: protocol };
      const { output } = await bench.call(DescribeLoadBalancerListenMonitor, wanted);
      return output.LoadBalancerMonitorListenData[0];
    };
    const layer7 = (await bench.call(DescribeServerLoadBalancerListenMonitor, window)).output
      .ServerLoadBalancerMonitorData;
    const whole = (await bench.call(DescribeServerLoadBalancerMonitor, window)).output
      .ServerLoadBalancerMonitorData;
    return { layer4, layer7, whole };
  };
}

test('the monitors answer what went through, over a reload and another life', async (t) => {
  const { engine, again, processes } = await openEngine(t);
  const { bench, id, begin, endMinute } = await open(t);
  const read = monitors(bench, id);
  const [web, echo] = [await startHttpServer('web'), await startTcpEcho('echo')];
  for (const server of [web, echo]) t.after(() => server.close());
  const one = http(await freePort(host));
  const two = tcp(await freePort(host));
  const idle = http(await freePort(host));
  const over = (server: typeof web, listener: Listener, other = id) =>
    balancer(other, { listeners: [listener], backends: attached([server]) });
  // Each server behind its own listener; what the site has of them counts as one load balancer.
  const wanted = { ...over(web, one), listeners: [one, idle] };
  const counting = await begin(engine);
  assert.deepEqual(await engine.apply(wanted), []);

  for (let index = 0; index < 7; index++) {
    await get({ host, port: one.port, agent: false });
  }
  const first = await read(await endMinute());
  const [row, still] = first.layer7;
  assert.deepEqual(
    [row.Acc, row.Reqs2xx, row.Reqs3xx, row.Reqs4xx, row.Reqs5xx, row.Vport, row.Proto],
    [7, 7, 0, 0, 0, one.port, 'http'],
  );
  assert.deepEqual([still.Acc, still.Vport], [0, idle.port]);
  assert.deepEqual([first.whole.length, first.whole[0].Acc], [1, 7]);
  const front = await first.layer4(one);
  assert.deepEqual(
    [front.Conns, front.ActConns, front.DropConns, front.ValidRsNum, front.InValidRsNum],
    ['7', '0', '0', '1', '0'],
  );
  assert.ok(Number(front.InBytes) > 7 * 16 && Number(front.OutBytes) > 7 * 16);

  // A TCP session of known bytes, open over the reload that the next listener needs.
  const both = { ...wanted, listeners: [one, idle, two], backends: attached([echo]) };
  assert.deepEqual(await engine.apply(both), []);
  const session = await openSession(host, two.port);
  await session.echo('x'.repeat(99));
  const more = http(await freePort(host));
  const { reloads } = await processes();
  assert.deepEqual(await engine.apply({ ...both, listeners: [...both.listeners, more] }), []);
  assert.equal((await processes()).reloads, reloads + 1);
  await session.echo('x'.repeat(199));
  await counted(engine, two, 300);
  const second = await (await read(await endMinute())).layer4(two);
  const greeting = 'echo\n'.length;
  assert.deepEqual(
    [second.Conns, second.ActConns, second.InBytes, second.OutBytes],
    ['1', '1', '300', String(300 + greeting)],
  );

  // The agent ends and comes back while its HAProxy and the session go on.
  await session.echo('x'.repeat(9));
  await counting.close();
  await engine.close({ stopTraffic: false });
  const next = await again();
  const other = await begin(next);
  await session.echo('x'.repeat(19));
  await counted(next, two, 330);
  session.end();
  await session.closed;
  await until(async () => (await processes()).old.length === 0, { what: 'the old worker to end' });
  const third = await (await read(await endMinute())).layer4(two);
  assert.deepEqual([third.Conns, third.ActConns, third.InBytes], ['0', '0', '30']);
  await other.close();
});

test('under load and over reloads each request is counted, once', async (t) => {
  const { engine, processes } = await openEngine(t);
  const web = await startHttpServer('web');
  t.after(() => web.close());
  const port = await freePort(host);
  const all = balancer('lb-1', { listeners: [http(port)], backends: attached([web]) });
  await engine.apply(all);
  let baseline: Baseline = {};
  let counted = 0;
  const read = async () => {
    const counters = await engine.counters();
    counted += growthSince(baseline, counters, []).get('lb-1')?.get(`http:${port}`)?.requests ?? 0;
    baseline = baselineOf(baseline, counters);
  };
  // Kept connections of a replaced worker are led to the next one: both see their requests.
  const loads = [true, false].map((keepAlive) =>
    startHttpLoad({ host, port, clients: 4, keepAlive }),
  );
  for (let round = 0; round < 6; round++) {
    const more = round % 2 === 0 ? [http(await freePort(host))] : [];
    assert.deepEqual(await engine.apply({ ...all, listeners: [...all.listeners, ...more] }), []);
    if (round === 3) await read();
  }
  await Promise.all(loads.map((load) => load.stop()));
  await until(async () => (await processes()).old.length === 0, { what: 'old workers to end' });
  await read();
  const answered = loads.flatMap(({ observations }) => observations).length;
  assert.ok(answered > 100);
  assert.equal(counted, answered);
});
