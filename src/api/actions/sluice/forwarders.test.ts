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
import { limits } from '../../../limits.ts';
import { keys } from '../../../store/keys.ts';
import type { AccessKeyRecord } from '../../access-keys.ts';
import { DeregisterForwarder, DescribeForwarders, RegisterForwarder } from './forwarders.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 0 });
  await furnish(bench, { site: 'north', instances: 0 });
});
afterEach(() => bench.close());

const edge = { EnsRegionId: 'local', ForwarderName: 'edge-1' };
const everywhere = { EnsRegionId: '*', ForwarderName: 'up-1' };

async function register(parameters: Record<string, unknown> = edge) {
  return (await bench.call(RegisterForwarder, parameters)).output;
}
const accessKey = (id: string) => bench.read<AccessKeyRecord>(keys.accessKey(id));

async function listed(parameters: Record<string, unknown> = {}) {
  return (await bench.call(DescribeForwarders, parameters)).output.Forwarders.Forwarder;
}

describe('a forwarder that is registered', () => {
  test('gets an access key that is its own, sealed where it is kept', async () => {
    const { AccessKeyId, AccessKeySecret } = await register();
    assert.match(AccessKeySecret, /^.{20,}$/);
    assert.deepEqual(await accessKey(AccessKeyId), {
      v: 1,
      id: AccessKeyId,
      account: '1000000000000001',
      principal: { kind: 'forwarder', site: 'local', name: 'edge-1' },
      secret: AccessKeySecret,
      status: 'Active',
      createTime: '2026-11-24T08:00:00Z',
    });
  });

  test('has its secret in no audit record', async () => {
    const { AccessKeySecret } = await register();
    const { entries } = await bench.store.range('audit/');
    assert.ok(entries.length > 0);
    for (const { value } of entries) assert.ok(!value.includes(AccessKeySecret));
  });

  test('again gets a new key, and the one before is gone', async () => {
    const first = await register();
    const second = await register();
    assert.notEqual(first.AccessKeyId, second.AccessKeyId);
    assert.equal(await accessKey(first.AccessKeyId), undefined);
    assert.notEqual(await accessKey(second.AccessKeyId), undefined);
    assert.equal((await listed()).length, 1);
  });

  test('belongs to a site that is registered, or to all without their own', async () => {
    await register(everywhere);
    const unknown = register({ ...edge, EnsRegionId: 'nowhere' });
    await assert.rejects(unknown, failsWith('InvalidEnsRegionId'));
  });

  test('belongs to its account, and of all sites to the first one alone', async () => {
    await register(everywhere);
    const by = { account: '2000000000000002' };
    const others = bench.call(RegisterForwarder, everywhere, by);
    await assert.rejects(others, failsWith('NoPermission'));
    await assert.rejects(
      bench.call(DeregisterForwarder, everywhere, by),
      failsWith('InvalidParameter.ForwarderName'),
    );
    const { output } = await bench.call(DescribeForwarders, {}, by);
    assert.deepEqual(output.Forwarders.Forwarder, []);
  });

  test('has a name that can stand in a key', async () => {
    for (const ForwarderName of ['a/b', '*', '-a', 'a b', 'a'.repeat(65)]) {
      const call = register({ ...edge, ForwarderName });
      await assert.rejects(call, failsWith('InvalidForwarderName'), ForwarderName);
    }
  });

  test('is forgotten with its key', async () => {
    const { AccessKeyId } = await register();
    await bench.call(DeregisterForwarder, edge);
    assert.equal(await accessKey(AccessKeyId), undefined);
    assert.deepEqual(await listed(), []);
    await assert.rejects(
      bench.call(DeregisterForwarder, edge),
      failsWith('InvalidParameter.ForwarderName', /no such forwarder/),
    );
  });
});

describe('the list of forwarders', () => {
  test('tells the live ones from those that are not heard of', async () => {
    await register();
    await register(everywhere);
    bench.forwarders.push(forwarder({ site: 'local', name: 'edge-1', revision: 7 }));
    const [all, own] = await listed();
    assert.deepEqual(
      [all.ForwarderName, all.EnsRegionId, all.Live, all.Sites.Site],
      ['up-1', '*', false, []],
    );
    assert.equal(own.Live, true);
    assert.deepEqual(own.Sites.Site, [
      {
        EnsRegionId: 'local',
        State: 'live',
        SilentSince: '',
        Counted: true,
        Fences: false,
        Revision: 7,
        SiteRevision: 0,
        Behind: 0,
        BehindLoadBalancers: [],
        Engine: 'test',
        FailureCount: 0,
        Failures: { Failure: [] },
        Notices: [],
      },
    ]);
    assert.deepEqual(await listed({ EnsRegionId: 'local' }), [own]);
    assert.deepEqual(await listed({ EnsRegionId: '*' }), [all]);
  });

  test('names the load balancers whose last change a forwarder lacks', async () => {
    await register();
    const ids = [await createLoadBalancer(bench), await createLoadBalancer(bench)];
    const last = await bench.store.get(keys.loadBalancer('local', ids[1]!));
    await createLoadBalancer(bench, 'north');
    bench.forwarders.push(forwarder({ name: 'edge-1', revision: last!.revision - 1 }));
    const [own] = await listed();
    const { Behind, BehindLoadBalancers, SiteRevision } = own.Sites.Site[0];
    assert.deepEqual([Behind, BehindLoadBalancers], [1, [ids[1]]]);
    assert.equal(SiteRevision, last!.revision);
  });

  test('tells what failed: the first of many, and how many there are', async () => {
    await register(everywhere);
    const failures = Array.from({ length: limits.failuresTold + 1 }, (_, index) => ({
      loadBalancerId: `lb-${index}`,
      reason: 'port 80 is taken',
      ...(index === 0 ? { listener: 'tcp-80' } : {}),
    }));
    bench.forwarders.push(
      forwarder({ site: 'north', name: 'up-1', failures, notices: ['the disk is full'] }),
    );
    const [all] = await listed();
    const [north] = all.Sites.Site;
    assert.equal(north.EnsRegionId, 'north');
    assert.equal(north.FailureCount, failures.length);
    assert.equal(north.Failures.Failure.length, limits.failuresTold);
    assert.deepEqual(north.Failures.Failure.slice(0, 2), [
      { LoadBalancerId: 'lb-0', Listener: 'tcp-80', Reason: 'port 80 is taken' },
      { LoadBalancerId: 'lb-1', Listener: '', Reason: 'port 80 is taken' },
    ]);
    assert.deepEqual(north.Notices, ['the disk is full']);
  });
});
