import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Bench,
  failsWith,
  furnish,
  openBench,
  putCertificate,
  storedLoadBalancer,
} from '../../../test/support/call.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import { AddBackendServers } from './backend-servers.ts';
import { CreateLoadBalancer } from './create-load-balancer.ts';
import { DeleteLoadBalancer, ReleaseInstance } from './delete-load-balancer.ts';
import { CreateLoadBalancerHTTPListener } from './http-listeners.ts';
import { CreateLoadBalancerHTTPSListener } from './https-listeners.ts';
import {
  DescribeLoadBalancerAttribute,
  DescribeLoadBalancerSpec,
  DescribeLoadBalancers,
} from './load-balancer-views.ts';
import { ModifyLoadBalancerAttribute, SetLoadBalancerStatus } from './load-balancers.ts';
import { CreateLoadBalancerTCPListener } from './tcp-listeners.ts';

let bench: Bench;

before(async () => {
  bench = await openBench();
  await furnish(bench);
  await furnish(bench, { site: 'small', pool: '192.0.2.0/30', instances: 0 });
  await furnish(bench, { site: 'six', pool: '2001:db8::/64', instances: 0 });
});
after(() => bench.close());

const wanted = (site = 'local', more: object = {}) => ({
  EnsRegionId: site,
  LoadBalancerSpec: 'elb.s2.medium',
  NetworkId: `n-${site}`,
  PayType: 'PostPaid',
  VSwitchId: `vsw-${site}`,
  ...more,
});
const create = async (site?: string, more?: object, how = {}) =>
  (await bench.call(CreateLoadBalancer, wanted(site, more), how)).output;
const describeOne = async (LoadBalancerId: string) =>
  (await bench.call(DescribeLoadBalancerAttribute, { LoadBalancerId })).output;
const remove = (LoadBalancerId: string) => bench.call(DeleteLoadBalancer, { LoadBalancerId });

