import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { testProof } from '../../../test/support/call.ts';
import { SimulatedClock } from '../../../test/support/clock.ts';
import { silent } from '../../../test/support/log.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { until } from '../../../test/support/wait.ts';
import { limits } from '../../limits.ts';
import type { Commit } from '../../store/store.ts';
import { RemoveBackendServers } from '../actions/backend-servers.ts';
import { type AuditRecord, auditRecord } from '../audit-records.ts';
import { ApiError } from '../errors.ts';
import { recordEndedCalls } from './ended-calls.ts';
import { AuditQueue } from './queue.ts';
import { recordText } from './record-text.ts';

const mine = '1000000000000001';
const other = '2000000000000002';

function record(requestId: string, account = mine, BackendServers = '[]'): AuditRecord {
  const principal = { kind: 'root' } as const;
  const accessKeyId = 'LTAI5tTest';
  return auditRecord({
    time: 0,
    action: RemoveBackendServers,
    caller: { account, accessKeyId, principal, sourceIp: '::1', userAgent: '', secure: true },
    requestId,
    host: 'h',
    parameters: { BackendServers, Unknown: 'x' },
    decidedBy: 'ImplicitDeny',
    changes: [],
    ignored: [],
    error: { code: 'NoPermission', message: 'Permission denied.' },
  });
}

let clock: SimulatedClock;
let store: MemoryStore;
let queue: AuditQueue;

beforeEach(() => {
  clock = new SimulatedClock(0);
  store = new MemoryStore(clock);
  queue = open();
});

function open(): AuditQueue {
  const options = { store, proof: testProof, timers: clock, log: silent };
  return new AuditQueue({ ...options, now: clock.now });
}

async function written(): Promise<AuditRecord[]> {
  await until(
    async () => {
      await clock.advance(limits.auditFlush);
      return clock.pending === 0;
    },
    { what: 'the queue to be empty' },
  );
  const { entries } = await store.range('audit/');
  assert.ok(entries.every(testProof.isGenuine));
  return entries.map(({ value }) => JSON.parse(value) as AuditRecord);
}

