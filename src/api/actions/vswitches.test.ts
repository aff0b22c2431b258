import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
} from '../../../test/support/call.ts';
import type { AuditRecord } from '../audit-records.ts';
import { CreateLoadBalancer } from './create-load-balancer.ts';
import { DeleteLoadBalancer } from './delete-load-balancer.ts';
import { CreateNetwork } from './networks.ts';
import {
  CreateVSwitch,
  DeleteVSwitch,
  DescribeVSwitchAttributes,
  DescribeVSwitches,
  ModifyVSwitchAttribute,
} from './vswitches.ts';

let bench: Bench;
before(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 2 });
});
after(() => bench.close());

async function createNetwork(): Promise<string> {
  const wanted = { EnsRegionId: 'local', CidrBlock: '10.0.0.0/8' };
  return (await bench.call(CreateNetwork, wanted)).output.NetworkId;
}

async function createVSwitch(parameters: Record<string, unknown>): Promise<string> {
  const wanted = { EnsRegionId: 'local', CidrBlock: '10.1.0.0/24', ...parameters };
  return (await bench.call(CreateVSwitch, wanted)).output.VSwitchId;
}

async function show(VSwitchId: string) {
  return (await bench.call(DescribeVSwitchAttributes, { VSwitchId })).output;
}

describe('a vSwitch', () => {
  test('is Available at once, as it was asked for', async () => {
    const NetworkId = await createNetwork();
    const id = await createVSwitch({
      NetworkId,
      VSwitchName: 'blue',
      Description: 'for tests',
      Ipv6CidrBlock: '2001:db8::/64',
    });
    assert.match(id, /^vsw-5/);
    assert.deepEqual(await show(id), {
      VSwitchId: id,
      VSwitchName: 'blue',
      Description: 'for tests',
      CidrBlock: '10.1.0.0/24',
      Ipv6CidrBlock: '2001:db8::/64',
      NetworkId,
      EnsRegionId: 'local',
      CreatedTime: '2026-11-24T08:00:00Z',
      Status: 'Available',
      AvailableIpAddressCount: 252,
      HaVipIds: { HaVipId: [] },
      InstanceIds: { InstanceId: [] },
      LoadBalancerIds: { LoadBalancerId: [] },
      NatGatewayIds: { NatGatewayId: [] },
      NetworkInterfaceIds: { NetworkInterfaceId: [] },
    });
  });

  test('without a network is in the default one of its site', async () => {
    // That one has 10.0.0.0/16, and the vSwitch of the site takes all of it.
    await assert.rejects(
      createVSwitch({ CidrBlock: '10.0.9.0/24' }),
      failsWith('InvalidParameter.CidrBlock', /overlaps 10\.0\.0\.0\/16 of vsw-local/),
    );
  });

  test('has a mask of 16 to 29 bits, inside its network, beside its siblings', async () => {
    const NetworkId = await createNetwork();
    await createVSwitch({ NetworkId, CidrBlock: '10.1.0.0/24' });
    for (const CidrBlock of ['10.0.0.0/15', '10.0.0.0/30', '10.2.0.1/24', 'fd00::/24']) {
      const call = createVSwitch({ NetworkId, CidrBlock });
      await assert.rejects(call, failsWith('InvalidCidrBlock'), CidrBlock);
    }
    await assert.rejects(
      createVSwitch({ NetworkId, CidrBlock: '192.168.0.0/24' }),
      failsWith('InvalidParameter.CidrBlock', /not within 10\.0\.0\.0\/8/),
    );
    await assert.rejects(
      createVSwitch({ NetworkId, CidrBlock: '10.1.0.128/25' }),
      failsWith('InvalidParameter.CidrBlock', /overlaps/),
    );
    await createVSwitch({ NetworkId, CidrBlock: '10.1.1.0/24' });
  });

  test('of two that overlap and come at once, one is made', async () => {
    const NetworkId = await createNetwork();
    const wanted = ['10.1.0.0/24', '10.1.0.0/25', '10.1.0.0/16', '10.0.0.0/16', '10.2.0.0/24'];
    const outcomes = await Promise.allSettled(
      wanted.map((CidrBlock) => createVSwitch({ NetworkId, CidrBlock })),
    );
    const made = outcomes.filter(({ status }) => status === 'fulfilled');
    assert.equal(made.length, 3);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        assert.ok(failsWith('InvalidParameter.CidrBlock', /overlaps/)(outcome.reason));
      }
    }
  });

  test('is of the site and account that its network is of', async () => {
    await furnish(bench, { site: 'south', instances: 0 });
    await assert.rejects(createVSwitch({ NetworkId: 'n-south' }), failsWith('InvalidNetworkId'));
    await assert.rejects(createVSwitch({ NetworkId: 'n-x' }), failsWith('InvalidNetworkId'));
    await assert.rejects(
      createVSwitch({ EnsRegionId: 'nowhere' }),
      failsWith('InvalidEnsRegionId'),
    );
  });

  test('that is unknown, or of another account, is not found', async () => {
    const id = await createVSwitch({ NetworkId: await createNetwork() });
    const by = { account: '2000000000000002' };
    for (const action of [DescribeVSwitchAttributes, ModifyVSwitchAttribute, DeleteVSwitch]) {
      const expected = failsWith('InvalidVSwitchId.NotFound');
      await assert.rejects(bench.call(action, { VSwitchId: id }, by), expected, action.name);
      await assert.rejects(bench.call(action, { VSwitchId: 'vsw-x' }), expected, action.name);
    }
  });

  test('keeps what a change does not say, and loses its IPv6 block when told to', async () => {
    const id = await createVSwitch({
      NetworkId: await createNetwork(),
      VSwitchName: 'old',
      Description: 'stays',
    });
    await bench.call(ModifyVSwitchAttribute, {
      VSwitchId: id,
      VSwitchName: 'new',
      Ipv6CidrBlock: '2001:db8:1::/64',
    });
    const changed = await show(id);
    assert.deepEqual(
      [changed.VSwitchName, changed.Description, changed.Ipv6CidrBlock],
      ['new', 'stays', '2001:db8:1::/64'],
    );
    await bench.call(ModifyVSwitchAttribute, { VSwitchId: id, EnableIPv6: 'false' });
    assert.equal((await show(id)).Ipv6CidrBlock, '');
    const nothing = { VSwitchName: '', Description: '' };
    await bench.call(ModifyVSwitchAttribute, { VSwitchId: id, ...nothing });
    const cleared = await show(id);
    assert.deepEqual([cleared.VSwitchName, cleared.Description], ['', '']);
  });

  test('shows what lies in it and how many addresses are free', async () => {
    const loadBalancer = await createLoadBalancer(bench);
    const shown = await show('vsw-local');
    assert.deepEqual(shown.InstanceIds, { InstanceId: ['i-1', 'i-2'] });
    assert.deepEqual(shown.LoadBalancerIds, { LoadBalancerId: [loadBalancer] });
    // Two instances with one interface each.
    assert.equal(shown.AvailableIpAddressCount, 65_536 - 4 - 4);
    const { output } = await bench.call(DescribeVSwitches, { VSwitchId: 'vsw-local' });
    assert.equal(output.VSwitches.VSwitch[0].FreeIpCount, 65_536 - 4 - 4);
  });

  test('is one change of the audit log: its network, written along, is none', async () => {
    const NetworkId = await createNetwork();
    const id = await createVSwitch({ NetworkId });
    const { entries } = await bench.store.range('audit/');
    const changes = entries.map(({ value }) =>
      (JSON.parse(value) as AuditRecord).changes.map(({ key }) => key),
    );
    const own = changes.filter((all) => all.includes(`vswitch/${id}`));
    assert.deepEqual(own, [[`vswitch/${id}`]]);
  });
});

