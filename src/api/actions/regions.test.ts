import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  forwarder,
  furnish,
  openBench,
} from '../../../test/support/call.ts';
import { loadBalancerSpecs } from './fields.ts';
import { DescribeElbAvailableResourceInfo } from './regions.ts';

let bench: Bench;
before(async () => {
  bench = await openBench();
  await furnish(bench, { pool: '192.0.2.0/30' });
  await furnish(bench, { site: 'dark', pool: '2001:db8::/64' });
  bench.forwarders.push(forwarder());
});
after(() => bench.close());

const info = async () =>
  (await bench.call(DescribeElbAvailableResourceInfo, {})).output.ElbAvailableResourceInfo;

test('a node has room for the addresses left in its pool, if a forwarder is live', async () => {
  const place = (EnsRegionId: string) => ({
    EnsRegionId,
    Name: EnsRegionId,
    EnName: EnsRegionId,
    Area: '',
    Province: '',
    Ability: [],
  });
  const dark = { ...place('dark'), CanBuyCount: '0', LoadBalancerSpec: [] };
  const local = { ...place('local'), CanBuyCount: '2', LoadBalancerSpec: loadBalancerSpecs };
  assert.deepEqual(await info(), [dark, local]);
  await createLoadBalancer(bench);
  assert.equal((await info())[1].CanBuyCount, '1');
  await createLoadBalancer(bench);
  assert.deepEqual((await info())[1], {
    ...place('local'),
    CanBuyCount: '0',
    LoadBalancerSpec: [],
  });
  bench.forwarders.push(forwarder({ site: 'dark' }));
  assert.equal((await info())[0].CanBuyCount, String(2n ** 64n - 1n));
});
