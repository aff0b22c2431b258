import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import { until } from '../../test/support/wait.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { createFleet } from './create-fleet.ts';
import type { Confirmation, Fleet, WatchMessage } from './fleet.ts';
import { formatHash, hashOf } from './hash.ts';
import { aliveLine } from './protocol.ts';

let folder: string;
let store: Store;
let clock: SimulatedClock;
let fleet: Fleet;
let abort: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-fleet-'));
  store = await openSqlite({ path: join(folder, 'sluice.db') });
  clock = new SimulatedClock();
  abort = new AbortController();
  fleet = await createFleet({ store, now: clock.now, timers: clock, log: silent });
});
afterEach(async () => {
  abort.abort();
  await fleet.close();
  await store.close();
  await rm(folder, { recursive: true });
});

async function commit(
  puts: Readonly<Record<string, unknown>>,
  deletes: readonly string[] = [],
): Promise<number> {
  const result = await store.commit({
    ifRevision: new Map(),
    puts: Object.entries(puts).map(([key, value]) => ({ key, value: JSON.stringify(value) })),
    deletes,
  });
  assert.ok(result.committed);
  return result.revision;
}

function put(...loadBalancers: LoadBalancer[]): Promise<number> {
  const entries = loadBalancers.map((each) => [keys.loadBalancer(each.site, each.id), each]);
  return commit(Object.fromEntries(entries));
}

function remove(id: string): Promise<number> {
  const key = keys.loadBalancer('site-1', id);
  return commit({ [keys.tombstone('site-1', id)]: { v: 1 } }, [key]);
}

async function register(site: string, ...names: string[]): Promise<void> {
  await commit(Object.fromEntries(names.map((name) => [keys.forwarder(site, name), { v: 1 }])));
}

/** Whoever watches a site, and what it was told so far. */
function watch(site: string, of: Fleet = fleet) {
  const told: WatchMessage[] = [];
  const closing = new AbortController();
  const signal = AbortSignal.any([abort.signal, closing.signal]);
  const done = (async () => {
    for await (const line of of.watchSite(site, signal)) {
      assert.ok(line.endsWith('\n'), 'one line a message');
      if (line === aliveLine) continue;
      told.push(JSON.parse(line) as WatchMessage);
    }
  })();
  const next = async <T extends WatchMessage['type']>(type: T, what: string = type) => {
    const message = await until(() => told.shift(), { what });
    assert.equal(message.type, type, JSON.stringify(message));
    return message as Extract<WatchMessage, { type: T }>;
  };
  return { told, next, leave: () => closing.abort(), done };
}

const wait = (ms: number) => ({ ms, forFence: false });

const ids = ({ loadBalancers }: { readonly loadBalancers: readonly LoadBalancer[] }) =>
  loadBalancers.map(({ id }) => id);