describe('CreateLoadBalancer', () => {
  test('makes a load balancer that is active at once, with an address of the pool', async () => {
    await furnish(bench, { site: 'first', instances: 0 });
    const created = await create('first', { LoadBalancerName: '边缘 1' });
    assert.match(created.LoadBalancerId, /^lb-5/);
    assert.deepEqual(await describeOne(created.LoadBalancerId), {
      LoadBalancerId: created.LoadBalancerId,
      LoadBalancerName: '边缘 1',
      LoadBalancerStatus: 'Active',
      LoadBalancerType: 'CLB',
      LoadBalancerSpec: 'elb.s2.medium',
      Address: '127.0.0.1',
      AddressIPVersion: 'ipv4',
      AddressType: 'intranet',
      CreateTime: new Date(bench.clock.now).toISOString().replace('.000Z', 'Z'),
      EnsRegionId: 'first',
      NetworkId: 'n-first',
      VSwitchId: 'vsw-first',
      PayType: 'PostPaid',
      Bandwidth: -1,
      EndTime: '',
      BackendServers: [],
      ListenerPorts: [],
      ListenerPortsAndProtocols: [],
    });
  });

  test('without a name it has an empty one', async () => {
    const created = await create();
    assert.equal(created.LoadBalancerName, '');
  });

  test('addresses are unique, run out, and come free', async () => {
    const [one, two] = [await create('small'), await create('small')];
    assert.equal((await describeOne(one.LoadBalancerId)).Address, '192.0.2.1');
    assert.equal((await describeOne(two.LoadBalancerId)).Address, '192.0.2.2');
    await assert.rejects(create('small'), failsWith('ens.interface.error', /no free address/));
    await remove(one.LoadBalancerId);
    const three = await create('small');
    assert.equal((await describeOne(three.LoadBalancerId)).Address, '192.0.2.1');
  });

  test('a pool of IPv6 gives IPv6 addresses', async () => {
    const { Address, AddressIPVersion } = await describeOne((await create('six')).LoadBalancerId);
    assert.deepEqual([Address, AddressIPVersion], ['2001:db8::1', 'ipv6']);
  });

  test('creations at once get different addresses', async () => {
    const many = await Promise.all(Array.from({ length: 40 }, () => create()));
    const addresses = await Promise.all(
      many.map(async ({ LoadBalancerId }) => (await describeOne(LoadBalancerId)).Address),
    );
    assert.equal(new Set(addresses).size, 40);
  });

  test('a crowded pool still gives a free address, and its last one', async () => {
    await furnish(bench, { site: 'crowded', pool: '10.128.0.0/22', instances: 0 });
    const hosts = Array.from({ length: 1022 }, (_, n) => `10.128.${(n + 1) >> 8}.${(n + 1) & 255}`);
    for (let start = 0; start < 1021; start += 100) {
      const held = hosts.slice(start, Math.min(start + 100, 1021));
      const puts = held.map((address) => ({ key: keys.address('crowded', address), value: '{}' }));
      await bench.store.commit({ ifRevision: new Map(), puts, deletes: [] });
    }
    const { Address } = await describeOne((await create('crowded')).LoadBalancerId);
    assert.equal(Address, hosts.at(-1));
    await assert.rejects(create('crowded'), failsWith('ens.interface.error', /no free address/));
    const free = [keys.address('crowded', hosts[7]!), keys.address('crowded', hosts[900]!)];
    await bench.store.commit({ ifRevision: new Map(), puts: [], deletes: free });
    await create('crowded');
    await create('crowded');
  });

  test('refuses what is missing, malformed, or does not belong together', async () => {
    const refused = (more: object, code: string) =>
      assert.rejects(create('local', more), failsWith(code));
    await refused({ EnsRegionId: '' }, 'MissingEnsRegionId');
    await refused({ NetworkId: '' }, 'MissingNetworkId');
    await refused({ EnsRegionId: 'nowhere' }, 'InvalidParameter.EnsRegionId');
    await refused({ LoadBalancerSpec: 'elb.s9.huge' }, 'InvalidLoadBalancerSpec');
    await refused({ PayType: 'PrePaid' }, 'InvalidPayType');
    await refused({ LoadBalancerType: 'ALB' }, 'InvalidLoadBalancerType');
    await refused({ NetworkId: 'n-unknown' }, 'InvalidParameter.NetworkId');
    await refused({ NetworkId: 'n-small' }, 'InvalidParameter.NetworkId');
    await refused({ VSwitchId: 'vsw-unknown' }, 'InvalidParameter.VSwitchId');
    await refused({ VSwitchId: 'vsw-small' }, 'InvalidParameter.VSwitchId');
    await refused({ ClientToken: 'x'.repeat(65) }, 'InvalidClientToken');
    await refused({ ClientToken: 'é' }, 'InvalidClientToken');
    for (const name of ['http://a', 'https://a', 'x'.repeat(81), 'a\nb', 'a\u2028b']) {
      await refused({ LoadBalancerName: name }, 'InvalidLoadBalancerName');
    }
    await create('local', { LoadBalancerName: '😀'.repeat(80) });
    await assert.rejects(
      create('local', {}, { account: '2' }),
      failsWith('InvalidParameter.EnsRegionId'),
    );
  });

  test('the drain header becomes the setting of the load balancer', async () => {
    const { LoadBalancerId: id } = await create('local', {}, { extensions: { drainSeconds: 5 } });
    assert.equal((await storedLoadBalancer(bench, id))?.drainSeconds, 5);
    const { LoadBalancerId: other } = await create();
    assert.equal((await storedLoadBalancer(bench, other))?.drainSeconds, limits.drainSeconds);
  });
});

