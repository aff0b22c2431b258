import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { openBoundary } from '../../test/support/boundary.ts';
import { testProof } from '../../test/support/call.ts';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer, server } from '../../test/support/load-balancers.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import type { LoadBalancer } from '../elb/types.ts';
import type { ConfirmWait, Fleet } from '../fleet/fleet.ts';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { type Action, defineAction } from './actions/action.ts';
import type { AuditRecord } from './audit-records.ts';
import type { Call, Caller, Extensions } from './call.ts';
import { createCalls, newId } from './calls.ts';
import { LoadBalancerSites } from './load-balancer-sites.ts';
import { noHead } from './trail/chain.ts';

const action: Action = defineAction({
  name: 'Try',
  product: 'Ens',
  access: 'update',
  summary: 'Tries.',
  input: z.object({ LoadBalancerId: z.string().optional() }),
  output: z.object({}),
  errors: [],
  limits: { perApi: 1, perAccount: 1 },
  run: async () => ({}),
});

const caller: Caller = {
  account: '1',
  accessKeyId: 'LTAI5tTest',
  principal: { kind: 'root' },
  sourceIp: '192.0.2.1',
  userAgent: 'test',
  secure: false,
};

const key = keys.loadBalancer('site-1', 'lb-1');

interface Confirmed {
  readonly site: string;
  readonly revision: number;
  readonly id: string;
  readonly wait: ConfirmWait;
}

/** One load balancer with servers i-1 and i-2, and two of three forwarders that confirm. */
async function open() {
  const clock = new SimulatedClock();
  const store = new MemoryStore(clock);
  const confirmed: Confirmed[] = [];
  await put(store, key, loadBalancer('lb-1'));
  await put(store, keys.loadBalancerSite('lb-1'), { v: 1, site: 'site-1' });
  const create = createCalls({
    boundary: openBoundary,
    store,
    fleet: {
      confirm: async (site: string, revision: number, id: string, wait: ConfirmWait) => {
        confirmed.push({ site, revision, id, wait });
        const missing = [{ forwarder: 'edge-3', reason: 'silent since 2026-11-24T08:00:00Z' }];
        return { applied: 2, counted: 3, live: 2, missing };
      },
      standings: () => [],
    } as Partial<Fleet> as Fleet,
    timers: clock,
    sites: new LoadBalancerSites(store),
    now: clock.now,
    resealFor: async () => (sealed: string) => sealed,
    policyTargets: { fault: () => undefined },
    trail: { proof: testProof, newest: () => noHead },
    seal: (secret) => secret,
    identities: { policiesOf: () => [] },
    diagnoses: { open: () => undefined },
    settled: async () => {},
    confirmWait: 700,
    planCommands: (before, after) => [`${servers(before)} -> ${servers(after)}`],
  });
  let requests = 0;
  const start = (extensions: Partial<Extensions> = {}, by: Partial<Caller> = {}): Call => {
    requests += 1;
    return create({
      action,
      requestId: `request-${requests}`,
      host: 'sluice.test',
      caller: { ...caller, ...by },
      extensions: { dryRun: false, ...extensions },
      parameters: { LoadBalancerId: 'lb-1' },
      decidedBy: 'root',
      signal: new AbortController().signal,
    });
  };
  const audits = async () => {
    const { entries } = await store.range('audit/');
    return entries.map(({ value }) => JSON.parse(value) as AuditRecord);
  };
  const revisionOf = async (wanted: string) => (await store.get(wanted))?.revision;
  return { store, clock, confirmed, start, audits, revisionOf };
}

function put(store: Store, at: string, value: object) {
  const puts = [{ key: at, value: JSON.stringify(value) }];
  return store.commit({ ifRevision: new Map(), puts, deletes: [] });
}

function servers(value: LoadBalancer | undefined): string {
  return value === undefined ? 'nothing' : value.backends.map(({ serverId }) => serverId).join();
}

const detail = 'edge-3: silent since 2026-11-24T08:00:00Z';

const add = (name: string) => (current: LoadBalancer) => ({
  next: { ...current, backends: [...current.backends, server(name)] },
});

