import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
  testProof,
} from '../../../../test/support/call.ts';
import { limits } from '../../../limits.ts';
import { keys } from '../../../store/keys.ts';
import { AddBackendServers, RemoveBackendServers } from '../backend-servers.ts';
import { DescribeAuditRecords } from '../sluice/audit.ts';
import { ExportAuditEvents, VerifyAuditRecords } from '../sluice/audit-trail.ts';
import { actiontrailActions } from './index.ts';

const [LookupEvents] = actiontrailActions;

let bench: Bench;
let LoadBalancerId: string;
let other: string;

const servers = (...ids: string[]) => ids.map((ServerId) => ({ ServerId }));

before(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 3 });
  LoadBalancerId = await createLoadBalancer(bench);
  bench.clock.now += 1_000;
  other = await createLoadBalancer(bench);
  bench.clock.now += 1_000;
  await bench.call(AddBackendServers, { LoadBalancerId, BackendServers: servers('i-1', 'i-2') });
  bench.clock.now += 60_000;
  await bench.call(RemoveBackendServers, { LoadBalancerId, BackendServers: servers('i-1') });
});
after(() => bench.close());

async function look(parameters: Record<string, unknown> = {}) {
  const { output } = await bench.call(LookupEvents!, parameters);
  const names: string[] = output.Events.map((event: { eventName: string }) => event.eventName);
  return { ...output, names };
}

const condition = (...pairs: readonly [string, string][]) => ({
  LookupAttribute: pairs.map(([Key, Value]) => ({ Key, Value })),
});

const all = [
  'RemoveBackendServers',
  'AddBackendServers',
  'CreateLoadBalancer',
  'CreateLoadBalancer',
];

