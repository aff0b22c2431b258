import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
  storedLoadBalancer,
} from '../../../../test/support/call.ts';
import type { Instance } from '../../../elb/types.ts';
import { keys } from '../../../store/keys.ts';
import { AddBackendServers, RemoveBackendServers } from '../backend-servers.ts';
import { CreateLoadBalancer } from '../create-load-balancer.ts';
import { DescribeInstances } from '../instances.ts';
import { CreateNetwork } from '../networks.ts';
import { CreateVSwitch, DeleteVSwitch, DescribeVSwitches } from '../vswitches.ts';
import { DeregisterInstance, RegisterInstance } from './instances.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 0 });
  await furnish(bench, { site: 'north', instances: 0 });
});
afterEach(() => bench.close());

async function register(parameters: Record<string, unknown>): Promise<string> {
  const wanted = { EnsRegionId: 'local', PrivateIpAddress: '10.0.0.5', ...parameters };
  return (await bench.call(RegisterInstance, wanted)).output.InstanceId;
}

const stored = (id: string) => bench.read<Instance>(keys.instance(id));
const eni = (NetworkInterfaceId: string, PrivateIpAddress = '10.0.1.5') => ({
  NetworkInterfaceId,
  PrivateIpAddress,
});

describe('a machine that is registered', () => {
  test('is a running instance in the default network of its site', async () => {
    const id = await register({});
    assert.match(id, /^i-5/);
    assert.deepEqual(await stored(id), {
      v: 1,
      id,
      account: '1000000000000001',
      site: 'local',
      name: id,
      privateIp: '10.0.0.5',
      status: 'Running',
      networkId: 'n-local',
      vSwitchId: 'vsw-local',
      createTime: '2026-11-24T08:00:00Z',
      interfaces: [],
    });
  });

  describe('in a network of its own', () => {
    let own: { NetworkId: string; VSwitchId: string };
    beforeEach(async () => {
      const network = { EnsRegionId: 'local', CidrBlock: '10.0.0.0/16' };
      const { NetworkId } = (await bench.call(CreateNetwork, network)).output;
      const vSwitch = { ...network, NetworkId };
      own = { NetworkId, VSwitchId: (await bench.call(CreateVSwitch, vSwitch)).output.VSwitchId };
    });

    test('is there from then on; its vSwitch tells the network', async () => {
      for (const said of [own, { VSwitchId: own.VSwitchId }]) {
        const id = await register({ ...said, InstanceId: 'web-1' });
        await register({ InstanceId: id, InstanceName: 'named later' });
        const { networkId, vSwitchId } = (await stored(id))!;
        assert.deepEqual({ NetworkId: networkId, VSwitchId: vSwitchId }, own);
      }
      await register({ InstanceId: 'web-2' });
      const { output } = await bench.call(DescribeInstances, own);
      assert.deepEqual(
        output.Instances.Instance.map((each: { InstanceId: string }) => each.InstanceId),
        ['web-1'],
      );
    });

    test('names one that exists, at its site, and that its vSwitch is in', async () => {
      const refused = (more: object, code: string) =>
        assert.rejects(register({ ...more }), failsWith(code), JSON.stringify(more));
      await refused({ NetworkId: 'n-none', VSwitchId: own.VSwitchId }, 'InvalidNetworkId');
      await refused({ ...own, NetworkId: 'n-local' }, 'InvalidVSwitchId');
      await refused({ ...own, VSwitchId: 'vsw-local' }, 'InvalidVSwitchId');
      await refused({ ...own, VSwitchId: 'vsw-none' }, 'InvalidVSwitchId');
      await refused({ NetworkId: own.NetworkId }, 'MissingVSwitchId');
      await refused({ ...own, EnsRegionId: 'north' }, 'InvalidNetworkId');
    });

    test('keeps its vSwitch and its network from being deleted, at once with it too', async () => {
      await Promise.allSettled([register(own), bench.call(DeleteVSwitch, own)]);
      const { output } = await bench.call(DescribeInstances, own);
      const { TotalCount: there } = (await bench.call(DescribeVSwitches, own)).output;
      assert.ok(there === 1 || output.TotalCount === 0, `${there}, ${output.TotalCount}`);
    });

    test('is a server of load balancers of that network alone', async () => {
      const LoadBalancerId = await createLoadBalancer(bench);
      const id = await register({ ...own, InstanceId: 'web-1' });
      const add = bench.call(AddBackendServers, {
        LoadBalancerId,
        BackendServers: [{ ServerId: id }],
      });
      await assert.rejects(add, failsWith('InvalidParameter.ServerId', /n-local/));
      const wanted = {
        LoadBalancerSpec: 'elb.s1.small',
        PayType: 'PostPaid',
        EnsRegionId: 'local',
      };
      const { output } = await bench.call(CreateLoadBalancer, { ...wanted, ...own });
      const its = { LoadBalancerId: output.LoadBalancerId, BackendServers: [{ ServerId: id }] };
      await bench.call(AddBackendServers, its);
    });
  });

  test('takes the id, name, status and interfaces that it is given', async () => {
    const id = await register({
      InstanceId: 'web-1',
      InstanceName: 'Web 1',
      Status: 'Stopped',
      NetworkInterfaces: [eni('eni-1')],
    });
    assert.equal(id, 'web-1');
    const { name, status, interfaces } = (await stored(id))!;
    assert.deepEqual(
      [name, status, interfaces],
      ['Web 1', 'Stopped', [{ id: 'eni-1', privateIp: '10.0.1.5' }]],
    );
  });

  test('has its addresses in their one canonical text', async () => {
    const id = await register({
      PrivateIpAddress: '2001:DB8:0::5',
      NetworkInterfaces: [eni('eni-1', '2001:DB8:0::6')],
    });
    const { privateIp, interfaces } = (await stored(id))!;
    assert.deepEqual([privateIp, interfaces[0]?.privateIp], ['2001:db8::5', '2001:db8::6']);
  });

  test('has addresses that a machine can have', async () => {
    for (const PrivateIpAddress of ['10.0.0', '0.0.0.0', '224.0.0.1', '10.0.0.010', '::', 'web']) {
      const call = register({ PrivateIpAddress });
      await assert.rejects(call, failsWith('InvalidPrivateIpAddress'), PrivateIpAddress);
    }
    await assert.rejects(
      register({ NetworkInterfaces: [eni('eni-1', '0.0.0.0')] }),
      failsWith('InvalidParameter.PrivateIpAddress'),
    );
  });

  test('has an id that no engine could take for anything else', async () => {
    for (const InstanceId of ['web 1', 'web;1', 'web_1', 'i/1', 'é', 'a'.repeat(65)]) {
      await assert.rejects(register({ InstanceId }), failsWith('InvalidInstanceId'), InstanceId);
    }
  });

  test('is of a site that is registered', async () => {
    await assert.rejects(register({ EnsRegionId: 'nowhere' }), failsWith('InvalidEnsRegionId'));
  });
});

