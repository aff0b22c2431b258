import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
} from '../../../test/support/call.ts';
import {
  CreateNetwork,
  DeleteNetwork,
  DescribeNetworkAttribute,
  DescribeNetworks,
  ModifyNetworkAttribute,
} from './networks.ts';
import { DescribeEnsRegions } from './regions.ts';
import { CreateVSwitch, DeleteVSwitch } from './vswitches.ts';

let bench: Bench;
before(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 1 });
  await furnish(bench, { site: 'north', instances: 1 });
});
after(() => bench.close());

async function createNetwork(parameters: Record<string, unknown> = {}): Promise<string> {
  const wanted = { EnsRegionId: 'local', CidrBlock: '192.168.0.0/16', ...parameters };
  return (await bench.call(CreateNetwork, wanted)).output.NetworkId;
}

async function listed(parameters: Record<string, unknown>) {
  const { output } = await bench.call(DescribeNetworks, parameters);
  return output.Networks.Network.map((each: { NetworkId: string }) => each.NetworkId);
}

describe('a network', () => {
  test('is Available at once, as it was asked for', async () => {
    const id = await createNetwork({
      NetworkName: 'blue',
      Description: 'for tests',
      Tag: [{ Key: 'team', Value: 'edge' }],
    });
    assert.match(id, /^n-5/);
    const { output } = await bench.call(DescribeNetworks, { NetworkId: id });
    assert.deepEqual(output, {
      Networks: {
        Network: [
          {
            NetworkId: id,
            NetworkName: 'blue',
            Description: 'for tests',
            CidrBlock: '192.168.0.0/16',
            EnsRegionId: 'local',
            CreatedTime: '2026-11-24T08:00:00Z',
            Status: 'Available',
            VSwitchIds: { VSwitchId: [] },
            GatewayRouteTableId: '',
            Ipv6CidrBlocks: { Ipv6CidrBlock: [] },
            NetworkAclId: '',
            RouteTableId: '',
            RouteTableIds: { RouteTableId: [] },
            RouterTableId: '',
            SecondaryCidrBlocks: { SecondaryCidrBlock: [] },
            Tags: {
              Tag: [{ Key: 'team', TagKey: 'team', Value: 'edge', TagValue: 'edge' }],
            },
          },
        ],
      },
      PageNumber: 1,
      PageSize: 10,
      TotalCount: 1,
    });
  });

  test('lies within a private block, written by its first address', async () => {
    for (const CidrBlock of ['192.0.2.0/24', '10.0.0.1/8', '10.0.0.0/7', 'fd00::/8', 'ten']) {
      await assert.rejects(createNetwork({ CidrBlock }), failsWith('InvalidCidrBlock'), CidrBlock);
    }
  });

  test('is of a site that is registered', async () => {
    await assert.rejects(
      createNetwork({ EnsRegionId: 'nowhere' }),
      failsWith('InvalidEnsRegionId'),
    );
  });

  test('has a name that no client takes for an address', async () => {
    for (const NetworkName of ['x', 'https://x', 'a\nb', 'n'.repeat(129)]) {
      await assert.rejects(createNetwork({ NetworkName }), failsWith('InvalidNetworkName'));
    }
  });

  test('keeps what a change does not say', async () => {
    const id = await createNetwork({ NetworkName: 'old', Description: 'stays' });
    await bench.call(ModifyNetworkAttribute, { NetworkId: id, NetworkName: 'new' });
    const { output } = await bench.call(DescribeNetworkAttribute, { NetworkId: id });
    assert.equal(output.NetworkName, 'new');
    assert.equal(output.Description, 'stays');
  });

  test('loses the name and the description that a change sends empty', async () => {
    const id = await createNetwork({ NetworkName: 'old', Description: 'goes' });
    const nothing = { NetworkName: '', Description: '' };
    await bench.call(ModifyNetworkAttribute, { NetworkId: id, ...nothing });
    const { output } = await bench.call(DescribeNetworkAttribute, { NetworkId: id });
    assert.deepEqual([output.NetworkName, output.Description], ['', '']);
  });

  test('of another account is none', async () => {
    const id = await createNetwork();
    const by = { account: '2000000000000002' };
    const { output } = await bench.call(DescribeNetworks, { NetworkId: id }, by);
    assert.equal(output.TotalCount, 0);
    for (const action of [DescribeNetworkAttribute, ModifyNetworkAttribute, DeleteNetwork]) {
      const call = bench.call(action, { NetworkId: id }, by);
      await assert.rejects(call, failsWith('InvalidNetworkId'), action.name);
    }
  });

  test('shows what lies in it', async () => {
    const loadBalancer = await createLoadBalancer(bench);
    const { output } = await bench.call(DescribeNetworkAttribute, { NetworkId: 'n-local' });
    assert.deepEqual(output.VSwitchIds, { VSwitchId: ['vsw-local'] });
    assert.deepEqual(output.InstanceIds, { InstanceId: ['i-1'] });
    assert.deepEqual(output.LoadBalancerIds, { LoadBalancerId: [loadBalancer] });
  });
});

