import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openBoundary } from '../../../test/support/boundary.ts';
import { failsWith, testProof } from '../../../test/support/call.ts';
import { SimulatedClock } from '../../../test/support/clock.ts';
import { loadBalancer, server } from '../../../test/support/load-balancers.ts';
import { silent } from '../../../test/support/log.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import { createFleet } from '../../fleet/create-fleet.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Action } from '../actions/action.ts';
import { WatchLoadBalancer, WatchLoadBalancers } from '../actions/sluice/live.ts';
import type { Caller } from '../call.ts';
import { createCalls } from '../calls.ts';
import { LoadBalancerSites } from '../load-balancer-sites.ts';
import { noHead } from '../trail/chain.ts';
import type { LoadBalancerLine, LoadBalancersLine } from './messages.ts';

let clock: SimulatedClock;
let store: MemoryStore;
let fleet: Fleet;
let create: ReturnType<typeof createCalls>;
let readers: AbortController[];

beforeEach(async () => {
  clock = new SimulatedClock();
  store = new MemoryStore(clock);
  readers = [];
  fleet = await createFleet({ store, now: clock.now, timers: clock, log: silent });
  create = createCalls({
    boundary: openBoundary,
    store,
    fleet,
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
    confirmWait: 0,
    planCommands: () => [],
  });
  for (const [site, account] of [
    ['site-1', '1'],
    ['site-2', '2'],
  ] as const) {
    await put(keys.site(site), { v: 1, id: site, account });
    await put(keys.forwarder(site, 'edge-1'), { v: 1 });
  }
  await change(loadBalancer('lb-1'));
  await change(loadBalancer('lb-2', [], { site: 'site-2', account: '2' }));
});
afterEach(async () => {
  for (const reader of readers) reader.abort();
  await clock.advance(0);
  await fleet.close();
});

async function put(key: string, value: object): Promise<number> {
  const puts = [{ key, value: JSON.stringify(value) }];
  const result = await store.commit({ ifRevision: new Map(), puts, deletes: [] });
  assert.ok(result.committed);
  return result.revision;
}

async function change(value: LoadBalancer): Promise<number> {
  await put(keys.loadBalancerSite(value.id), { v: 1, site: value.site });
  return put(keys.loadBalancer(value.site, value.id), value);
}

/** A stream of an action; `read` answers what has come by now, whole lines as objects. */
function open<Line>(action: Action, input: object, account = '1') {
  const abort = new AbortController();
  readers.push(abort);
  const call = create({
    action,
    requestId: 'request',
    host: 'sluice.test',
    caller: { account, principal: { kind: 'root' } } as Caller,
    extensions: { dryRun: false },
    parameters: {},
    decidedBy: 'root',
    signal: abort.signal,
  });
  const lines = action.stream!(input as Record<string, unknown>, call)[Symbol.asyncIterator]();
  const next = async (): Promise<Line | undefined> => {
    const reading = lines.next();
    // A stream that waits goes on with the clock.
    for (let waited = 0; waited < limits.liveLife; waited += limits.livePace / 5) {
      const settled = await Promise.race([reading, clock.advance(limits.livePace / 5)]);
      if (settled !== undefined) break;
    }
    const { value, done } = await reading;
    return done ? undefined : (JSON.parse(value as string) as Line);
  };
  return { next, leave: () => abort.abort(), lines };
}
const openOne = (id = 'lb-1', account?: string) =>
  open<LoadBalancerLine>(WatchLoadBalancer, { LoadBalancerId: id }, account);
const openAll = (account?: string) => open<LoadBalancersLine>(WatchLoadBalancers, {}, account);

/** A line less its time. */
function told(line: object | undefined) {
  const { Time: _, ...rest } = (line ?? {}) as { Time?: string };
  return rest;
}

