import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import openApiUtil from '@alicloud/openapi-util';
import { RpcClient } from '../../src/client.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';
import { callGenerically } from './generic-client.ts';

/** The audit log by Alibaba Cloud's own client (Node, generic, signature V3), and by ours. */

let sluice: Sluice;
before(async () => {
  sluice = await startSluice({ mode: 'control-plane', environment: { SLUICE_AUDIT: 'reads' } });
  await sluice.client.call('Sluice', 'RegisterSite', {
    EnsRegionId: 'edge-1',
    AddressPool: '127.0.0.0/24',
  });
});
after(() => sluice.stop());

const lookUp = (query: Record<string, unknown>) =>
  callGenerically(sluice.endpoint, rootKey, {
    action: 'LookupEvents',
    version: '2020-07-06',
    query: openApiUtil.default.query(query),
  });

const condition = (Key: string, Value: string) => ({ LookupAttribute: [{ Key, Value }] });

test('a change is looked up by its action, its resource and its caller', async () => {
  for (const [key, value] of [
    ['EventName', 'RegisterSite'],
    ['ResourceName', 'edge-1'],
    ['ResourceType', 'ACS::Sluice::Site'],
  ] as const) {
    const { Events, RequestId } = await lookUp(condition(key, value));
    assert.ok(RequestId);
    const [event] = Events;
    assert.equal(event.eventName, 'RegisterSite', key);
    assert.equal(event.userIdentity.accessKeyId, rootKey.accessKeyId);
    assert.equal(event.eventSource, new URL(sluice.endpoint).host);
  }
});

test('a refused change and a read are looked up too, a little later', async () => {
  const refused = sluice.client.call('Ens', 'DeleteNetwork', { NetworkId: 'n-nowhere' });
  await assert.rejects(refused);
  await sluice.client.call('Sluice', 'DescribeSites', {});
  const eventOf = (name: string) =>
    until(async () => (await lookUp(condition('EventName', name))).Events[0], { what: name });
  const event = await eventOf('DeleteNetwork');
  assert.ok(event.errorCode);
  assert.ok(event.errorMessage);
  assert.equal(event.resourceName, 'n-nowhere');
  assert.equal((await eventOf('DescribeSites')).eventRW, 'Read');
});

test('a denied call is looked up by the caller that it was denied to', async () => {
  const named = { EnsRegionId: 'edge-1', ForwarderName: 'f-1' };
  const { body } = await sluice.client.call('Sluice', 'RegisterForwarder', named);
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const forwarder = new RpcClient({
    endpoint: sluice.endpoint,
    accessKeyId: AccessKeyId!,
    accessKeySecret: AccessKeySecret!,
  });
  try {
    await assert.rejects(forwarder.call('Ens', 'DescribeLoadBalancers', {}));
  } finally {
    await forwarder.close();
  }
  const denied = await until(
    async () => (await lookUp(condition('User', 'forwarder:edge-1/f-1'))).Events[0],
    { what: 'the denied call' },
  );
  assert.equal(denied.errorCode, 'NoPermission');
  assert.equal(denied.additionalEventData.DecidedBy, 'ImplicitDeny');
  const { Events } = await lookUp({ MaxResults: '50' });
  assert.ok(!JSON.stringify(Events).includes(AccessKeySecret!));
});

test('a bad search is refused with the documented code', async () => {
  const refusedWith = (code: string) => (error: unknown) =>
    (error as { readonly code: string }).code === code;
  await assert.rejects(lookUp(condition('Colour', 'red')), refusedWith('InvalidQueryParameter'));
  await assert.rejects(lookUp({ StartTime: 'x' }), refusedWith('InvalidParameterStartTime'));
});

test('the command line exports the log as JSON lines, and verifies it', async () => {
  const run = (...args: string[]) =>
    execFileSync(process.execPath, [mainFile, 'audit', ...args, '--endpoint', sluice.endpoint], {
      encoding: 'utf8',
      env: {
        ...process.env,
        ALIBABA_CLOUD_ACCESS_KEY_ID: rootKey.accessKeyId,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
      },
    });
  const events = run('export').trimEnd().split('\n');
  assert.equal(JSON.parse(events[0]!).eventName, 'RegisterSite');
  const newest = await until(
    () => /records in [1-9].*\nnewest seal (\d+:[\w-]{43})\n$/.exec(run('verify'))?.[1],
    { what: 'a first seal' },
  );
  assert.match(run('verify', '--expect', newest), /^ok {2}/);
  const gone = `9999:${newest.split(':')[1]}`;
  assert.throws(() => run('verify', '--expect', gone), { status: 1, stdout: /^NOT INTACT/ });
});

const mainFile = new URL('../../src/main.ts', import.meta.url).pathname;