test('the list of vSwitches is narrowed by all filters together', async () => {
  const NetworkId = await createNetwork();
  const plain = await createVSwitch({ NetworkId, VSwitchName: 'plain' });
  const six = await createVSwitch({
    NetworkId,
    CidrBlock: '10.2.0.0/24',
    Ipv6CidrBlock: '2001:db8::/64',
  });
  const listed = async (parameters: Record<string, unknown>) => {
    const { output } = await bench.call(DescribeVSwitches, { NetworkId, ...parameters });
    return output.VSwitches.VSwitch.map((each: { VSwitchId: string }) => each.VSwitchId);
  };
  assert.deepEqual(await listed({}), [plain, six].sort());
  assert.deepEqual(await listed({ EnableIpv6: 'true' }), [six]);
  assert.deepEqual(await listed({ EnableIpv6: 'false' }), [plain]);
  assert.deepEqual(await listed({ VSwitchName: 'plain', EnsRegionIds: ['local'] }), [plain]);
  assert.deepEqual(await listed({ VSwitchIds: [six, 'vsw-local'] }), [six]);
  assert.deepEqual(await listed({ EnsRegionId: 'nowhere' }), []);
});

describe('a vSwitch is deleted', () => {
  test('once no load balancer is in it', async () => {
    const NetworkId = await createNetwork();
    const VSwitchId = await createVSwitch({ NetworkId });
    const { output } = await bench.call(CreateLoadBalancer, {
      EnsRegionId: 'local',
      LoadBalancerSpec: 'elb.s1.small',
      NetworkId,
      PayType: 'PostPaid',
      VSwitchId,
    });
    const { LoadBalancerId } = output;
    await assert.rejects(
      bench.call(DeleteVSwitch, { VSwitchId }),
      failsWith('ens.interface.error', new RegExp(`${LoadBalancerId} is in it`)),
    );
    await bench.call(DeleteLoadBalancer, { LoadBalancerId });
    await bench.call(DeleteVSwitch, { VSwitchId });
    await assert.rejects(show(VSwitchId), failsWith('InvalidVSwitchId.NotFound'));
  });

  test('never while it is the default one of its site', async () => {
    await assert.rejects(
      bench.call(DeleteVSwitch, { VSwitchId: 'vsw-local' }),
      failsWith('ens.interface.error', /default vSwitch of local/),
    );
  });
});