describe('watching a site', () => {
  test('begins with the whole site and goes on with each change', async () => {
    const first = await put(loadBalancer('lb-1'));
    const { next } = watch('site-1');
    const snapshot = await next('snapshot');
    assert.deepEqual(snapshot.loadBalancers, [loadBalancer('lb-1')]);
    assert.equal(snapshot.revision, first);
    assert.equal(snapshot.hash, formatHash(hashOf(JSON.stringify(loadBalancer('lb-1')))));

    const second = await put(loadBalancer('lb-2'), loadBalancer('lb-3'));
    const change = await next('change');
    assert.deepEqual([change.base, change.revision], [first, second]);
    assert.deepEqual(
      change.puts.map(({ id }) => id),
      ['lb-2', 'lb-3'],
    );

    const third = await remove('lb-1');
    const removal = await next('change');
    assert.deepEqual([removal.base, removal.revision], [second, third]);
    assert.deepEqual([removal.puts, removal.deletes], [[], ['lb-1']]);
  });

  test('another site is not told of', async () => {
    const { next, told } = watch('site-1');
    await next('snapshot');
    await put(loadBalancer('lb-9', [], { site: 'site-10' }));
    await put(loadBalancer('lb-1'));
    assert.deepEqual(
      (await next('change')).puts.map(({ id }) => id),
      ['lb-1'],
    );
    assert.deepEqual(told, []);
  });

  test('a heartbeat says where the site stands', async () => {
    const revision = await put(loadBalancer('lb-1'));
    const { next } = watch('site-1');
    const { hash } = await next('snapshot');
    await clock.advance(limits.heartbeat);
    const heartbeat = await next('heartbeat');
    assert.deepEqual(heartbeat, {
      type: 'heartbeat',
      site: 'site-1',
      revision,
      hash,
      frozen: false,
    });
  });

  test('the hash after changes is that of the site as it stands', async () => {
    await put(loadBalancer('lb-1'), loadBalancer('lb-2'));
    const follower = watch('site-1');
    await follower.next('snapshot');
    await put(loadBalancer('lb-1', ['i-7']));
    await follower.next('change');
    await remove('lb-2');
    await follower.next('change');
    await clock.advance(limits.heartbeat);
    const { hash } = await follower.next('heartbeat');
    const text = JSON.stringify(loadBalancer('lb-1', ['i-7']));
    assert.equal(hash, formatHash(hashOf(text)));
  });

  test('a full snapshot comes again every few minutes, with what was deleted', async () => {
    await put(loadBalancer('lb-1'), loadBalancer('lb-2'));
    const { next, told } = watch('site-1');
    await next('snapshot');
    await remove('lb-2');
    await next('change');
    await clock.advance(limits.fullSnapshot);
    const again = told.filter((each) => each.type === 'snapshot');
    assert.deepEqual(again.map(ids), [['lb-1']]);
    assert.deepEqual(again[0]?.deleted, ['lb-2']);
  });

  test('a load balancer that vanishes without a record is not told as deleted', async () => {
    await put(loadBalancer('lb-1'), loadBalancer('lb-2'));
    const { next } = watch('site-1');
    await next('snapshot');
    await commit({}, [keys.loadBalancer('site-1', 'lb-1')]);
    const snapshot = await next('snapshot');
    assert.deepEqual(ids(snapshot), ['lb-2']);
    assert.deepEqual(snapshot.deleted, []);
  });

  test('a deletion that is explained afterwards is told with the next full snapshot', async () => {
    await put(loadBalancer('lb-1'), loadBalancer('lb-2'));
    const { next, told } = watch('site-1');
    await next('snapshot');
    await commit({}, [keys.loadBalancer('site-1', 'lb-1')]);
    await next('snapshot');
    await commit({ [keys.tombstone('site-1', 'lb-1')]: { v: 1 } });
    await clock.advance(limits.fullSnapshot);
    const again = told.filter((each) => each.type === 'snapshot');
    assert.deepEqual(
      again.map(({ deleted }) => deleted),
      [['lb-1']],
    );
  });

  test('a value that is not JSON leaves the last good one in place', async () => {
    await put(loadBalancer('lb-1'));
    const { next } = watch('site-1');
    const { hash } = await next('snapshot');
    const puts = [{ key: keys.loadBalancer('site-1', 'lb-1'), value: '{"v":1,' }];
    await store.commit({ ifRevision: new Map(), puts, deletes: [] });
    assert.deepEqual((await next('change')).puts, []);
    await clock.advance(limits.heartbeat);
    assert.equal((await next('heartbeat')).hash, hash);
  });

  test('a watcher that does not read gets a fresh snapshot instead of its backlog', async () => {
    await put(loadBalancer('lb-1'));
    const lines = fleet.watchSite('site-1', abort.signal)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, aliveLine);
    assert.match((await lines.next()).value, /"type":"snapshot"/);
    const other = watch('site-1');
    await other.next('snapshot');
    const count = limits.feedQueue + 5;
    const commits = Array.from({ length: count }, (_, n) => put(loadBalancer('lb-1', [`i-${n}`])));
    const revision = Math.max(...(await Promise.all(commits)));
    await until(() => other.told.some((each) => 'revision' in each && each.revision === revision), {
      what: 'the last change',
    });
    const message = JSON.parse((await lines.next()).value);
    assert.equal(message.type, 'snapshot');
    assert.equal(message.revision, revision);
  });

  test('it ends when its signal aborts, and a new one starts whole', async () => {
    await put(loadBalancer('lb-1'));
    const follower = watch('site-1');
    await follower.next('snapshot');
    follower.leave();
    await follower.done;
    await put(loadBalancer('lb-2'));
    await clock.advance(2 * limits.idleFeed);
    assert.deepEqual(ids(await watch('site-1').next('snapshot')), ['lb-1', 'lb-2']);
  });
});