describe('LookupEvents', () => {
  test('tells of a change in the words of ActionTrail, and what only Sluice knows', async () => {
    const { Events } = await look({ MaxResults: '1' });
    const [{ additionalEventData, ...event }] = Events;
    const { revision } = (await bench.store.get(keys.loadBalancer('local', LoadBalancerId)))!;
    const parameters = { LoadBalancerId, BackendServers: '[{"ServerId":"i-1"}]' };
    assert.deepEqual(event, {
      eventId: event.requestId,
      eventVersion: '1',
      eventName: 'RemoveBackendServers',
      eventType: 'ApiCall',
      eventRW: 'Write',
      eventCategory: 'Management',
      eventTime: '2026-11-24T08:01:02Z',
      eventSource: '127.0.0.1:8080',
      serviceName: 'Ens',
      apiVersion: '2017-11-10',
      acsRegion: 'local',
      isGlobal: false,
      requestId: event.requestId,
      requestParameters: parameters,
      requestParameterJson: JSON.stringify(parameters),
      resourceType: 'ACS::ENS::LoadBalancer',
      resourceName: LoadBalancerId,
      referencedResources: { 'ACS::ENS::LoadBalancer': [LoadBalancerId] },
      sourceIpAddress: '192.0.2.1',
      userAgent: 'test',
      userIdentity: {
        type: 'root-account',
        principalId: '1000000000000001',
        userName: 'root',
        accountId: '1000000000000001',
        accessKeyId: 'LTAI5tTest',
      },
      recipientAccountId: '1000000000000001',
    });
    const { Changes, ...ours } = additionalEventData;
    assert.deepEqual(ours, {
      Scheme: 'http',
      Time: '2026-11-24T08:01:02.000Z',
      DecidedBy: 'root',
      Revision: revision,
      IgnoredServers: [],
    });
    assert.equal(Changes[0].Key, keys.loadBalancer('local', LoadBalancerId));
    assert.equal(Changes[0].Before.backends.length, 2);
    assert.equal(Changes[0].After.backends.length, 1);
  });

  test('tells what a creation answered', async () => {
    const { Events } = await look({ Direction: 'FORWARD', MaxResults: '1' });
    assert.equal(Events[0].responseElements.LoadBalancerId, LoadBalancerId);
  });

  test('goes back from the newest event, or forward from the oldest', async () => {
    assert.deepEqual((await look()).names, all);
    assert.deepEqual((await look({ Direction: 'FORWARD' })).names, all.toReversed());
    assert.equal((await look()).NextToken, undefined);
  });

  test('in pages is the whole in either direction, each event once', async () => {
    for (const Direction of ['FORWARD', 'BACKWARD']) {
      const whole = await look({ Direction });
      const seen: unknown[] = [];
      let NextToken: string | undefined;
      do {
        const page = await look({ Direction, MaxResults: '1', NextToken: NextToken ?? '' });
        seen.push(...page.Events);
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      assert.deepEqual(seen, whole.Events);
    }
  });

  test('takes one condition or two, to the letter', async () => {
    const removals = [all[0]];
    const cases: readonly [readonly [string, string][], readonly (string | undefined)[]][] = [
      [[['EventName', 'RemoveBackendServers']], removals],
      [[['EventName', 'removebackendservers']], []],
      [[['User', 'root']], all],
      [[['User', 'alice']], []],
      [[['ResourceName', LoadBalancerId]], [all[0], all[1], all[3]]],
      [[['ResourceName', other]], [all[2]]],
      [[['ResourceType', 'ACS::ENS::LoadBalancer']], all],
      [[['ResourceType', 'ACS::ENS::Network']], []],
      [[['EventRW', 'Read']], []],
      [[['ServiceName', 'Ens']], all],
      [[['EventAccessKeyId', 'LTAI5tTest']], all],
      [[['SourceIpAddress', '192.0.2.1']], all],
      [[['EventType', 'ApiCall']], all],
      [[['SensitiveAction', 'true']], []],
      [[['RoleName', 'root']], []],
      [
        [
          ['ResourceName', LoadBalancerId],
          ['EventName', 'CreateLoadBalancer'],
        ],
        [all[3]],
      ],
      [
        [
          ['EventName', 'CreateLoadBalancer'],
          ['EventName', 'RemoveBackendServers'],
        ],
        removals,
      ],
      [
        [
          ['ServiceName', 'Ens'],
          ['EventRW', 'Write'],
          ['EventName', 'Nothing'],
        ],
        all,
      ],
    ];
    for (const [pairs, names] of cases) {
      assert.deepEqual((await look(condition(...pairs))).names, names, JSON.stringify(pairs));
    }
    const [{ eventId }] = (await look({ MaxResults: '1' })).Events;
    assert.deepEqual((await look(condition(['EventId', eventId]))).names, removals);
  });

  test('keeps to its times, which are the last seven days unless said', async () => {
    const StartTime = '2026-11-24T08:00:01Z';
    const EndTime = '2026-11-24T08:01:02Z';
    const found = await look({ StartTime, EndTime });
    assert.deepEqual(
      [found.names, found.StartTime, found.EndTime],
      [[all[1], all[2]], StartTime, EndTime],
    );
    const { StartTime: start, EndTime: end } = await look();
    assert.equal(Date.parse(end) - Date.parse(start), 7 * 86_400_000);
  });

  test('shows an account nothing of another', async () => {
    const { output } = await bench.call(LookupEvents!, {}, { account: '2000000000000002' });
    assert.deepEqual(output.Events, []);
  });

  test('refuses what it cannot take with the documented code', async () => {
    const cases: readonly [Record<string, unknown>, string][] = [
      [{ StartTime: 'yesterday' }, 'InvalidParameterStartTime'],
      [{ StartTime: '2026-13-24T08:00:00Z' }, 'InvalidParameterStartTime'],
      [{ EndTime: '2026-11-24' }, 'InvalidParameterEndTime'],
      [
        { StartTime: '2026-11-24T08:00:00Z', EndTime: '2026-11-24T08:00:00Z' },
        'InvalidParameterCombination',
      ],
      [{ Direction: 'UP' }, 'InvalidQueryParameter'],
      [{ MaxResults: '51' }, 'InvalidQueryParameter'],
      [{ MaxResults: '-1' }, 'InvalidQueryParameter'],
      [{ NextToken: 'accesskey/x' }, 'InvalidQueryParameter'],
      [condition(['EventColour', 'red']), 'InvalidQueryParameter'],
      [condition(['constructor', 'red']), 'InvalidQueryParameter'],
      [{ LookupAttribute: [{ Key: 'User' }] }, 'MissingValue'],
    ];
    for (const [parameters, code] of cases) {
      const call = bench.call(LookupEvents!, parameters);
      await assert.rejects(call, failsWith(code), JSON.stringify(parameters));
    }
  });

  test('agrees with DescribeAuditRecords and ExportAuditEvents', async () => {
    const { Events } = await look();
    const described = (await bench.call(DescribeAuditRecords, {})).output;
    const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId);
    assert.deepEqual(
      described.AuditRecords.AuditRecord.map(({ RequestId }: { RequestId: string }) => RequestId),
      ids(Events),
    );
    const exported = (await bench.call(ExportAuditEvents, {})).output;
    assert.deepEqual(exported.Events.toReversed(), Events);
  });
});

