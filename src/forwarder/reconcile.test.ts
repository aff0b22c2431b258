import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { limits } from '../limits.ts';
import { MemoryEngine } from './memory-engine.ts';
import { Reconciler } from './reconcile.ts';

/** A reconciler on a memory engine whose verbs may be held. */
function scene() {
  const clock = new SimulatedClock();
  const engine = new MemoryEngine({ now: clock.now });
  const told: string[] = [];
  const reconciler = new Reconciler({
    engine,
    timers: clock,
    random: () => 0,
    log: silent,
    onProgress: (site) => told.push(site),
  });
  reconciler.start();
  const held = new Map<string, () => void>();
  return {
    clock,
    engine,
    told,
    reconciler,
    /** Holds verbs of these load balancers until let go. */
    hold: (...ids: string[]) => {
      engine.faults.slow = (id) =>
        ids.includes(id) ? new Promise((resolve) => held.set(id, resolve)) : undefined;
    },
    letGo: async (id: string) => {
      delete engine.faults.slow;
      held.get(id)?.();
      await clock.advance(0);
    },
    want: async (revision: number, ...wanted: (LoadBalancer | string)[]) => {
      const wants = new Map(
        wanted.map((each) =>
          typeof each === 'string' ? [each, undefined] : ([each.id, each] as const),
        ),
      );
      reconciler.follow('site-1', { wants, since: revision, revision });
      await clock.advance(0);
    },
    applied: () => reconciler.progress('site-1').report([]),
    names: () => [...engine.carried.values()].map(({ name }) => name).sort(),
  };
}

const version = (id: string, name: string) => loadBalancer(id, ['i-1'], { name });

describe('what is applied', () => {
  test('a revision is applied when all of it was read back', async () => {
    const { want, applied, hold, letGo, names } = scene();
    hold('lb-2');
    await want(5, version('lb-1', 'a'), version('lb-2', 'b'));
    assert.deepEqual(applied(), { revision: 4, failures: [], ahead: { 'lb-1': 5 } });
    await letGo('lb-2');
    assert.deepEqual(applied(), { revision: 5, failures: [] });
    assert.deepEqual(names(), ['a', 'b']);
  });

  test('a slow neighbour holds back the site, not the load balancer that is done', async () => {
    const { want, applied, hold, letGo } = scene();
    hold('lb-1');
    await want(5, version('lb-1', 'a'));
    await want(6, version('lb-2', 'b'));
    await want(7, version('lb-2', 'c'));
    assert.deepEqual(applied(), { revision: 4, failures: [], ahead: { 'lb-2': 7 } });
    await letGo('lb-1');
    assert.deepEqual(applied(), { revision: 7, failures: [] });
  });

  test('of several wishes that wait the latest is applied, after the one at work', async () => {
    const { want, engine, hold, letGo, names, applied } = scene();
    hold('lb-1');
    await want(5, version('lb-1', 'a'));
    for (const [revision, name] of [
      [6, 'b'],
      [7, 'c'],
      [8, 'd'],
    ] as const) {
      await want(revision, version('lb-1', name));
    }
    assert.deepEqual(applied().revision, 4);
    await letGo('lb-1');
    assert.deepEqual(names(), ['d']);
    assert.deepEqual(engine.verbs, ['apply lb-1', 'apply lb-1']);
    assert.deepEqual(applied(), { revision: 8, failures: [] });
  });

  test('a removed load balancer leaves the engine', async () => {
    const { want, names, applied } = scene();
    await want(5, version('lb-1', 'a'), version('lb-2', 'b'));
    await want(6, 'lb-1');
    assert.deepEqual(names(), ['b']);
    assert.deepEqual(applied(), { revision: 6, failures: [] });
  });

  test('every step is told of, though it asks nothing of the engine', async () => {
    const { want, told, applied } = scene();
    await want(5);
    assert.deepEqual(told, ['site-1']);
    assert.equal(applied().revision, 5);
  });
});

describe('what fails', () => {
  test('a refusal is a failure with its reason, and holds back nobody', async () => {
    const { want, engine, applied } = scene();
    engine.faults.refuse = (id) => (id === 'lb-1' ? 'port 80 is taken' : undefined);
    await want(5, version('lb-1', 'a'), version('lb-2', 'b'));
    const failure = { loadBalancerId: 'lb-1', reason: 'port 80 is taken' };
    assert.deepEqual(applied(), { revision: 5, failures: [failure] });
  });

  test('it is tried again, less and less often, until the engine takes it', async () => {
    const { want, engine, applied, clock } = scene();
    engine.faults.refuse = () => 'busy';
    await want(5, version('lb-1', 'a'));
    await clock.advance(10_000);
    const tries = engine.verbs.length;
    assert.ok(tries > 4 && tries < 10, `${tries} tries in 10 s`);
    delete engine.faults.refuse;
    await clock.advance(limits.applyRetry.maxMs);
    assert.deepEqual(applied(), { revision: 5, failures: [] });
    const done = engine.verbs.length;
    await clock.advance(10 * limits.applyRetry.maxMs);
    assert.equal(engine.verbs.length, done);
  });

  test('a removal that fails is tried again too', async () => {
    const { want, engine, applied, clock, names } = scene();
    await want(5, version('lb-1', 'a'));
    engine.faults.refuse = () => 'busy';
    await want(6, 'lb-1');
    assert.deepEqual(applied().failures, [{ loadBalancerId: 'lb-1', reason: 'busy' }]);
    delete engine.faults.refuse;
    await clock.advance(limits.applyRetry.maxMs);
    assert.deepEqual(names(), []);
    assert.deepEqual(applied(), { revision: 6, failures: [] });
  });

  test('an engine that throws has failed, not stopped', async () => {
    const { want, engine, applied } = scene();
    engine.faults.refuse = () => {
      throw new Error('socket closed');
    };
    await want(5, version('lb-1', 'a'));
    assert.equal(applied().failures[0]?.reason, 'socket closed');
  });

  test('too many failures to name are one that stands for all', async () => {
    const { want, engine, applied } = scene();
    engine.faults.refuse = () => 'no';
    const count = limits.reportedFailures + 1;
    await want(5, ...Array.from({ length: count }, (_, index) => version(`lb-${index}`, 'a')));
    assert.equal(applied().failures.length, 1);
    assert.equal(applied().failures[0]?.loadBalancerId, '*');
  });
});

