import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
} from '../../../../test/support/call.ts';
import { limits } from '../../../limits.ts';
import { keys } from '../../../store/keys.ts';
import { AddBackendServers, RemoveBackendServers } from '../backend-servers.ts';
import { DescribeAuditRecords } from './audit.ts';

let bench: Bench;
let LoadBalancerId: string;
let other: string;
/** Unix milliseconds of the first call of the second day. */
let nextDay: number;

const servers = (...ids: string[]) => ids.map((ServerId) => ({ ServerId }));

before(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 3 });
  LoadBalancerId = await createLoadBalancer(bench);
  bench.clock.now += 1_000;
  other = await createLoadBalancer(bench);
  bench.clock.now += 1_000;
  const BackendServers = servers('i-1', 'i-2');
  await bench.call(AddBackendServers, { LoadBalancerId, BackendServers });
  bench.clock.now += 86_400_000;
  nextDay = bench.clock.now;
  await bench.call(RemoveBackendServers, {
    LoadBalancerId,
    BackendServers: servers('i-1', 'i-9'),
  });
});
after(() => bench.close());

interface Row {
  readonly RequestId: string;
  readonly Action: string;
}

async function listed(parameters: Record<string, unknown>) {
  const { output } = await bench.call(DescribeAuditRecords, parameters);
  const rows: Row[] = output.AuditRecords.AuditRecord;
  return { rows, actions: rows.map(({ Action }) => Action), NextToken: output.NextToken };
}

describe('the audit log', () => {
  test('tells of a change who, from where, what, before and after', async () => {
    const { rows, NextToken } = await listed({ MaxResults: 1 });
    const { revision } = (await bench.store.get(keys.loadBalancer('local', LoadBalancerId)))!;
    const attached = { type: 'ens', port: 0, weight: 100 };
    const [first, second] = [
      { serverId: 'i-1', ip: '10.0.0.1', ...attached },
      { serverId: 'i-2', ip: '10.0.0.2', ...attached },
    ];
    const [record] = JSON.parse(JSON.stringify(rows));
    const [change] = record.Changes.Change;
    assert.notEqual(NextToken, '');
    assert.deepEqual(
      { ...record, Changes: undefined, RequestId: undefined },
      {
        Time: new Date(nextDay).toISOString(),
        Revision: revision,
        RequestId: undefined,
        Product: 'Ens',
        Action: 'RemoveBackendServers',
        AccountId: '1000000000000001',
        Principal: 'root',
        AccessKeyId: 'LTAI5tTest',
        SourceIp: '192.0.2.1',
        UserAgent: 'test',
        Secure: false,
        DecidedBy: 'root',
        Truncated: false,
        OmittedCalls: 0,
        Parameters: {
          Parameter: [
            { Name: 'LoadBalancerId', Value: LoadBalancerId },
            { Name: 'BackendServers', Value: '[{"ServerId":"i-1"},{"ServerId":"i-9"}]' },
          ],
        },
        IgnoredServers: ['i-9'],
        Changes: undefined,
      },
    );
    assert.equal(change.Key, keys.loadBalancer('local', LoadBalancerId));
    assert.deepEqual(change.Before, { backends: [first, second], draining: [] });
    assert.deepEqual(change.After, {
      backends: [second],
      draining: [{ ...first, deadline: nextDay + 30_000 }],
    });
  });

  test('is listed from the newest record back', async () => {
    const { actions, NextToken } = await listed({});
    assert.deepEqual(actions, [
      'RemoveBackendServers',
      'AddBackendServers',
      'CreateLoadBalancer',
      'CreateLoadBalancer',
    ]);
    assert.equal(NextToken, '');
  });

  test('in pages is the whole, each record once', async () => {
    const seen: Row[] = [];
    for (let NextToken = '', turn = 0; turn < 10; turn++) {
      const page = await listed({ MaxResults: 1, NextToken });
      seen.push(...page.rows);
      NextToken = page.NextToken;
      if (NextToken === '') break;
    }
    assert.deepEqual(seen, (await listed({})).rows);
  });

  test('is narrowed to a time, a load balancer, an action', async () => {
    const iso = (ms: number) => new Date(ms).toISOString();
    assert.deepEqual((await listed({ StartTime: iso(nextDay) })).actions, ['RemoveBackendServers']);
    const earlier = await listed({ EndTime: iso(nextDay), ActionName: 'CreateLoadBalancer' });
    assert.equal(earlier.rows.length, 2);
    const ofOther = await listed({ LoadBalancerId: other });
    assert.deepEqual(ofOther.actions, ['CreateLoadBalancer']);
    const second = await listed({
      StartTime: '2026-11-24T08:00:01Z',
      EndTime: '2026-11-24T08:00:02Z',
    });
    assert.deepEqual(second.rows, ofOther.rows);
  });

  test('shows an account nothing of another', async () => {
    const by = { account: '2000000000000002' };
    const { output } = await bench.call(DescribeAuditRecords, {}, by);
    assert.deepEqual(output, { AuditRecords: { AuditRecord: [] }, NextToken: '' });
  });

  test('takes times and tokens that are some', async () => {
    for (const [name, value] of [
      ['StartTime', 'yesterday'],
      ['EndTime', '2026-11-24'],
      ['NextToken', 'accesskey/x'],
      ['MaxResults', '101'],
    ] as const) {
      const call = bench.call(DescribeAuditRecords, { [name]: value });
      await assert.rejects(call, failsWith(`Invalid${name}`), name);
    }
  });
});

test('a search that finds little still ends, and goes on with its token', async () => {
  const own = await openBench();
  try {
    const start = Date.parse('2026-11-24T07:00:00Z');
    const puts = Array.from({ length: limits.auditScan + 1 }, (_, index) => {
      const key = keys.audit(new Date(start + index).toISOString(), `request-${index}`);
      const action = index === 0 ? 'SetFreeze' : 'RegisterSite';
      return { key, value: JSON.stringify({ ...template, action }) };
    });
    while (puts.length > 0) {
      const part = puts.splice(0, limits.commitKeys);
      await own.store.commit({ ifRevision: new Map(), puts: part, deletes: [] });
    }
    const search = { ActionName: 'SetFreeze' };
    const first = (await own.call(DescribeAuditRecords, search)).output;
    assert.deepEqual(first.AuditRecords.AuditRecord, []);
    assert.notEqual(first.NextToken, '');
    const { NextToken } = first;
    const second = (await own.call(DescribeAuditRecords, { ...search, NextToken })).output;
    assert.equal(second.AuditRecords.AuditRecord.length, 1);
    assert.equal(second.NextToken, '');
  } finally {
    await own.close();
  }
});

const template = {
  v: 1,
  account: '1000000000000001',
  principal: { kind: 'root' },
  parameters: {},
  ignored: [],
  changes: [],
};