describe('a change of a load balancer', () => {
  test('is committed with one record of who did what, and what it was before', async () => {
    const { start, audits, revisionOf, clock } = await open();
    const call = start();
    const after = await call.changeLoadBalancer('lb-1', add('i-3'));
    assert.equal(servers(after), 'i-1,i-2,i-3');
    const [record, ...more] = await audits();
    assert.deepEqual(more, []);
    const { time, requestId, account, action: name, decidedBy, parameters, changes } = record!;
    assert.deepEqual(
      { time, requestId, account, name, decidedBy, parameters },
      {
        time: new Date(clock.now()).toISOString(),
        requestId: 'request-1',
        account: '1',
        name: 'Try',
        decidedBy: 'root',
        parameters: { LoadBalancerId: 'lb-1' },
      },
    );
    const [one, two, three] = ['i-1', 'i-2', 'i-3'].map((each) => server(each));
    assert.deepEqual(changes, [
      { key, before: { backends: [one, two] }, after: { backends: [one, two, three] } },
    ]);
    const auditKey = keys.audit(record!.time, 'request-1');
    assert.equal(await revisionOf(auditKey), await revisionOf(key), 'of one commit');
  });

  test('answers its revision, and how many forwarders have it', async () => {
    const { start, confirmed, revisionOf } = await open();
    const call = start();
    await call.changeLoadBalancer('lb-1', add('i-3'));
    const revision = (await revisionOf(key))!;
    assert.deepEqual(call.answer, { revision, applied: '2/3', detail });
    const wait = { ms: 700, forFence: true };
    assert.deepEqual(confirmed, [{ site: 'site-1', revision, id: 'lb-1', wait }]);
    await start({ confirmWait: 0 }).changeLoadBalancer('lb-1', add('i-4'));
    assert.deepEqual(confirmed.at(-1)?.wait, { ms: 0, forFence: false }, 'as the call wants it');
  });

  test('that changes nothing is recorded, and confirmed at the revision that stands', async () => {
    const { start, audits, revisionOf, confirmed } = await open();
    const before = await revisionOf(key);
    const call = start();
    await call.changeLoadBalancer('lb-1', (next) => ({ next, ignored: ['i-9'] }));
    assert.equal(await revisionOf(key), before);
    assert.deepEqual(call.answer, { revision: before, applied: '2/3', detail, ignored: ['i-9'] });
    assert.equal(confirmed[0]?.revision, before);
    const [record] = await audits();
    assert.deepEqual([record?.ignored, record?.changes], [['i-9'], []]);
  });

  test('that its rule refuses writes nothing and asks no forwarder', async () => {
    const { start, store, confirmed } = await open();
    const { revision } = store;
    const refused = start().changeLoadBalancer('lb-1', () => {
      throw new RangeError('no');
    });
    await assert.rejects(refused, RangeError);
    assert.equal(store.revision, revision);
    assert.deepEqual(confirmed, []);
  });

  test('of another account, or of none, is not found', async () => {
    const { start, store } = await open();
    const { revision } = store;
    const notFound = { code: 'LoadBalancerNotFound' };
    const other = { account: '2' };
    await assert.rejects(start({}, other).changeLoadBalancer('lb-1', add('i-3')), notFound);
    await assert.rejects(start({}, other).loadBalancer('lb-1'), notFound);
    const rehearsed = start({ dryRun: true }, other).changeLoadBalancer('lb-1', add('i-3'));
    await assert.rejects(rehearsed, notFound);
    await assert.rejects(start().changeLoadBalancer('lb-2', add('i-3')), notFound);
    assert.equal(store.revision, revision);
  });

  test('for a revision that is gone is refused; for the current it is made', async () => {
    const { start, audits, revisionOf } = await open();
    const ifRevision = (await revisionOf(key))!;
    await start({ ifRevision }).changeLoadBalancer('lb-1', add('i-3'));
    await assert.rejects(start({ ifRevision }).changeLoadBalancer('lb-1', add('i-4')), {
      code: 'OperationConflict',
    });
    const rehearsed = start({ ifRevision, dryRun: true }).changeLoadBalancer('lb-1', add('i-4'));
    await assert.rejects(rehearsed, { code: 'OperationConflict' });
    assert.equal((await audits()).length, 1);
  });
});