describe('who watches a load balancer', () => {
  test('is told the whole of it, and then the parts that are new', async () => {
    const watcher = openOne();
    const first = (await watcher.next())!;
    assert.equal(first.Type, 'state');
    assert.ok('Rollout' in first);
    assert.deepEqual(first.Rollout?.Forwarders, [
      {
        ForwarderName: 'edge-1',
        Live: false,
        State: 'unseen',
        SilentSince: '',
        Counted: true,
        Revision: 0,
        Applied: false,
        Reasons: ['it has not connected yet'],
      },
    ]);
    const revision = await change(loadBalancer('lb-1', ['i-1'], { name: 'shop' }));
    const line = (await watcher.next()) as Extract<LoadBalancerLine, { Type: 'change' }>;
    const { LoadBalancer, ...rest } = line;
    assert.deepEqual(told(rest), { Type: 'change', Revision: revision });
    assert.equal(LoadBalancer?.LoadBalancerName, 'shop');
    assert.deepEqual(told(await watcher.next()), { Type: 'heartbeat' });
  });

  test('is told once of changes that come together, however slowly it reads', async () => {
    const watcher = openOne();
    await watcher.next();
    let revision = 0;
    for (let each = 0; each < 500; each++) {
      revision = await change(loadBalancer('lb-1', ['i-1'], { name: `shop-${each}` }));
    }
    await clock.advance(limits.heartbeat * 5);
    const line = (await watcher.next()) as Extract<LoadBalancerLine, { Type: 'change' }>;
    assert.deepEqual([line.Revision, line.LoadBalancer?.LoadBalancerName], [revision, 'shop-499']);
    assert.deepEqual(told(await watcher.next()), { Type: 'heartbeat' });
  });

  test('is told nothing but a heartbeat now and then while nothing is new', async () => {
    const applied = { revision: 1, failures: [] };
    await fleet.report('site-1', 'edge-1', { applied });
    const watcher = openOne();
    const types = [(await watcher.next())?.Type];
    const begun = clock.now();
    while (clock.now() - begun < limits.heartbeat * 3) {
      const reading = watcher.next();
      await fleet.report('site-1', 'edge-1', { applied });
      types.push((await reading)?.Type);
    }
    assert.ok(types.length <= 5, types.join());
    assert.deepEqual(new Set(types.slice(1)), new Set(['heartbeat']));
  });

  test('sees how far forwarders have come, and the freeze', async () => {
    const watcher = openOne();
    const first = (await watcher.next()) as Extract<LoadBalancerLine, { Type: 'state' }>;
    await fleet.report('site-1', 'edge-1', {
      applied: { revision: first.Revision, failures: [] },
    });
    const applied = (await watcher.next()) as Extract<LoadBalancerLine, { Type: 'change' }>;
    assert.deepEqual([applied.Rollout?.Applied, applied.Rollout?.Live], [1, 1]);
    await put(keys.freeze, { v: 1, frozen: true });
    const frozen = (await watcher.next()) as Extract<LoadBalancerLine, { Type: 'change' }>;
    assert.equal(frozen.Rollout?.Frozen, true);
  });

  test('sees a drain out by its deadline, though nobody counts it', async () => {
    const deadline = clock.now() + 1_000;
    const draining = [{ ...server('i-2'), deadline }];
    await change(loadBalancer('lb-1', ['i-1'], { draining }));
    const watcher = openOne();
    const overs: (boolean | undefined)[] = [];
    while (overs.at(-1) !== true) {
      const line = await watcher.next();
      if (line !== undefined && 'Drains' in line) overs.push(line.Drains?.[0]?.Over);
    }
    assert.deepEqual(overs, [false, true]);
    await clock.advance(limits.drainShown);
    const line = (await watcher.next()) as Extract<LoadBalancerLine, { Type: 'change' }>;
    assert.deepEqual(line.Drains, []);
  });

  test('is told that it is gone, and nothing after', async () => {
    const watcher = openOne();
    await watcher.next();
    const deletes = [keys.loadBalancer('site-1', 'lb-1')];
    await store.commit({ ifRevision: new Map(), puts: [], deletes });
    assert.deepEqual(told(await watcher.next()), { Type: 'deleted' });
    assert.equal(await watcher.next(), undefined);
  });

  test('learns what changed while the store was away', async () => {
    const watcher = openOne();
    await watcher.next();
    store.setDown(true);
    assert.deepEqual(told(await watcher.next()), { Type: 'heartbeat' });
    store.setDown(false);
    await change(loadBalancer('lb-1', ['i-1'], { name: 'later' }));
    let name: string | undefined;
    while (name === undefined) {
      const line = await watcher.next();
      if (line !== undefined && 'LoadBalancer' in line) name = line.LoadBalancer?.LoadBalancerName;
    }
    assert.equal(name, 'later');
  });

  test("sees no other account's", async () => {
    await assert.rejects(
      openOne('lb-2').next(),
      (error) => error instanceof Refusal && error.code === 'LoadBalancerNotFound',
    );
  });

  test('has its traffic counted for as long as it watches', async () => {
    const watchedBy = async () => (await store.range(keys.allWatched)).entries;
    assert.deepEqual(await watchedBy(), []);
    const watcher = openOne();
    await watcher.next();
    const [entry] = await watchedBy();
    assert.deepEqual((JSON.parse(entry!.value) as { ids: string[] }).ids, ['lb-1']);
    watcher.leave();
    await clock.advance(limits.forwarderLeaseSeconds * 1_000 + 1_000);
    assert.deepEqual(await watchedBy(), []);
  });
});

