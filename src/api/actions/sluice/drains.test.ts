import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  forwarder,
  furnish,
  openBench,
  storedLoadBalancer,
} from '../../../../test/support/call.ts';
import type { DrainingServer } from '../../../elb/types.ts';
import { AddBackendServers, RemoveBackendServers } from '../backend-servers.ts';
import { CutDrain, DescribeDrains } from './drains.ts';

let bench: Bench;
let LoadBalancerId: string;
beforeEach(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 3 });
  LoadBalancerId = await createLoadBalancer(bench);
  const BackendServers = ['i-1', 'i-2', 'i-3'].map((ServerId) => ({ ServerId, Port: 80 }));
  await bench.call(AddBackendServers, { LoadBalancerId, BackendServers });
});
afterEach(() => bench.close());

async function remove(...ids: string[]): Promise<readonly DrainingServer[]> {
  const BackendServers = ids.map((ServerId) => ({ ServerId }));
  await bench.call(RemoveBackendServers, { LoadBalancerId, BackendServers });
  return (await storedLoadBalancer(bench, LoadBalancerId))!.draining;
}

/** What forwarder `name` has counted of servers that drain. */
function counts(name: string, counted: readonly (readonly [DrainingServer, number])[]): void {
  const drains = counted.map(([{ deadline, ...server }, sessions]) => ({
    loadBalancerId: LoadBalancerId,
    server,
    deadline,
    sessions,
  }));
  bench.forwarders.push(forwarder({ name, drains }));
}

async function drains(parameters: Record<string, unknown> = { LoadBalancerId }) {
  return (await bench.call(DescribeDrains, parameters)).output.Drains.Drain;
}

describe('the list of drains', () => {
  test('tells of each server and forwarder the sessions and the time that are left', async () => {
    const [first] = await remove('i-1');
    counts('edge-1', [[first!, 3]]);
    bench.clock.now += 10_500;
    assert.deepEqual(await drains(), [
      {
        LoadBalancerId,
        EnsRegionId: 'local',
        ServerId: 'i-1',
        Type: 'ens',
        Ip: '10.0.0.1',
        Port: 80,
        ForwarderName: 'edge-1',
        Sessions: 3,
        Counted: true,
        SilentSince: '',
        Deadline: '2026-11-24T08:00:30Z',
        SecondsLeft: 20,
      },
    ]);
    assert.deepEqual(await drains({}), await drains());
  });

  test('holds what a silent forwarder has not counted, past the deadline too', async () => {
    const [first] = await remove('i-1');
    counts('edge-1', [[first!, 0]]);
    counts('edge-2', [[first!, 0]]);
    assert.deepEqual(await drains(), []);
    bench.silent.set('edge-2', '2026-11-24T07:59:00Z');
    for (const later of [0, 60_000]) {
      bench.clock.now += later;
      const [row, ...others] = await drains();
      assert.deepEqual([row.ForwarderName, row.Counted, others], ['edge-2', false, []]);
    }
  });

  test('holds a server until every live forwarder has counted no session', async () => {
    const [first] = await remove('i-1');
    counts('edge-1', [[first!, 0]]);
    counts('edge-2', []);
    const [row, ...others] = await drains();
    assert.deepEqual([row.ForwarderName, row.Counted, others], ['edge-2', false, []]);
    bench.forwarders.pop();
    counts('edge-2', [[first!, 0]]);
    assert.deepEqual(await drains(), []);
  });

  test('takes no word on an earlier drain of a server for one on this', async () => {
    const [first] = await remove('i-1');
    counts('edge-1', [[first!, 0]]);
    await bench.call(AddBackendServers, {
      LoadBalancerId,
      BackendServers: [{ ServerId: 'i-1', Port: 80 }],
    });
    bench.clock.now += 1_000;
    await remove('i-1');
    const [row] = await drains();
    assert.deepEqual([row?.ServerId, row?.Counted], ['i-1', false]);
  });

  test('holds a server while no forwarder is live that could count', async () => {
    await remove('i-1');
    const [row] = await drains();
    assert.deepEqual([row.ServerId, row.ForwarderName, row.Counted], ['i-1', '', false]);
  });

  test('holds no server whose deadline has passed', async () => {
    const [first] = await remove('i-1');
    counts('edge-1', [[first!, 3]]);
    bench.clock.now += 30_000;
    assert.deepEqual(await drains(), []);
  });

  test('tells nothing of load balancers of others', async () => {
    await remove('i-1');
    const by = { account: '2000000000000002' };
    assert.deepEqual((await bench.call(DescribeDrains, {}, by)).output.Drains.Drain, []);
    await assert.rejects(
      bench.call(DescribeDrains, { LoadBalancerId }, by),
      failsWith('LoadBalancerNotFound'),
    );
  });
});

describe('drains that are cut', () => {
  const deadlines = async () => {
    const { draining } = (await storedLoadBalancer(bench, LoadBalancerId))!;
    return draining.map(({ serverId, deadline }) => [serverId, deadline - bench.clock.now]);
  };

  test('end now; the others go on', async () => {
    await remove('i-1', 'i-2');
    const { output } = await bench.call(CutDrain, { LoadBalancerId, ServerId: 'i-2' });
    assert.deepEqual(output, { Cut: 1 });
    assert.deepEqual(await deadlines(), [
      ['i-1', 30_000],
      ['i-2', 0],
    ]);
  });

  test('are all of the load balancer when no server is named', async () => {
    await remove('i-1', 'i-2');
    assert.deepEqual((await bench.call(CutDrain, { LoadBalancerId })).output, { Cut: 2 });
    assert.deepEqual(await deadlines(), [
      ['i-1', 0],
      ['i-2', 0],
    ]);
    counts('edge-1', []);
    assert.deepEqual(await drains(), []);
  });

  test('are none where nothing drains any more, and then nothing changes', async () => {
    await remove('i-1');
    bench.clock.now += 30_000;
    const before = await storedLoadBalancer(bench, LoadBalancerId);
    for (const ServerId of ['i-1', 'i-3', 'i-9']) {
      const { output } = await bench.call(CutDrain, { LoadBalancerId, ServerId });
      assert.deepEqual(output, { Cut: 0 }, ServerId);
    }
    assert.deepEqual(await storedLoadBalancer(bench, LoadBalancerId), before);
  });

  test('are not cut by a dry run', async () => {
    await remove('i-1');
    const how = { extensions: { dryRun: true } };
    const { output } = await bench.call(CutDrain, { LoadBalancerId }, how);
    assert.deepEqual(output, { Cut: 1 });
    assert.deepEqual(await deadlines(), [['i-1', 30_000]]);
  });
});
