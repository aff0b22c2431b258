import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
  storedLoadBalancer,
} from '../../../test/support/call.ts';
import type { Instance, LoadBalancer, VSwitch } from '../../elb/types.ts';
import { keys } from '../../store/keys.ts';
import { AddBackendServers } from './backend-servers.ts';
import { CreateLoadBalancer } from './create-load-balancer.ts';
import { StopInstance } from './instances.ts';
import { DeregisterInstance, RegisterInstance } from './sluice/instances.ts';
import { DeleteVSwitch } from './vswitches.ts';

let bench: Bench;
let LoadBalancerId: string;
beforeEach(async () => {
  bench = await openBench();
  await furnish(bench);
  LoadBalancerId = await createLoadBalancer(bench);
});
afterEach(() => bench.close());

/** Once, right after the store was asked for the load balancers of a site, `act` happens. */
function afterListing(act: () => Promise<unknown>): void {
  const { store } = bench;
  const range = store.range.bind(store);
  store.range = async (prefix, options) => {
    const found = await range(prefix, options);
    if (prefix === keys.loadBalancers('local')) {
      store.range = range;
      await act();
    }
    return found;
  };
}

/** Once, right before a load balancer is written, `act` happens. */
function beforeWriting(act: () => Promise<unknown>): void {
  const { store } = bench;
  const commit = store.commit.bind(store);
  store.commit = async (wanted) => {
    if (wanted.puts.some(({ key }) => key.startsWith('lb/'))) {
      store.commit = commit;
      await act();
    }
    return commit(wanted);
  };
}

const add = (...names: string[]) =>
  bench.call(AddBackendServers, {
    LoadBalancerId,
    BackendServers: names.map((ServerId) => ({ ServerId })),
  });
const deregister = () => bench.call(DeregisterInstance, { InstanceId: 'i-1' });
const servers = async () =>
  (await storedLoadBalancer(bench, LoadBalancerId))!.backends.map(({ serverId }) => serverId);

test('a machine that is added while nobody seems to have it is not forgotten', async () => {
  afterListing(() => add('i-1'));
  await assert.rejects(deregister(), failsWith('IncorrectInstanceStatus'));
  assert.deepEqual(await servers(), ['i-1']);
  assert.ok(await bench.read<Instance>(keys.instance('i-1')));
});

test('an interface that is added meanwhile keeps its machine too', async () => {
  const eni = { ServerId: 'eni-1', Type: 'eni' };
  afterListing(() => bench.call(AddBackendServers, { LoadBalancerId, BackendServers: [eni] }));
  await assert.rejects(deregister(), failsWith('IncorrectInstanceStatus'));
  assert.deepEqual(await servers(), ['eni-1']);
});

test('a machine that is forgotten before it is added is no server', async () => {
  beforeWriting(deregister);
  await assert.rejects(add('i-2', 'i-1'), failsWith('InvalidParameter.ServerId'));
  assert.deepEqual(await servers(), []);
  await add('i-2');
});

test('a machine that is stopped, or gets another address, before it is added', async () => {
  const moved = { EnsRegionId: 'local', InstanceId: 'i-2', PrivateIpAddress: '10.0.0.77' };
  beforeWriting(() => bench.call(RegisterInstance, moved));
  await add('i-2');
  const stored = await storedLoadBalancer(bench, LoadBalancerId);
  assert.equal(stored?.backends[0]?.ip, '10.0.0.77');
  beforeWriting(() => bench.call(StopInstance, { InstanceId: 'i-1' }));
  await assert.rejects(add('i-1'), failsWith('IncorrectInstanceStatus'));
});

test('what one call is refused for its machine does not touch calls beside it', async () => {
  beforeWriting(deregister);
  const outcomes = await Promise.allSettled([add('i-2'), add('i-1'), add('i-3')]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual((await servers()).sort(), ['i-2', 'i-3']);
});

test('calls with many machines each commit in as many steps as it takes', async () => {
  const names = Array.from({ length: 60 }, (_, index) => `i-many-${index}`);
  for (const InstanceId of names) {
    const wanted = { EnsRegionId: 'local', InstanceId, PrivateIpAddress: '10.0.0.9' };
    await bench.call(RegisterInstance, wanted);
  }
  const batches = Array.from({ length: 12 }, (_, at) => names.slice(at * 5, at * 5 + 20));
  await Promise.all(batches.map((batch) => add(...batch)));
  assert.deepEqual((await servers()).sort(), [...names].sort());
});

test('a vSwitch in which a load balancer is made meanwhile is not deleted', async () => {
  const VSwitchId = 'vsw-2';
  const first = await bench.read<VSwitch>(keys.vSwitch('vsw-local'));
  await bench.put(keys.vSwitch(VSwitchId), { ...first, id: VSwitchId });
  const wanted = {
    EnsRegionId: 'local',
    LoadBalancerSpec: 'elb.s1.small',
    NetworkId: 'n-local',
    PayType: 'PostPaid',
    VSwitchId,
  };
  let id = '';
  afterListing(async () => {
    id = (await bench.call(CreateLoadBalancer, wanted)).output.LoadBalancerId;
  });
  await assert.rejects(bench.call(DeleteVSwitch, { VSwitchId }), failsWith('ens.interface.error'));
  assert.ok(await bench.read<VSwitch>(keys.vSwitch(VSwitchId)));
  const stored = await bench.read<LoadBalancer>(keys.loadBalancer('local', id));
  assert.equal(stored?.vSwitchId, VSwitchId);
});
