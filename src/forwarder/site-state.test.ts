import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadBalancer, server } from '../../test/support/load-balancers.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { formatHash, hashOf } from '../fleet/hash.ts';
import { SiteState } from './site-state.ts';

function hash(loadBalancers: readonly LoadBalancer[]): string {
  return formatHash(loadBalancers.reduce((sum, each) => sum ^ hashOf(JSON.stringify(each)), 0n));
}

function snapshot(
  revision: number,
  loadBalancers: readonly LoadBalancer[],
  deleted: readonly string[] = [],
) {
  const type = 'snapshot' as const;
  return { type, site: 'site-1', revision, hash: hash(loadBalancers), loadBalancers, deleted };
}

function change(
  base: number,
  revision: number,
  puts: readonly LoadBalancer[],
  deletes: readonly string[] = [],
) {
  return { type: 'change' as const, site: 'site-1', base, revision, puts, deletes };
}

function heartbeat(revision: number, loadBalancers: readonly LoadBalancer[], frozen = false) {
  const type = 'heartbeat' as const;
  return { type, site: 'site-1', revision, hash: hash(loadBalancers), frozen };
}

/** A state that holds `loadBalancers` at revision 10. */
function at10(...loadBalancers: LoadBalancer[]): SiteState {
  const state = new SiteState('site-1');
  state.take(snapshot(10, loadBalancers));
  return state;
}

function wanted(state: SiteState): Record<string, string[]> {
  return Object.fromEntries(
    Array.from(state.wanted(), ({ id, backends }) => [id, backends.map((each) => each.serverId)]),
  );
}

describe('the order of revisions', () => {
  const one = loadBalancer('lb-1');
  const next = loadBalancer('lb-1', ['i-1', 'i-2', 'i-3']);

  test('a change that builds on what is held is applied', () => {
    const step = at10(one).take(change(10, 12, [next]));
    assert.deepEqual(step, {
      kind: 'apply',
      wants: new Map([['lb-1', next]]),
      since: 12,
      revision: 12,
    });
  });

  test('a change that builds on an earlier revision than the one held is applied too', () => {
    assert.equal(at10(one).take(change(7, 12, [next])).kind, 'apply');
  });

  test('a change whose base is not held needs a fresh snapshot', () => {
    const state = at10(one);
    assert.equal(state.take(change(11, 12, [next])).kind, 'lost');
    assert.equal(state.revision, 10);
  });

  test('a change before any snapshot needs one', () => {
    assert.equal(new SiteState('site-1').take(change(0, 1, [one])).kind, 'lost');
  });

  test('a change that is held already says nothing', () => {
    const state = at10(next);
    assert.deepEqual(state.take(change(8, 9, [one])), { kind: 'current', inStep: false });
    assert.deepEqual(wanted(state), { 'lb-1': ['i-1', 'i-2', 'i-3'] });
  });

  test('an older snapshot is refused', () => {
    const state = at10(next);
    assert.equal(state.take(snapshot(9, [one])).kind, 'refused');
    assert.equal(state.revision, 10);
  });

  test('an older revision with the same content is no disagreement', () => {
    const state = at10(next);
    assert.deepEqual(state.take(snapshot(9, [next])), { kind: 'current', inStep: true });
    assert.deepEqual(state.take(heartbeat(9, [next])), { kind: 'current', inStep: true });
  });

  test('a snapshot wants only what differs', () => {
    const other = loadBalancer('lb-2');
    const step = at10(one, other).take(snapshot(20, [next, other]));
    assert.ok(step.kind === 'apply');
    assert.deepEqual([...step.wants.keys()], ['lb-1']);
    assert.equal(step.since, 11);
  });

  test('a damaged snapshot is not taken', () => {
    const state = at10(one);
    const damaged = { ...snapshot(11, [next]), hash: hash([one]) };
    assert.equal(state.take(damaged).kind, 'lost');
    assert.deepEqual(wanted(state), { 'lb-1': ['i-1', 'i-2'] });
  });
});

describe('heartbeats', () => {
  const one = loadBalancer('lb-1');

  test('the same revision and hash: both ends are in step', () => {
    assert.deepEqual(at10(one).take(heartbeat(10, [one])), { kind: 'current', inStep: true });
  });

  test('another hash, or a revision that never came, needs a fresh snapshot', () => {
    assert.equal(at10(one).take(heartbeat(10, [])).kind, 'lost');
    assert.equal(at10(one).take(heartbeat(11, [one])).kind, 'lost');
  });

  test('while frozen they say nothing about the content', () => {
    assert.deepEqual(at10(one).take(heartbeat(11, [], true)), { kind: 'current', inStep: false });
  });

  test('a load balancer in a change counts in the hash as in a snapshot', () => {
    const state = at10(one);
    const two = loadBalancer('lb-2');
    state.take(change(10, 11, [two]));
    assert.deepEqual(state.take(heartbeat(11, [two, one])), { kind: 'current', inStep: true });
    state.take(change(11, 12, [], ['lb-1']));
    assert.deepEqual(state.take(heartbeat(12, [two])), { kind: 'current', inStep: true });
  });
});

