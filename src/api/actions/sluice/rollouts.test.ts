import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  forwarder,
  furnish,
  openBench,
} from '../../../../test/support/call.ts';
import { keys } from '../../../store/keys.ts';
import { DescribeFreeze, DescribeRollouts, SetFreeze } from './rollouts.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 0 });
});
afterEach(() => bench.close());

describe('a rollout', () => {
  test('tells of each live forwarder whether it has the last change', async () => {
    const LoadBalancerId = await createLoadBalancer(bench);
    const { revision } = (await bench.store.get(keys.loadBalancer('local', LoadBalancerId)))!;
    bench.forwarders.push(forwarder({ name: 'edge-1', revision }));
    const { output } = await bench.call(DescribeRollouts, { LoadBalancerId });
    assert.deepEqual(output, {
      LoadBalancerId,
      Revision: revision,
      Applied: 1,
      Counted: 1,
      Live: 1,
      Rollouts: {
        Rollout: [
          {
            ForwarderName: 'edge-1',
            State: 'live',
            SilentSince: '',
            Counted: true,
            Revision: revision,
            Applied: true,
            Reasons: [],
          },
        ],
      },
    });
  });

  test('tells why a forwarder has not, and nothing of what failed elsewhere', async () => {
    const LoadBalancerId = await createLoadBalancer(bench);
    const failures = [
      { loadBalancerId: LoadBalancerId, listener: 'tcp-80', reason: 'port 80 is taken' },
      { loadBalancerId: '*', reason: 'haproxy is gone' },
      { loadBalancerId: 'lb-other', reason: 'no matter here' },
    ];
    bench.forwarders.push(forwarder({ failures }));
    const { output } = await bench.call(DescribeRollouts, { LoadBalancerId });
    assert.deepEqual([output.Applied, output.Live], [0, 1]);
    const [row] = output.Rollouts.Rollout;
    assert.deepEqual(row.Reasons, ['tcp-80: port 80 is taken', 'haproxy is gone']);
  });

  test('is of a load balancer that is known', async () => {
    await assert.rejects(
      bench.call(DescribeRollouts, { LoadBalancerId: 'lb-5unknown' }),
      failsWith('LoadBalancerNotFound'),
    );
  });
});

describe('the freeze', () => {
  const show = async () => (await bench.call(DescribeFreeze, {})).output;

  test('is none at first', async () => {
    assert.deepEqual(await show(), { Frozen: false, Reason: '', Since: '' });
  });

  test('says since when and why, and its reason can be mended', async () => {
    await bench.call(SetFreeze, { Frozen: 'true', Reason: 'Singles’ Day' });
    bench.clock.now += 60_000;
    assert.deepEqual(await show(), {
      Frozen: true,
      Reason: 'Singles’ Day',
      Since: '2026-11-24T08:00:00Z',
    });
    await bench.call(SetFreeze, { Frozen: 'true', Reason: 'an incident' });
    assert.deepEqual(await show(), {
      Frozen: true,
      Reason: 'an incident',
      Since: '2026-11-24T08:00:00Z',
    });
  });

  test('ends, and what is read then is since when it is over', async () => {
    await bench.call(SetFreeze, { Frozen: 'true', Reason: 'an incident' });
    bench.clock.now += 60_000;
    await bench.call(SetFreeze, { Frozen: 'false' });
    assert.deepEqual(await show(), { Frozen: false, Reason: '', Since: '2026-11-24T08:01:00Z' });
    assert.equal((await bench.read<{ frozen: boolean }>(keys.freeze))?.frozen, false);
  });

  test('must be said to begin or to end', async () => {
    await assert.rejects(bench.call(SetFreeze, {}), failsWith('MissingFrozen'));
    await assert.rejects(bench.call(SetFreeze, { Frozen: 'yes' }), failsWith('InvalidFrozen'));
  });
});