describe('a machine that is registered again', () => {
  const all = {
    InstanceId: 'web-1',
    InstanceName: 'Web 1',
    Status: 'Stopped',
    NetworkInterfaces: [eni('eni-1')],
  };

  test('with the same values changes nothing', async () => {
    await register(all);
    const before = await bench.store.get(keys.instance('web-1'));
    bench.clock.now += 60_000;
    await register(all);
    assert.deepEqual(await bench.store.get(keys.instance('web-1')), before);
  });

  test('keeps what the call does not say', async () => {
    await register(all);
    const before = await stored('web-1');
    await register({ InstanceId: 'web-1', PrivateIpAddress: '10.0.0.6' });
    assert.deepEqual(await stored('web-1'), { ...before, privateIp: '10.0.0.6' });
    await register({ InstanceId: 'web-1', Status: 'Running', PrivateIpAddress: '10.0.0.6' });
    assert.equal((await stored('web-1'))?.status, 'Running');
  });

  test('keeps the address that load balancers reach it at', async () => {
    await register({ InstanceId: 'web-1' });
    const LoadBalancerId = await createLoadBalancer(bench);
    const BackendServers = [{ ServerId: 'web-1' }];
    await bench.call(AddBackendServers, { LoadBalancerId, BackendServers });
    await register({ InstanceId: 'web-1', PrivateIpAddress: '10.0.0.6' });
    const [backend] = (await storedLoadBalancer(bench, LoadBalancerId))!.backends;
    assert.equal(backend?.ip, '10.0.0.5');
  });

  test('gives up the interfaces that a new list leaves out', async () => {
    await register(all);
    await register({ InstanceId: 'web-1', NetworkInterfaces: [eni('eni-2')] });
    assert.equal(await bench.read(keys.networkInterface('eni-1')), undefined);
    await register({ InstanceId: 'web-2', NetworkInterfaces: [eni('eni-1')] });
    assert.deepEqual(await bench.read(keys.networkInterface('eni-1')), {
      v: 1,
      instanceId: 'web-2',
    });
  });

  test('stays at its site and with its account', async () => {
    await register(all);
    const expected = failsWith('InvalidParameter.InstanceId', /elsewhere/);
    await assert.rejects(register({ ...all, EnsRegionId: 'north' }), expected);
    const wanted = { EnsRegionId: 'local', PrivateIpAddress: '10.0.0.5', ...all };
    await assert.rejects(
      bench.call(RegisterInstance, wanted, { account: '2000000000000002' }),
      expected,
    );
  });
});