describe('a transaction', () => {
  const site = keys.network('n-1');

  test('is committed with one record of all it wrote and deleted', async () => {
    const { store, start, audits, revisionOf } = await open();
    await put(store, site, { v: 1, account: '1', name: 'old' });
    const call = start();
    const result = await call.transact(async (reads) => {
      const found = await reads.get<{ name: string }>(site);
      await reads.get(key);
      return {
        puts: new Map([[site, { ...found!.value, name: 'new' }]]),
        deletes: [key],
        result: found!.value.name,
      };
    });
    assert.equal(result, 'old');
    assert.equal(await store.get(key), undefined);
    const [record, ...more] = await audits();
    assert.deepEqual(more, []);
    assert.deepEqual(record?.changes[0], {
      key: site,
      before: { name: 'old' },
      after: { name: 'new' },
    });
    assert.equal(record?.changes[1]?.key, key);
    assert.equal(record?.changes[1]?.after, null);
    assert.deepEqual(call.answer, { revision: await revisionOf(site), applied: '2/3', detail });
  });

  test('that touches no load balancer waits for no forwarder', async () => {
    const { start, confirmed, revisionOf } = await open();
    const call = start();
    await call.transact(async () => ({ puts: new Map([[site, { v: 1 }]]), result: undefined }));
    assert.deepEqual(call.answer, { revision: await revisionOf(site) });
    assert.deepEqual(confirmed, []);
  });

  test('is run again when another commit changed what it read, absence included', async () => {
    const { store, start, audits } = await open();
    let runs = 0;
    await start().transact(async (reads) => {
      const found = await reads.get<{ count: number }>(site);
      runs += 1;
      if (runs < 3) await put(store, site, { v: 1, count: runs * 10 });
      return { puts: new Map([[site, { v: 1, count: (found?.value.count ?? 0) + 1 }]]), result: 0 };
    });
    assert.equal(runs, 3);
    assert.equal(JSON.parse((await store.get(site))!.value).count, 21);
    assert.equal((await audits()).length, 1);
  });

  test('that loses every race is a conflict, and nothing of it is there', async () => {
    const { store, start, audits } = await open();
    let runs = 0;
    const lost = start().transact(async (reads) => {
      await reads.get(site);
      runs += 1;
      await put(store, site, { v: 1, runs });
      return { puts: new Map([[keys.network('n-2'), { v: 1 }]]), result: 0 };
    });
    await assert.rejects(lost, { code: 'OperationConflict' });
    assert.equal(runs, limits.commitRetries + 1);
    assert.equal(await store.get(keys.network('n-2')), undefined);
    assert.deepEqual(await audits(), []);
  });

  test('reads a load balancer at the revision insisted on, or not at all', async () => {
    const { start, revisionOf, store } = await open();
    const ifRevision = (await revisionOf(key))!;
    const remove = (call: Call) =>
      call.transact(async (reads) => {
        await reads.get(key);
        return { deletes: [key], result: 0 };
      });
    await assert.rejects(remove(start({ ifRevision: ifRevision + 1 })), {
      code: 'OperationConflict',
    });
    assert.notEqual(await store.get(key), undefined);
    await remove(start({ ifRevision }));
    assert.equal(await store.get(key), undefined);
  });
});

describe('a dry run', () => {
  test('writes nothing, asks no forwarder, and tells what they would do', async () => {
    const { start, store, confirmed, revisionOf } = await open();
    const { revision } = store;
    const change = start({ dryRun: true });
    const after = await change.changeLoadBalancer('lb-1', (current) => ({
      ...add('i-3')(current),
      ignored: ['i-9'],
    }));
    assert.equal(servers(after), 'i-1,i-2,i-3');
    assert.deepEqual(change.answer, {
      revision: await revisionOf(key),
      ignored: ['i-9'],
      commands: ['i-1,i-2 -> i-1,i-2,i-3'],
    });
    const removal = start({ dryRun: true });
    await removal.transact(async (reads) => {
      await reads.get(key);
      return { puts: new Map([['network/n-1', { v: 1 }]]), deletes: [key], result: 0 };
    });
    assert.deepEqual(removal.answer, { commands: ['i-1,i-2 -> nothing'] });
    assert.equal(store.revision, revision);
    assert.deepEqual(confirmed, []);
  });
});

describe('reads', () => {
  test('show records of the own account alone', async () => {
    const { store, start } = await open();
    await put(store, keys.network('n-1'), { v: 1, account: '1' });
    await put(store, keys.network('n-2'), { v: 1, account: '2' });
    const call = start();
    assert.notEqual(await call.network('n-1'), undefined);
    assert.equal(await call.network('n-2'), undefined);
    assert.equal(await call.network('n-3'), undefined);
    const listed = await Array.fromAsync(call.list<{ account: string }>(keys.network('')));
    assert.deepEqual(
      listed.map(({ value }) => value.account),
      ['1'],
    );
  });

  test('list more than one page of the store, each once, in order', async () => {
    const { store, start } = await open();
    const count = limits.rangePage * 2;
    for (let number = 0; number < count; number++) {
      await put(store, keys.network(`n-${String(number).padStart(5, '0')}`), {
        ...{ v: 1, account: number % 3 === 0 ? '2' : '1', number },
      });
    }
    const listed = await Array.fromAsync(start().list<{ number: number }>(keys.network('')));
    const expected = Array.from({ length: count }, (_, number) => number).filter((n) => n % 3);
    assert.deepEqual(
      listed.map(({ value }) => value.number),
      expected,
    );
  });
});

test('ids name their kind and cell, and no two are alike', () => {
  const ids = new Set(Array.from({ length: 10_000 }, () => newId('lb')));
  assert.equal(ids.size, 10_000);
  for (const id of ids) assert.match(id, /^lb-5[2-9a-km-np-z]{25}$/);
});