describe('a ClientToken', () => {
  test('sent again with the same parameters answers the same and creates nothing', async () => {
    const first = await create('local', { ClientToken: 'token-1' });
    assert.deepEqual(await create('local', { ClientToken: 'token-1' }), first);
    const other = await create('local', { ClientToken: 'token-2' });
    assert.notEqual(other.LoadBalancerId, first.LoadBalancerId);
  });

  test('sent by many at once creates one load balancer', async () => {
    const parameters = { ClientToken: 'token-at-once' };
    const all = await Promise.all(Array.from({ length: 8 }, () => create('local', parameters)));
    assert.equal(new Set(all.map(({ LoadBalancerId }) => LoadBalancerId)).size, 1);
  });

  test('sent again with other parameters is refused', async () => {
    await create('local', { ClientToken: 'token-3' });
    await assert.rejects(
      create('local', { ClientToken: 'token-3', LoadBalancerName: 'other' }),
      failsWith('IdempotentParameterMismatch'),
    );
  });

  test('counts for nothing after a refusal', async () => {
    const parameters = { ClientToken: 'token-4', VSwitchId: 'vsw-unknown' };
    await assert.rejects(create('local', parameters), failsWith('InvalidParameter.VSwitchId'));
    await create('local', { ClientToken: 'token-4' });
  });

  test("of one account is not another's", async () => {
    await create('local', { ClientToken: 'token-5' });
    await assert.rejects(
      create('local', { ClientToken: 'token-5', LoadBalancerName: 'x' }, { account: '2' }),
      failsWith('InvalidParameter.EnsRegionId'),
    );
  });

  test('counts for 10 minutes, and expired ones are deleted along the way', async () => {
    const tokens = async () => (await bench.store.range('token/')).entries.length;
    const first = await create('local', { ClientToken: 'token-6' });
    await create('local', { ClientToken: 'token-7' });
    assert.ok((await tokens()) >= 2);
    bench.clock.now += limits.clientToken - 1;
    assert.deepEqual(await create('local', { ClientToken: 'token-6' }), first);
    bench.clock.now += 1;
    const again = await create('local', { ClientToken: 'token-6' });
    assert.notEqual(again.LoadBalancerId, first.LoadBalancerId);
    assert.equal(await tokens(), 1);
  });
});

describe('DeleteLoadBalancer', () => {
  test('deletes an active one with servers and listeners; nothing is left but why', async () => {
    const { LoadBalancerId } = await create();
    const { Address } = await describeOne(LoadBalancerId);
    const BackendServers = [{ ServerId: 'i-1' }];
    await bench.call(AddBackendServers, { LoadBalancerId, BackendServers });
    await bench.call(CreateLoadBalancerTCPListener, { LoadBalancerId, ListenerPort: 80 });
    const { output, headers } = await remove(LoadBalancerId);
    assert.deepEqual(output, {});
    assert.ok(headers.revision);
    assert.equal(await storedLoadBalancer(bench, LoadBalancerId), undefined);
    assert.equal(await bench.read(keys.loadBalancerSite(LoadBalancerId)), undefined);
    assert.equal(await bench.read(keys.address('local', Address)), undefined);
    const { requestId, ...tombstone } =
      (await bench.read<{ requestId: string }>(keys.tombstone('local', LoadBalancerId))) ?? {};
    assert.match(requestId ?? '', /^request-/);
    assert.deepEqual(tombstone, {
      v: 1,
      id: LoadBalancerId,
      at: new Date(bench.clock.now).toISOString().replace('.000Z', 'Z'),
    });
  });

  test('once deleted it is not found: 404 for its description, 400 for all else', async () => {
    const { LoadBalancerId } = await create();
    await remove(LoadBalancerId);
    const status = (code: number) => (error: { code?: string; status?: number }) =>
      error.code === 'LoadBalancerNotFound' && error.status === code;
    await assert.rejects(describeOne(LoadBalancerId), status(404));
    await assert.rejects(describeOne('lb-unknown'), status(404));
    await assert.rejects(remove(LoadBalancerId), status(400));
    const SetStatus = { LoadBalancerId, LoadBalancerStatus: 'Active' };
    await assert.rejects(bench.call(SetLoadBalancerStatus, SetStatus), status(400));
  });

  test('ReleaseInstance deletes it too, and knows nothing else', async () => {
    const { LoadBalancerId: InstanceId } = await create();
    await bench.call(ReleaseInstance, { InstanceId });
    assert.equal(await storedLoadBalancer(bench, InstanceId), undefined);
    for (const unknown of [InstanceId, 'i-1']) {
      const parameters = { InstanceId: unknown };
      await assert.rejects(bench.call(ReleaseInstance, parameters), failsWith('InstanceNotFound'));
    }
  });

  test('deleted by two at once, one of them is told that it is gone', async () => {
    const { LoadBalancerId } = await create();
    const outcomes = await Promise.allSettled([remove(LoadBalancerId), remove(LoadBalancerId)]);
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  });

  test('reasons of deletions long past are deleted along the way', async () => {
    const first = await create();
    await remove(first.LoadBalancerId);
    bench.clock.now += limits.tombstone;
    const second = await create();
    await remove(second.LoadBalancerId);
    const gone = await bench.store.range(keys.tombstones('local'));
    assert.deepEqual(
      gone.entries.map(({ key }) => key),
      [keys.tombstone('local', second.LoadBalancerId)],
    );
  });
});