describe('the freeze', () => {
  test('holds changes back while it lasts, then sends the site whole', async () => {
    await put(loadBalancer('lb-1'));
    const { next, told } = watch('site-1');
    await next('snapshot');
    await commit({ [keys.freeze]: { v: 1, frozen: true } });
    const revision = await put(loadBalancer('lb-1', ['i-9']));
    await clock.advance(limits.heartbeat);
    assert.equal((await next('heartbeat')).frozen, true);
    assert.deepEqual(told, []);

    const late = watch('site-1');
    await clock.advance(limits.heartbeat);
    assert.equal((await late.next('heartbeat', 'only heartbeats while frozen')).frozen, true);
    await next('heartbeat');

    await commit({ [keys.freeze]: { v: 1, frozen: false } });
    for (const each of [{ next }, late]) {
      const snapshot = await each.next('snapshot');
      assert.equal(snapshot.revision, revision);
      assert.deepEqual(snapshot.loadBalancers, [loadBalancer('lb-1', ['i-9'])]);
    }
  });

  test('nobody waits for a confirmation that cannot come', async () => {
    await register('site-1', 'a');
    await fleet.report('site-1', 'a', { applied: { revision: 1, failures: [] } });
    await commit({ [keys.freeze]: { v: 1, frozen: true } });
    const confirmed = () => fleet.confirm('site-1', 99, 'lb-1', wait(0));
    const frozen = async () => (await confirmed()).missing[0]?.reason === 'changes are frozen';
    await until(frozen, { what: 'the freeze' });
    await fleet.confirm('site-1', 99, 'lb-1', wait(3_600_000));
  });
});

describe('the forwarder of unclaimed sites', () => {
  test('is told of every site without a forwarder of its own, as they come and go', async () => {
    await commit({ [keys.site('site-1')]: { v: 1 }, [keys.site('site-2')]: { v: 1 } });
    await put(loadBalancer('lb-1'), loadBalancer('lb-2', [], { site: 'site-2' }));
    await register('site-2', 'own');
    const { next, told } = watch('*');
    assert.equal((await next('release')).site, 'site-2');
    assert.equal((await next('snapshot')).site, 'site-1');

    await commit({ [keys.site('site-3')]: { v: 1 } });
    assert.equal((await next('snapshot')).site, 'site-3');

    await register('site-1', 'own');
    assert.equal((await next('release')).site, 'site-1');
    await put(loadBalancer('lb-1', ['i-9']));

    await commit({}, [keys.forwarder('site-2', 'own')]);
    const snapshot = await next('snapshot');
    assert.equal(snapshot.site, 'site-2');
    assert.deepEqual(ids(snapshot), ['lb-2']);
    assert.deepEqual(told, []);
  });

  test('counts for a site until the site has its own', async () => {
    await register('*', 'up');
    const applied = { revision: 7, failures: [] };
    await fleet.report('site-1', 'up', { applied });
    const confirmed = () => fleet.confirm('site-1', 7, 'lb-1', wait(0));
    await until(async () => (await confirmed()).live === 1, { what: 'the registration' });
    assert.deepEqual(
      fleet.forwarders('*').map(({ site, name }) => [site, name]),
      [['site-1', 'up']],
    );

    await register('site-1', 'own');
    await until(async () => (await confirmed()).live === 0, { what: 'the registration' });
    await fleet.report('site-1', 'own', { applied });
    assert.deepEqual(await confirmed(), { applied: 1, counted: 1, live: 1, missing: [] });
    assert.deepEqual(
      fleet.forwarders('site-1').map(({ name }) => name),
      ['own'],
    );
  });
});