test('ExportAuditEvents pages forward to the end', async () => {
  const seen: unknown[] = [];
  let NextToken = '';
  do {
    const { output } = await bench.call(ExportAuditEvents, { MaxResults: 3, NextToken });
    seen.push(...output.Events);
    NextToken = output.NextToken;
  } while (NextToken !== '');
  assert.equal(seen.length, all.length);
});

test('VerifyAuditRecords proves what no seal has, and names what nobody wrote', async () => {
  const { output } = await bench.call(VerifyAuditRecords, {});
  assert.deepEqual(output, {
    Intact: true,
    Seals: 0,
    Records: 0,
    UnsealedRecords: all.length,
    NewestSeal: '0:',
    NextToken: '',
  });
  const ExpectedSeal = `7:${'x'.repeat(43)}`;
  const cut = (await bench.call(VerifyAuditRecords, { ExpectedSeal })).output;
  assert.equal(cut.Intact, false);
  assert.equal(cut.Fault.Key, keys.auditSeal(7));
  const key = keys.audit('2026-11-24T09:00:00.000Z', 'made-up');
  await bench.put(key, { v: 1 });
  const found = (await bench.call(VerifyAuditRecords, {})).output;
  assert.deepEqual([found.Intact, found.Fault.Key, found.NextToken], [false, key, '']);
  await bench.store.commit({ ifRevision: new Map(), puts: [], deletes: [key] });
});

test('a lookup that finds little among many still ends, and goes on with its token', async () => {
  const own = await openBench();
  try {
    const start = Date.parse('2026-11-24T07:00:00Z');
    const template = { account: '1000000000000001', principal: { kind: 'root' }, product: 'Ens' };
    const puts = Array.from({ length: limits.auditScan + 1 }, (_, index) => {
      const time = new Date(start + index).toISOString();
      const action = index === 0 ? 'SetFreeze' : 'RegisterSite';
      const record = { v: 1, time, action, parameters: {}, changes: [], ignored: [] };
      return testProof.sign(keys.audit(time, `request-${index}`), { ...template, ...record });
    });
    while (puts.length > 0) {
      const part = puts.splice(0, limits.commitKeys);
      await own.store.commit({ ifRevision: new Map(), puts: part, deletes: [] });
    }
    const search = condition(['EventName', 'SetFreeze']);
    const first = (await own.call(LookupEvents!, search)).output;
    assert.deepEqual([first.Events.length, typeof first.NextToken], [0, 'string']);
    const { NextToken } = first;
    const second = (await own.call(LookupEvents!, { ...search, NextToken })).output;
    assert.deepEqual([second.Events.length, second.NextToken], [1, undefined]);
  } finally {
    await own.close();
  }
});