describe('ModifyLoadBalancerAttribute', () => {
  const modify = (LoadBalancerId: string, LoadBalancerName: string, how = {}) =>
    bench.call(ModifyLoadBalancerAttribute, { LoadBalancerId, LoadBalancerName }, how);

  test('renames, and stores the drain time of the header', async () => {
    const { LoadBalancerId: id } = await create();
    await modify(id, 'new name', { extensions: { drainSeconds: 90 } });
    await modify(id, 'newer name');
    const stored = await storedLoadBalancer(bench, id);
    assert.deepEqual([stored?.name, stored?.drainSeconds], ['newer name', 90]);
  });

  test('takes 2 to 128 characters', async () => {
    const { LoadBalancerId: id } = await create();
    await modify(id, 'x'.repeat(128));
    for (const name of ['x', 'x'.repeat(129), 'http://x']) {
      await assert.rejects(modify(id, name), failsWith('InvalidLoadBalancerName'));
    }
    const none = bench.call(ModifyLoadBalancerAttribute, { LoadBalancerId: id });
    await assert.rejects(none, failsWith('MissingLoadBalancerName'));
  });
});

test('a load balancer without a name has an empty one, and Modify takes that', async () => {
  const { LoadBalancerId } = await create('local', { LoadBalancerName: '' });
  assert.equal((await describeOne(LoadBalancerId)).LoadBalancerName, '');
  const modify = (LoadBalancerName: string) =>
    bench.call(ModifyLoadBalancerAttribute, { LoadBalancerId, LoadBalancerName });
  await modify('named');
  await modify('');
  assert.equal((await describeOne(LoadBalancerId)).LoadBalancerName, '');
});

test('SetLoadBalancerStatus switches forwarding off and on', async () => {
  const { LoadBalancerId } = await create();
  const set = (LoadBalancerStatus: string) =>
    bench.call(SetLoadBalancerStatus, { LoadBalancerId, LoadBalancerStatus });
  for (const status of ['InActive', 'InActive', 'Active']) {
    await set(status);
    assert.equal((await describeOne(LoadBalancerId)).LoadBalancerStatus, status);
  }
  await assert.rejects(set('inactive'), failsWith('InvalidLoadBalancerStatus'));
});

test('a description lists servers flat, their Port as text, and listeners', async () => {
  const { LoadBalancerId } = await create();
  const BackendServers = [{ ServerId: 'i-1', Port: 8080, Weight: 5 }];
  await bench.call(AddBackendServers, { LoadBalancerId, BackendServers });
  const listener = { LoadBalancerId, HealthCheck: 'on' };
  await bench.call(CreateLoadBalancerHTTPSListener, {
    ...listener,
    ListenerPort: 443,
    ServerCertificateId: await putCertificate(bench),
  });
  await bench.call(CreateLoadBalancerHTTPListener, {
    ...listener,
    ListenerPort: 80,
    BackendServerPort: 8000,
    Description: 'to https',
    ListenerForward: 'on',
    ForwardPort: 443,
  });
  const described = await describeOne(LoadBalancerId);
  assert.deepEqual(described.BackendServers, [
    { ServerId: 'i-1', Ip: '10.0.0.1', Port: '8080', Type: 'ens', Weight: 5 },
  ]);
  assert.deepEqual(described.ListenerPorts, ['443', '80']);
  assert.deepEqual(described.ListenerPortsAndProtocols, [
    {
      ListenerPort: 443,
      ListenerProtocol: 'https',
      BackendServerPort: 0,
      ListenerForward: 'off',
    },
    {
      ListenerPort: 80,
      ListenerProtocol: 'http',
      BackendServerPort: 8000,
      Description: 'to https',
      ListenerForward: 'on',
      ForwardPort: 443,
    },
  ]);
});