describe('confirming a revision', () => {
  beforeEach(async () => {
    await register('site-1', 'a', 'b');
    const applied = { revision: 5, failures: [] };
    await fleet.report('site-1', 'a', { applied });
    await fleet.report('site-1', 'b', { applied });
    await until(() => fleet.forwarders('site-1').length === 2, { what: 'the registrations' });
  });

  /** A confirmation under way: whether it has been answered, and what with. */
  function confirming(revision: number, waitMs = 1_000) {
    const state: { answer?: Confirmation } = {};
    void fleet
      .confirm('site-1', revision, 'lb-1', wait(waitMs))
      .then((answer) => (state.answer = answer));
    return state;
  }

  test('answers as soon as the last live forwarder has applied it', async () => {
    const waiting = confirming(6);
    await fleet.report('site-1', 'a', { applied: { revision: 6, failures: [] } });
    await clock.advance(0);
    assert.equal(waiting.answer, undefined);
    await fleet.report('site-1', 'b', { applied: { revision: 8, failures: [] } });
    await clock.advance(0);
    assert.deepEqual(waiting.answer, { applied: 2, counted: 2, live: 2, missing: [] });
  });

  test('tells the truth when the time is over', async () => {
    const waiting = confirming(6);
    await fleet.report('site-1', 'a', { applied: { revision: 6, failures: [] } });
    await clock.advance(1_000);
    const missing = [{ forwarder: 'b', reason: 'is at revision 5' }];
    assert.deepEqual(waiting.answer, { applied: 1, counted: 2, live: 2, missing });
  });

  test('a failure of this load balancer is no confirmation and needs no wait', async () => {
    const failures = [{ loadBalancerId: 'lb-1', reason: 'port 80 is taken' }];
    const waiting = confirming(6);
    await fleet.report('site-1', 'a', { applied: { revision: 6, failures } });
    const others = [{ loadBalancerId: 'lb-2', reason: 'of no concern' }];
    await fleet.report('site-1', 'b', { applied: { revision: 6, failures: others } });
    await clock.advance(0);
    const missing = [{ forwarder: 'a', reason: 'port 80 is taken' }];
    assert.deepEqual(waiting.answer, { applied: 1, counted: 2, live: 2, missing });
  });

  test('a failure of everything is one of this load balancer', async () => {
    const failures = [{ loadBalancerId: '*', reason: 'the engine lost its state' }];
    await fleet.report('site-1', 'a', { applied: { revision: 6, failures } });
    await fleet.report('site-1', 'b', { applied: { revision: 6, failures: [] } });
    assert.equal((await fleet.confirm('site-1', 6, 'lb-1', wait(0))).applied, 1);
  });

  test('a load balancer ahead of its site is confirmed, its neighbours are not', async () => {
    const ahead = { 'lb-1': 9 };
    await fleet.report('site-1', 'a', { applied: { revision: 5, failures: [], ahead } });
    await fleet.report('site-1', 'b', { applied: { revision: 9, failures: [] } });
    assert.equal((await fleet.confirm('site-1', 9, 'lb-1', wait(0))).applied, 2);
    assert.equal((await fleet.confirm('site-1', 9, 'lb-2', wait(0))).applied, 1);
  });

  test('a lower revision that comes late changes nothing', async () => {
    await fleet.report('site-1', 'a', { applied: { revision: 4, failures: [] } });
    assert.equal((await fleet.confirm('site-1', 5, 'lb-1', wait(0))).applied, 2);
  });

  test('a forwarder that began anew counts for what it has applied since', async () => {
    const report = (startedAt: number, revision: number) =>
      fleet.report('site-1', 'a', { applied: { revision, failures: [], startedAt } });
    await report(2_000, 3);
    assert.equal((await fleet.confirm('site-1', 5, 'lb-1', wait(0))).applied, 1);
    await report(1_000, 9);
    assert.equal(
      (await fleet.confirm('site-1', 5, 'lb-1', wait(0))).applied,
      1,
      'from an earlier life',
    );
    await report(2_000, 5);
    assert.equal((await fleet.confirm('site-1', 5, 'lb-1', wait(0))).applied, 2);
  });

  test('a forwarder that is not registered does not count', async () => {
    await fleet.report('site-1', 'stranger', { applied: { revision: 5, failures: [] } });
    assert.equal((await fleet.confirm('site-1', 5, 'lb-1', wait(0))).live, 2);
  });

  test('a site without forwarders has nobody to wait for', async () => {
    const confirmation = await fleet.confirm('site-7', 5, 'lb-1', wait(60_000));
    assert.deepEqual(confirmation, { applied: 0, counted: 0, live: 0, missing: [] });
  });

  test('closing the fleet answers those who wait', async () => {
    const waiting = confirming(6, 60_000);
    await fleet.close();
    await clock.advance(0);
    assert.equal(waiting.answer?.applied, 0);
  });

  test('what a forwarder says of itself can be read', async () => {
    const drains = [
      {
        loadBalancerId: 'lb-1',
        server: loadBalancer('lb-1').backends[0]!,
        deadline: 9,
        sessions: 3,
      },
    ];
    const status = { drains, health: [], engine: 'haproxy 2.6.12', notices: ['the disk is full'] };
    await fleet.report('site-1', 'a', { status });
    assert.deepEqual(fleet.forwarders('site-1')[0], {
      site: 'site-1',
      name: 'a',
      revision: 5,
      failures: [],
      ...status,
    });
  });
});

test('the reports of one control plane are seen by another', async () => {
  const other = await createFleet({ store, now: clock.now, timers: clock, log: silent });
  try {
    await register('site-1', 'a');
    const waiting = other.confirm('site-1', 5, 'lb-1', wait(60_000));
    await fleet.report('site-1', 'a', { applied: { revision: 4, failures: [] } });
    await until(() => other.forwarders('site-1').length === 1, { what: 'the report' });
    const confirmed = other.confirm('site-1', 5, 'lb-1', wait(60_000));
    await fleet.report('site-1', 'a', { applied: { revision: 5, failures: [] } });
    assert.deepEqual(await confirmed, { applied: 1, counted: 1, live: 1, missing: [] });
    assert.ok((await waiting).live <= 1);

    await other.report('site-1', 'a', { applied: { revision: 6, failures: [] } });
    await until(() => fleet.forwarders('site-1')[0]?.revision === 6, { what: 'the way back' });
  } finally {
    await other.close();
  }
});