describe('who watches all load balancers of an account', () => {
  test('is told which changed and which are gone, and of no others', async () => {
    const watcher = openAll();
    const first = (await watcher.next()) as Extract<LoadBalancersLine, { Type: 'all' }>;
    assert.deepEqual(
      first.Forwarders.map(({ EnsRegionId, Live }) => [EnsRegionId, Live]),
      [['site-1', false]],
    );
    await change(loadBalancer('lb-2', ['i-9'], { site: 'site-2', account: '2' }));
    await change(loadBalancer('lb-3'));
    const deletes = [keys.loadBalancer('site-1', 'lb-1')];
    const result = await store.commit({ ifRevision: new Map(), puts: [], deletes });
    assert.deepEqual(told(await watcher.next()), {
      Type: 'change',
      Changed: ['lb-3'],
      Deleted: ['lb-1'],
      Revision: result.committed && result.revision,
    });
    assert.deepEqual(told(await watcher.next()), { Type: 'heartbeat' });
  });

  test('is told of forwarders that come, go on and go', async () => {
    const watcher = openAll();
    await watcher.next();
    await fleet.report('site-1', 'edge-1', { applied: { revision: 3, failures: [] } });
    await fleet.report('site-2', 'edge-1', { applied: { revision: 3, failures: [] } });
    const { Forwarders } = (await watcher.next()) as { Forwarders?: readonly unknown[] };
    assert.deepEqual(Forwarders, [
      {
        EnsRegionId: 'site-1',
        ForwarderName: 'edge-1',
        Live: true,
        State: 'live',
        SilentSince: '',
        Fences: false,
        Revision: 3,
        FailureCount: 0,
        Engine: '',
        Notices: [],
      },
    ]);
    const deletes = [keys.forwarder('site-1', 'edge-1')];
    await store.commit({ ifRevision: new Map(), puts: [], deletes });
    assert.deepEqual(told(await watcher.next()), {
      Type: 'change',
      Gone: [{ EnsRegionId: 'site-1', ForwarderName: 'edge-1' }],
    });
  });

  test('is told that all may have changed when it reads too slowly', async () => {
    const watcher = openAll();
    await watcher.next();
    for (let each = 0; each <= limits.liveChanges; each++)
      await change(loadBalancer(`lb-x${each}`));
    await clock.advance(limits.heartbeat * 5);
    assert.equal((await watcher.next())?.Type, 'all');
    assert.deepEqual(told(await watcher.next()), { Type: 'heartbeat' });
  });

  test('is told that all may have changed when the history does not reach back', async () => {
    const watcher = openAll();
    await watcher.next();
    store.compact();
    const types: (string | undefined)[] = [];
    while (types.at(-1) !== 'all') types.push((await watcher.next())?.Type);
    await change(loadBalancer('lb-4'));
    const line = (await watcher.next()) as { Changed?: readonly string[] };
    assert.deepEqual(line.Changed, ['lb-4']);
  });
});

describe('a stream', () => {
  test('ends by itself, so that the rights of its reader are asked again', async () => {
    const watcher = openOne();
    const begun = clock.now();
    while ((await watcher.next()) !== undefined);
    assert.ok(clock.now() - begun <= limits.liveLife + limits.heartbeat);
  });

  test('is one of so many that an account may have', async () => {
    const watchers = Array.from({ length: limits.liveStreams }, () => openAll());
    for (const watcher of watchers) await watcher.lines.next();
    await assert.rejects(openOne().next(), failsWith('Throttling.User'));
    assert.equal((await openOne('lb-2', '2').next())?.Type, 'state');
    // It reads no further: its stream is not there to notice.
    watchers[0]!.leave();
    assert.equal((await openOne().next())?.Type, 'state');
  });
});