test('a long reason is cut to what a report takes', async () => {
  const { want, engine, applied } = scene();
  engine.faults.refuse = () => 'x'.repeat(limits.reportReason + 1);
  await want(5, version('lb-1', 'a'));
  assert.equal(applied().failures[0]?.reason.length, limits.reportReason);
});

describe('an engine that lost its state', () => {
  test('is given everything again, and until then nothing counts as applied', async () => {
    const { want, engine, applied, hold, letGo, names } = scene();
    await want(5, version('lb-1', 'a'), version('lb-2', 'b'));
    hold('lb-1');
    engine.lose('restarted');
    assert.deepEqual(
      applied().failures.map(({ loadBalancerId }) => loadBalancerId),
      ['lb-1', 'lb-2'],
    );
    assert.equal(applied().revision, 5, 'a revision never goes down');
    await letGo('lb-1');
    assert.deepEqual(names(), ['a', 'b']);
    assert.deepEqual(applied(), { revision: 5, failures: [] });
  });

  test('what was at work when it was lost is done again', async () => {
    const { want, engine, applied, hold, letGo, names } = scene();
    hold('lb-1');
    await want(5, version('lb-1', 'a'));
    engine.lose('restarted');
    assert.equal(applied().failures.length, 1);
    await letGo('lb-1');
    assert.deepEqual(engine.verbs, ['apply lb-1', 'apply lb-1']);
    assert.deepEqual(names(), ['a']);
    assert.deepEqual(applied(), { revision: 5, failures: [] });
  });

  test('or that only claimed success is found out by the refresh', async () => {
    const { want, engine, reconciler, names, clock } = scene();
    engine.faults.lie = () => true;
    await want(5, version('lb-1', 'a'), version('lb-2', 'b'));
    delete engine.faults.lie;
    reconciler.refresh(0.5);
    await clock.advance(0);
    assert.deepEqual(names(), ['a']);
    reconciler.refresh(0.5);
    await clock.advance(0);
    assert.deepEqual(names(), ['a', 'b']);
  });
});

describe('pruning', () => {
  test('leaves what is wanted and runs while nothing else is at work', async () => {
    const { want, engine, reconciler, hold, letGo, names, clock } = scene();
    await engine.apply(version('lb-old', 'old'));
    hold('lb-1', 'lb-3');
    await want(5, version('lb-1', 'a'), version('lb-3', 'c'));
    const pruned = reconciler.prune();
    await want(6, version('lb-2', 'b'));
    await letGo('lb-3');
    assert.deepEqual(names(), ['c', 'old'], 'lb-2 waits for the pruning, that for lb-1');
    await letGo('lb-1');
    await pruned;
    await clock.advance(0);
    assert.deepEqual(names(), ['a', 'b', 'c']);
    assert.deepEqual(engine.verbs.slice(3), ['prune', 'apply lb-2']);
  });

  test('a released site leaves the engine, the others stay', async () => {
    const { want, reconciler, names, clock } = scene();
    await want(5, version('lb-1', 'a'));
    const other = loadBalancer('lb-9', ['i-1'], { site: 'site-2', name: 'z' });
    reconciler.follow('site-2', { wants: new Map([['lb-9', other]]), since: 1, revision: 7 });
    reconciler.release('site-1');
    await clock.advance(0);
    assert.deepEqual(names(), ['z']);
    assert.equal(reconciler.siteOf('lb-9'), 'site-2');
    assert.equal(reconciler.siteOf('lb-1'), undefined);
  });
});

test('closing waits for the verb at work and starts no other', async () => {
  const { want, engine, reconciler, hold, letGo, clock } = scene();
  hold('lb-1');
  await want(5, version('lb-1', 'a'));
  await want(6, version('lb-1', 'b'));
  let closed = false;
  const closing = reconciler.close().then(() => (closed = true));
  await clock.advance(0);
  assert.equal(closed, false);
  await letGo('lb-1');
  await closing;
  assert.deepEqual(engine.verbs, ['apply lb-1']);
});
