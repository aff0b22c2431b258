import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Bench, failsWith, openBench } from '../../../../test/support/call.ts';
import { LoadBalancerSites } from '../../load-balancer-sites.ts';
import { siteOf } from '../../trail/resources.ts';
import { CreateLoadBalancer } from '../create-load-balancer.ts';
import { DescribeSites, RegisterSite } from './sites.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

async function register(EnsRegionId: string, AddressPool: string) {
  return (await bench.call(RegisterSite, { EnsRegionId, AddressPool })).output;
}

describe('a site', () => {
  test('comes with what a load balancer needs', async () => {
    const site = await register('edge-1', '192.0.2.0/24');
    const { output } = await bench.call(CreateLoadBalancer, {
      EnsRegionId: 'edge-1',
      LoadBalancerSpec: 'elb.s1.small',
      NetworkId: site.DefaultNetworkId,
      PayType: 'PostPaid',
      VSwitchId: site.DefaultVSwitchId,
    });
    assert.match(output.LoadBalancerId, /^lb-5/);
  });

  test('registered again with the same pool answers the same and makes nothing', async () => {
    const first = await register('edge-1', '2001:DB8::/64');
    assert.equal(first.AddressPool, '2001:db8::/64');
    bench.clock.now += 60_000;
    assert.deepEqual(await register('edge-1', '2001:db8:0::/64'), first);
    const { output } = await bench.call(DescribeSites, {});
    assert.deepEqual(output.Sites.Site, [first]);
    assert.equal((await bench.store.range('network/')).entries.length, 1);
  });

  test('registered by many at once is made once', async () => {
    const made = await Promise.all([1, 2, 3, 4].map(() => register('edge-1', '192.0.2.0/24')));
    assert.equal(new Set(made.map((each) => each.DefaultNetworkId)).size, 1);
    assert.equal((await bench.store.range('vswitch/')).entries.length, 1);
  });

  test('keeps its pool, and its account', async () => {
    await register('edge-1', '192.0.2.0/24');
    await assert.rejects(
      register('edge-1', '192.0.3.0/24'),
      failsWith('InvalidParameter.AddressPool', /192\.0\.2\.0\/24/),
    );
    const wanted = { EnsRegionId: 'edge-1', AddressPool: '192.0.2.0/24' };
    await assert.rejects(
      bench.call(RegisterSite, wanted, { account: '2000000000000002' }),
      failsWith('InvalidParameter.EnsRegionId'),
    );
  });

  test('has an id that can stand in keys, paths and names of engines', async () => {
    for (const id of ['*', 'a', 'Edge', 'a/b', 'a b', '-a', '_a', 'a.b', 'a'.repeat(64)]) {
      await assert.rejects(register(id, '192.0.2.0/24'), failsWith('InvalidEnsRegionId'), id);
    }
  });

  test('may have the id of a real edge node, underscores included', async () => {
    const EnsRegionId = 'cn-chenzhou-telecom_unicom_cmcc';
    const site = await register(EnsRegionId, '192.0.2.0/24');
    const { output } = await bench.call(CreateLoadBalancer, {
      EnsRegionId,
      LoadBalancerSpec: 'elb.s1.small',
      NetworkId: site.DefaultNetworkId,
      PayType: 'PostPaid',
      VSwitchId: site.DefaultVSwitchId,
    });
    const { LoadBalancerId } = output;
    const resource = `acs:ens:*:1:loadbalancer/${LoadBalancerId}`;
    const placed = await new LoadBalancerSites(bench.store).placed(resource);
    assert.equal(placed, `acs:ens:${EnsRegionId}:1:loadbalancer/${LoadBalancerId}`);
    const changes = [{ key: `lb/${EnsRegionId}/${LoadBalancerId}` }];
    assert.equal(siteOf({ changes, parameters: {} }), EnsRegionId);
  });

  test('has a pool of addresses that machines can have', async () => {
    const pools = [
      '192.0.2.1',
      '192.0.2.9/24',
      '224.0.0.0/8',
      '0.0.0.0/0',
      '2001:db8::/32',
      '::/64',
    ];
    for (const pool of pools) {
      await assert.rejects(register('edge-1', pool), failsWith('InvalidAddressPool'), pool);
    }
  });
});

test('sites are listed in pages, each account its own', async () => {
  for (const id of ['edge-1', 'edge-2', 'edge-3']) await register(id, '192.0.2.0/24');
  const { output } = await bench.call(DescribeSites, { PageNumber: 2, PageSize: 2 });
  assert.deepEqual(
    output.Sites.Site.map((each: { EnsRegionId: string }) => each.EnsRegionId),
    ['edge-3'],
  );
  assert.equal(output.TotalCount, 3);
  const other = await bench.call(DescribeSites, {}, { account: '2000000000000002' });
  assert.equal(other.output.TotalCount, 0);
});