describe('DescribeLoadBalancers', () => {
  const list = async (parameters: object, how = {}) =>
    (await bench.call(DescribeLoadBalancers, { ...parameters }, how)).output;
  const ids = async (parameters: object, how = {}) =>
    (await list(parameters, how)).LoadBalancers.LoadBalancer.map(
      (each: { LoadBalancerId: string }) => each.LoadBalancerId,
    );
  let one: string;
  let two: string;

  before(async () => {
    await furnish(bench, { site: 'listed', instances: 0, pool: '2001:db8:1::/64' });
    one = (await create('listed', { LoadBalancerName: 'one' })).LoadBalancerId;
    two = (await create('listed', { LoadBalancerName: 'two', LoadBalancerType: 'InternetDR' }))
      .LoadBalancerId;
    const LoadBalancerStatus = 'InActive';
    await bench.call(SetLoadBalancerStatus, { LoadBalancerId: two, LoadBalancerStatus });
  });

  test('filters narrow the list together', async () => {
    const site = { EnsRegionId: 'listed' };
    assert.deepEqual((await ids(site)).toSorted(), [one, two].toSorted());
    for (const [filter, expected] of [
      [{ ...site, LoadBalancerName: 'one' }, [one]],
      [{ ...site, LoadBalancerName: 'on' }, []],
      [{ ...site, LoadBalancerStatus: 'InActive' }, [two]],
      [{ ...site, LoadBalancerType: 'CLB' }, [one]],
      [{ ...site, LoadBalancerName: 'one', LoadBalancerType: 'InternetDR' }, []],
      [{ Address: '2001:DB8:1:0::1' }, [one]],
      [{ LoadBalancerId: two }, [two]],
      [{ LoadBalancerId: two, LoadBalancerName: 'one' }, []],
      [{ LoadBalancerId: 'lb-unknown' }, []],
      [
        { EnsRegionIds: '["listed","six"]', VSwitchId: 'vsw-listed', LoadBalancerName: 'two' },
        [two],
      ],
      [{ 'EnsRegionIds.1': 'six', LoadBalancerName: 'two' }, []],
      [{ NetworkId: 'n-listed', LoadBalancerName: 'two' }, [two]],
    ] as const) {
      assert.deepEqual(await ids(filter), expected, JSON.stringify(filter));
    }
  });

  test('finds the load balancers that hold a server', async () => {
    const { LoadBalancerId } = await create();
    await bench.call(AddBackendServers, { LoadBalancerId, BackendServers: '[{"ServerId":"i-3"}]' });
    assert.deepEqual(await ids({ ServerId: 'i-3' }), [LoadBalancerId]);
  });

  test('pages', async () => {
    await Promise.all(Array.from({ length: 11 }, () => create()));
    const first = await list({});
    assert.deepEqual([first.PageNumber, first.PageSize], [1, 10]);
    assert.equal(first.LoadBalancers.LoadBalancer.length, 10);
    const all: string[] = [];
    for (let PageNumber = 1; all.length < first.TotalCount; PageNumber++) {
      all.push(...(await ids({ PageNumber, PageSize: 100 })));
    }
    assert.equal(new Set(all).size, first.TotalCount);
    assert.deepEqual(await ids({ PageNumber: 1000 }), []);
    await assert.rejects(list({ PageSize: 9 }), failsWith('InvalidParameter.PageSize'));
    await assert.rejects(list({ PageNumber: 0 }), failsWith('InvalidParameter.PageNumber'));
  });

  test("shows nothing of another account's", async () => {
    assert.equal((await list({}, { account: '2' })).TotalCount, 0);
    assert.deepEqual(await ids({ LoadBalancerId: one }, { account: '2' }), []);
  });
});

test('DescribeLoadBalancerSpec lists the specifications', async () => {
  const { output } = await bench.call(DescribeLoadBalancerSpec, {});
  assert.equal(output.TotalCount, 5);
  const small = { LoadBalancerSpec: 'elb.s1.small' };
  const one = (await bench.call(DescribeLoadBalancerSpec, small)).output;
  assert.deepEqual(one.LoadBalancerSpecs, [{ ...small, DisplayName: 'Lite' }]);
});