describe('the list of networks', () => {
  test('is narrowed by all filters together; an unknown id gives an empty list', async () => {
    const id = await createNetwork({ EnsRegionId: 'north', NetworkName: 'green' });
    assert.deepEqual(await listed({ EnsRegionId: 'north', NetworkName: 'green' }), [id]);
    assert.deepEqual(await listed({ EnsRegionIds: ['north'], NetworkIds: [id, 'n-local'] }), [id]);
    assert.deepEqual(await listed({ EnsRegionId: 'local', NetworkId: id }), []);
    assert.deepEqual(await listed({ NetworkId: 'n-unknown' }), []);
  });

  test('comes in pages that together are the whole', async () => {
    const pages = [];
    for (const PageNumber of [1, 2, 3, 4, 5, 6, 7, 8]) {
      pages.push(...(await listed({ PageNumber, PageSize: 2 })));
    }
    assert.deepEqual(pages, await listed({ PageSize: 50 }));
    assert.ok(pages.length > 4);
  });
});

describe('a network is deleted', () => {
  test('once nothing is left in it', async () => {
    const id = await createNetwork();
    const made = await bench.call(CreateVSwitch, {
      EnsRegionId: 'local',
      NetworkId: id,
      CidrBlock: '192.168.1.0/24',
    });
    const { VSwitchId } = made.output;
    await assert.rejects(
      bench.call(DeleteNetwork, { NetworkId: id }),
      failsWith('ens.interface.error', new RegExp(`${VSwitchId} is in it`)),
    );
    await bench.call(DeleteVSwitch, { VSwitchId });
    await bench.call(DeleteNetwork, { NetworkId: id });
    assert.deepEqual(await listed({ NetworkId: id }), []);
    await assert.rejects(
      bench.call(DeleteNetwork, { NetworkId: id }),
      failsWith('InvalidNetworkId'),
    );
  });

  test('never while it is the default one of its site', async () => {
    await assert.rejects(
      bench.call(DeleteNetwork, { NetworkId: 'n-local' }),
      failsWith('ens.interface.error', /default network of local/),
    );
  });

  test('or gets a vSwitch, when both are asked for at once', async () => {
    for (let round = 0; round < 10; round++) {
      const NetworkId = await createNetwork();
      const block = { EnsRegionId: 'local', NetworkId, CidrBlock: '192.168.1.0/24' };
      const [created, deleted] = await Promise.allSettled([
        bench.call(CreateVSwitch, block),
        bench.call(DeleteNetwork, { NetworkId }),
      ]);
      const outcomes = [created.status, deleted.status].sort();
      assert.deepEqual(outcomes, ['fulfilled', 'rejected']);
    }
  });
});

test('edge nodes are the registered sites of the account', async () => {
  const { output } = await bench.call(DescribeEnsRegions, {});
  const ids = output.EnsRegions.EnsRegions.map((each: { EnsRegionId: string }) => each.EnsRegionId);
  assert.equal(output.Code, 0);
  assert.deepEqual(ids, ['local', 'north']);
  const one = await bench.call(DescribeEnsRegions, { EnsRegionId: 'north' });
  assert.deepEqual(one.output.EnsRegions.EnsRegions, [
    { EnsRegionId: 'north', Name: 'north', EnName: 'north', Area: '', Province: '' },
  ]);
  const none = await bench.call(DescribeEnsRegions, {}, { account: '2000000000000002' });
  assert.deepEqual(none.output.EnsRegions.EnsRegions, []);
});
