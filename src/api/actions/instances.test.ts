import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
  storedLoadBalancer,
} from '../../../test/support/call.ts';
import { AddBackendServers } from './backend-servers.ts';
import { DescribeInstances, StartInstance, StopInstance } from './instances.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 3 });
  await furnish(bench, { site: 'north', instances: 1 });
});
afterEach(() => bench.close());

async function listed(parameters: Record<string, unknown>): Promise<string[]> {
  const { output } = await bench.call(DescribeInstances, parameters);
  return output.Instances.Instance.map((each: { InstanceId: string }) => each.InstanceId);
}

describe('the list of instances', () => {
  test('shows a registered machine the way clients read it', async () => {
    const { output } = await bench.call(DescribeInstances, { InstanceId: 'i-1' });
    assert.deepEqual(output, {
      Code: 0,
      Instances: {
        Instance: [
          {
            InstanceId: 'i-1',
            InstanceName: 'i-1',
            HostName: 'i-1',
            EnsRegionId: 'local',
            Status: 'Running',
            CreationTime: '2026-11-24T08:00:00Z',
            InstanceResourceType: 'EnsPostPaidInstance',
            InnerIpAddress: { IpAddress: ['10.0.0.1'] },
            PublicIpAddress: { IpAddress: [] },
            PrivateIpAddresses: { PrivateIpAddress: [{ Ip: '10.0.0.1', GateWay: '', Isp: '' }] },
            NetworkAttributes: {
              NetworkId: 'n-local',
              VSwitchId: 'vsw-local',
              PrivateIpAddress: { IpAddress: ['10.0.0.1'] },
            },
            NetworkInterfaces: {
              NetworkInterfaces: [
                {
                  NetworkInterfaceId: 'eni-1',
                  PrimaryIpAddress: '10.0.1.1',
                  PrivateIpSets: {
                    PrivateIpSet: [{ PrivateIpAddress: '10.0.1.1', Primary: true }],
                  },
                  Ipv6Sets: { Ipv6Set: [] },
                  MacAddress: '',
                  Type: '',
                  VpdId: '',
                  VpdVSwitchId: '',
                },
              ],
            },
            AutoReleaseTime: '',
            DataDisk: { DataDisk: [] },
            ExpiredTime: '',
            ImageId: '',
            InternetMaxBandwidthOut: 0,
            KeyPairName: '',
            PublicIpAddresses: { PublicIpAddress: [] },
            SecurityGroupIds: { SecurityGroupId: [] },
            ServiceStatus: '',
            SpecName: '',
            SpotStrategy: '',
            SystemDisk: {
              Category: '',
              DiskId: '',
              DiskName: '',
              Size: 0,
              device_type: '',
              disk_type: '',
              name: '',
              storage: 0,
              uuid: '',
            },
            Tags: { Tags: [] },
          },
        ],
      },
      PageNumber: 1,
      PageSize: 10,
      TotalCount: 1,
    });
  });

  test('is narrowed by all filters together', async () => {
    await bench.call(StopInstance, { InstanceId: 'i-2' });
    for (const [filter, expected] of [
      [{ NetworkId: 'n-local', VSwitchId: 'vsw-local', Status: 'Running' }, ['i-1', 'i-3']],
      [{ EnsRegionIds: '["north"]' }, ['i-north-1']],
      [{ InstanceIds: '["i-3","i-north-1"]', EnsRegionId: 'local' }, ['i-3']],
      [{ IntranetIp: '10.0.1.2' }, ['i-2']],
      [{ SearchKey: 'north' }, ['i-north-1']],
      [{ InstanceName: 'i-3' }, ['i-3']],
      [{ InstanceResourceType: 'EnsInstance' }, []],
      [{ ImageId: 'any' }, []],
    ] as const) {
      assert.deepEqual(await listed(filter), expected, JSON.stringify(filter));
    }
  });

  test('is empty for an empty list of ids, and whole without one', async () => {
    assert.deepEqual(await listed({ InstanceIds: '[]' }), []);
    assert.equal((await listed({})).length, 4);
    assert.equal((await listed({ InstanceIds: '' })).length, 4);
  });

  test('refuses what is no list of ids', async () => {
    const tooMany = JSON.stringify(Array.from({ length: 101 }, (_, index) => `i-${index}`));
    for (const InstanceIds of ['i-1', '{}', '["i 1"]', '[1]', tooMany]) {
      const call = bench.call(DescribeInstances, { InstanceIds });
      await assert.rejects(call, failsWith('InvalidInstanceIds'), InstanceIds);
    }
  });

  test('takes the size of a page as a text', async () => {
    const { output } = await bench.call(DescribeInstances, { PageSize: '2', PageNumber: '2' });
    assert.equal(output.PageSize, 2);
    assert.equal(output.TotalCount, 4);
    assert.equal(output.Instances.Instance.length, 2);
  });
});

describe('an instance', () => {
  const status = async (InstanceId: string) => {
    const { output } = await bench.call(DescribeInstances, { InstanceId });
    return output.Instances.Instance[0].Status;
  };

  test('is stopped and started', async () => {
    const stopped = await bench.call(StopInstance, { InstanceId: 'i-1', ForceStop: 'true' });
    assert.deepEqual(stopped.output, { Code: 0 });
    assert.equal(await status('i-1'), 'Stopped');
    const started = await bench.call(StartInstance, { InstanceId: 'i-1' });
    assert.deepEqual(started.output, { Code: 0 });
    assert.equal(await status('i-1'), 'Running');
  });

  test('is stopped only while Running, started only while Stopped', async () => {
    await assert.rejects(
      bench.call(StartInstance, { InstanceId: 'i-1' }),
      failsWith('IncorrectInstanceStatus', /Running/),
    );
    await bench.call(StopInstance, { InstanceId: 'i-1' });
    await assert.rejects(
      bench.call(StopInstance, { InstanceId: 'i-1' }),
      failsWith('IncorrectInstanceStatus', /Stopped/),
    );
  });

  test('that is stopped stays attached where it is, and is attached nowhere else', async () => {
    const [first, second] = [await createLoadBalancer(bench), await createLoadBalancer(bench)];
    const BackendServers = [{ ServerId: 'i-1' }];
    await bench.call(AddBackendServers, { LoadBalancerId: first, BackendServers });
    await bench.call(StopInstance, { InstanceId: 'i-1' });
    assert.equal((await storedLoadBalancer(bench, first))?.backends.length, 1);
    await assert.rejects(
      bench.call(AddBackendServers, { LoadBalancerId: second, BackendServers }),
      failsWith('IncorrectInstanceStatus'),
    );
  });

  test('that is unknown, or of another account, is not found', async () => {
    const by = { account: '2000000000000002' };
    for (const action of [StartInstance, StopInstance]) {
      const expected = failsWith('InstanceNotFound');
      await assert.rejects(bench.call(action, { InstanceId: 'i-x' }), expected);
      await assert.rejects(bench.call(action, { InstanceId: 'i-1' }, by), expected);
    }
    assert.deepEqual((await bench.call(DescribeInstances, {}, by)).output.TotalCount, 0);
  });
});