test('a network interface is named once, and belongs to one machine', async () => {
  await register({ InstanceId: 'web-1', NetworkInterfaces: [eni('eni-1')] });
  await assert.rejects(
    register({ InstanceId: 'web-2', NetworkInterfaces: [eni('eni-1')] }),
    failsWith('InvalidParameter.NetworkInterfaceId', /eni-1 belongs to web-1/),
  );
  await assert.rejects(
    register({ InstanceId: 'web-2', NetworkInterfaces: [eni('eni-2'), eni('eni-2')] }),
    failsWith('InvalidParameter.NetworkInterfaceId', /named twice/),
  );
  const both = await Promise.allSettled(
    ['web-3', 'web-4'].map((InstanceId) =>
      register({ InstanceId, NetworkInterfaces: [eni('eni-3')] }),
    ),
  );
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

describe('a machine is deregistered', () => {
  test('once no load balancer has it, or an interface of it, as a server', async () => {
    const InstanceId = await register({ NetworkInterfaces: [eni('eni-1')] });
    const LoadBalancerId = await createLoadBalancer(bench);
    const servers = [{ ServerId: InstanceId }, { ServerId: 'eni-1', Type: 'eni' }];
    await bench.call(AddBackendServers, { LoadBalancerId, BackendServers: servers });
    for (const server of servers) {
      await assert.rejects(
        bench.call(DeregisterInstance, { InstanceId }),
        failsWith('IncorrectInstanceStatus', new RegExp(`${LoadBalancerId} has it`)),
      );
      await bench.call(RemoveBackendServers, { LoadBalancerId, BackendServers: [server] });
    }
    await bench.call(DeregisterInstance, { InstanceId });
    assert.equal(await stored(InstanceId), undefined);
    assert.equal(await bench.read(keys.networkInterface('eni-1')), undefined);
  });

  test('only where it is known', async () => {
    await register({ InstanceId: 'web-1' });
    const by = { account: '2000000000000002' };
    for (const call of [
      bench.call(DeregisterInstance, { InstanceId: 'web-9' }),
      bench.call(DeregisterInstance, { InstanceId: 'web-1' }, by),
    ]) {
      await assert.rejects(call, failsWith('InstanceNotFound'));
    }
  });
});