describe('the queue', () => {
  test('writes what comes together in few commits, each event once', async () => {
    for (let i = 0; i < 250; i++) queue.add(record(`request-${i}`));
    assert.equal(store.revision, 0);
    await clock.advance(3 * limits.auditFlush);
    assert.equal((await store.range('audit/')).entries.length, 250);
    assert.equal(store.revision, 3);
    assert.equal(clock.pending, 0);
  });

  test('is written when the process stops', async () => {
    queue.add(record('last'));
    await queue.close();
    assert.equal((await store.range('audit/')).entries.length, 1);
  });

  test('keeps what it has while the store is away', async () => {
    store.setDown(true);
    for (let i = 0; i < 1_000; i++) queue.add(record(`request-${i}`));
    await clock.advance(60_000);
    store.setDown(false);
    assert.equal((await written()).length, 1_000);
  });

  test('records refused calls of an account up to its rate, and counts the rest', async () => {
    const size = recordText(record('0')).length;
    const most = Math.ceil(limits.auditRefusedBytes.atOnce / size);
    for (let i = 0; i < 2 * most; i++) queue.add(record(`mine-${i}`));
    queue.add(record('other', other));
    const first = await written();
    assert.ok(first.length <= most + 1, `${first.length} records`);
    assert.ok(first.some(({ account }) => account === other));
    await clock.advance(60_000);
    queue.add(record('later'));
    const { omitted } = (await written()).find(({ requestId }) => requestId === 'later')!;
    assert.equal(omitted, 2 * most - (first.length - 1));
    assert.equal(queue.omitted, omitted);
  });

  test('is bounded in bytes, and takes what is too much from who has most', async () => {
    store.setDown(true);
    const accounts = Array.from({ length: 12 }, (_, n) => `10000000000000${10 + n}`);
    const text = 'x'.repeat(8_000);
    for (let i = 0; i < 220; i++) {
      for (const account of accounts) queue.add(record(`${account}-${i}`, account, text));
    }
    queue.add(record('small', other));
    await clock.advance(1_000);
    store.setDown(false);
    const records = await written();
    assert.ok(records.some(({ account }) => account === other));
    const bytes = records.reduce((sum, each) => sum + JSON.stringify(each).length, 0);
    assert.ok(bytes < 1.1 * limits.auditQueueBytes, `${bytes} bytes`);
    const counts = accounts.map((id) => records.filter(({ account }) => account === id).length);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, counts.join());
  });

  test('cuts or gives up what the store refuses for good, and goes on', async () => {
    const commit = store.commit.bind(store);
    store.commit = async (wanted: Commit) => {
      const text = wanted.puts.map(({ value }) => value).join('');
      if (text.includes('poison') || text.includes('"requestId":"worse"')) {
        throw new TypeError('a commit is too large for etcd (--max-request-bytes)');
      }
      return commit(wanted);
    };
    queue.add(record('first'));
    queue.add(record('bad', mine, 'poison'));
    queue.add(record('worse'));
    queue.add(record('last'));
    const records = await written();
    const ids = records.map(({ requestId }) => requestId).sort();
    assert.deepEqual(ids, ['bad', 'first', 'last']);
    const bad = records.find(({ requestId }) => requestId === 'bad')!;
    assert.deepEqual([bad.isCut, bad.parameters], [true, {}]);
    assert.equal(queue.omitted, 1);
  });

  test('has one of many throttled calls, and their count', async () => {
    const end = recordEndedCalls({ queue, reads: false, now: clock.now });
    const { account } = record('');
    const caller = { ...record(''), account, userAgent: '', secure: true };
    const asked = { action: RemoveBackendServers, host: 'h', caller, parameters: {} };
    const throttled = (requestId: string) =>
      end({ asked: { ...asked, requestId }, error: new ApiError('Throttling.User') });
    for (let i = 0; i < 1_000; i++) throttled(`request-${i}`);
    assert.equal((await written()).length, 1);
    await clock.advance(limits.auditThrottled);
    throttled('later');
    const later = (await written()).find(({ requestId }) => requestId === 'later');
    assert.equal(later?.omitted, 999);
  });
});

describe('the text of a record', () => {
  test('holds the parameters of its action alone', () => {
    assert.deepEqual(record('r').parameters, { BackendServers: '[]' });
  });

  test('is bounded in bytes, whatever is in it', () => {
    for (const sign of ['\u0001', '"', '\u4e2d', '\ud83d\ude00', '\ud800']) {
      const long = sign.repeat(9_000);
      const backends = Array.from({ length: 200 }, (_, n) => ({ serverId: `i-${n}`, name: long }));
      const [before, after] = [{ backends }, { backends: backends.slice(1) }];
      const text = recordText({
        ...record('r', mine, long),
        ignored: Array.from({ length: 100 }, () => long),
        changes: [{ key: 'lb/local/lb-1', before, after }],
      });
      const bytes = Buffer.byteLength(text);
      assert.ok(bytes <= limits.auditRecordBytes, `${bytes} bytes of ${JSON.stringify(sign)}`);
      assert.equal(JSON.parse(text).requestId, 'r');
    }
  });

  test('that is cut tells which servers came and went', () => {
    const backends = Array.from({ length: 200 }, (_, n) => ({
      serverId: `i-${n}`,
      ip: '192.0.2.1',
      about: 'x'.repeat(100),
    }));
    const [before, after] = [{ backends }, { backends: backends.slice(1) }];
    const whole = { ...record('r'), changes: [{ key: 'lb/local/lb-1', before, after }] };
    const { isCut, changes } = JSON.parse(recordText(whole)) as AuditRecord;
    assert.equal(isCut, true);
    assert.deepEqual(changes[0]?.before, { backends: [backends[0]] });
    assert.deepEqual(changes[0]?.after, { backends: [] });
  });
});