describe('the guard', () => {
  const good = loadBalancer('lb-1');
  const emptied = loadBalancer('lb-1', []);
  const why = { emptiedBy: { action: 'RemoveBackendServers', requestId: 'r-1' } };

  test('a pool emptied without a reason keeps its servers', () => {
    for (const message of [change(10, 11, [emptied]), snapshot(11, [emptied])]) {
      const state = at10(good);
      const step = state.take(message);
      assert.ok(step.kind === 'apply');
      assert.equal(step.wants.size, 0);
      assert.deepEqual(wanted(state), { 'lb-1': ['i-1', 'i-2'] });
      assert.match(state.heldBack.get('lb-1') ?? '', /no call explains it/);
      assert.equal(state.take(heartbeat(11, [emptied])).kind, 'current');
    }
  });

  test('a pool emptied by a call is emptied', () => {
    const state = at10(good);
    state.take(change(10, 11, [loadBalancer('lb-1', [], why)]));
    assert.deepEqual(wanted(state), { 'lb-1': [] });
    assert.equal(state.heldBack.size, 0);
  });

  test('servers that all drain explain their absence', () => {
    const state = at10(good);
    const draining = good.backends.map((each) => ({ ...each, deadline: 1 }));
    state.take(change(10, 11, [loadBalancer('lb-1', [], { draining })]));
    assert.deepEqual(wanted(state), { 'lb-1': [] });
  });

  test('a pool that was empty may stay so', () => {
    const state = at10(loadBalancer('lb-1', [], why));
    state.take(change(10, 11, [emptied]));
    assert.equal(state.heldBack.size, 0);
  });

  test('what explains or restores a held back pool ends the holding', () => {
    const explained = loadBalancer('lb-1', [], why);
    const restored = loadBalancer('lb-1', ['i-9']);
    for (const [next, servers] of [
      [explained, []],
      [restored, ['i-9']],
      [good, ['i-1', 'i-2']],
    ] as const) {
      const state = at10(good);
      state.take(change(10, 11, [emptied]));
      const step = state.take(change(11, 12, [next]));
      assert.ok(step.kind === 'apply');
      assert.ok(step.wants.has('lb-1'));
      assert.equal(state.heldBack.size, 0);
      assert.deepEqual(wanted(state), { 'lb-1': servers });
    }
  });

  test('a load balancer that vanishes from a snapshot stays until its deletion is named', () => {
    const state = at10(good, loadBalancer('lb-2'));
    state.take(snapshot(11, [loadBalancer('lb-2')]));
    assert.deepEqual(Object.keys(wanted(state)), ['lb-1', 'lb-2']);
    assert.match(state.heldBack.get('lb-1') ?? '', /vanished/);
    assert.equal(state.take(heartbeat(11, [loadBalancer('lb-2')])).kind, 'current');

    const step = state.take(snapshot(11, [loadBalancer('lb-2')], ['lb-1']));
    assert.ok(step.kind === 'apply');
    assert.deepEqual([...step.wants], [['lb-1', undefined]]);
    assert.equal(state.heldBack.size, 0);
  });

  test('a change that names a deletion is believed', () => {
    const state = at10(good, loadBalancer('lb-2'));
    const step = state.take(change(10, 11, [], ['lb-1']));
    assert.ok(step.kind === 'apply');
    assert.deepEqual([...step.wants], [['lb-1', undefined]]);
  });

  test('a snapshot that loses a good part of the site is refused whole', () => {
    const all = Array.from({ length: 20 }, (_, index) => loadBalancer(`lb-${index}`));
    const changed = loadBalancer('lb-19', ['i-7']);
    const state = at10(...all);
    const step = state.take(snapshot(11, [...all.slice(4, 19), changed]));
    assert.equal(step.kind, 'refused');
    assert.equal(state.revision, 10);
    assert.deepEqual(wanted(state)['lb-19'], ['i-1', 'i-2']);
    assert.equal(state.take(snapshot(12, [...all.slice(3, 19), changed])).kind, 'apply');
    assert.deepEqual(wanted(state)['lb-19'], ['i-7']);
    assert.equal(state.heldBack.size, 3);
  });

  test('an empty snapshot never empties a site', () => {
    const all = Array.from({ length: 5 }, (_, index) => loadBalancer(`lb-${index}`));
    const state = at10(...all);
    assert.equal(state.take(snapshot(11, [])).kind, 'refused');
    assert.equal([...state.wanted()].length, 5);
  });
});

test('its messages lead back to it, held back parts included', () => {
  const state = at10(loadBalancer('lb-1'), loadBalancer('lb-2'), loadBalancer('lb-3'));
  const two = loadBalancer('lb-2', []);
  state.take(change(10, 11, [two]));
  state.take(snapshot(12, [two, loadBalancer('lb-3', ['i-5'])]));

  const again = new SiteState('site-1');
  for (const message of state.messages()) again.take(message);
  assert.equal(again.revision, 12);
  assert.deepEqual(wanted(again), wanted(state));
  assert.deepEqual(again.heldBack, state.heldBack);
  assert.equal(again.take(heartbeat(12, [loadBalancer('lb-3', ['i-5']), two])).kind, 'current');
  assert.deepEqual(wanted(again), {
    'lb-1': ['i-1', 'i-2'],
    'lb-2': ['i-1', 'i-2'],
    'lb-3': ['i-5'],
  });
});

test('a server that comes back with another weight is a change', () => {
  const state = at10(loadBalancer('lb-1'));
  const weighted = { ...loadBalancer('lb-1'), backends: [server('i-1', 0), server('i-2')] };
  const step = state.take(snapshot(11, [weighted]));
  assert.ok(step.kind === 'apply');
  assert.deepEqual(step.wants.get('lb-1'), weighted);
});
