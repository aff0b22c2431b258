import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../limits.ts';
import {
  chooseEndings,
  type OldWorker,
  type OldWorkerBounds,
  pauseBeforeReload,
} from './old-worker-bounds.ts';

const bounds: OldWorkerBounds = {
  memoryBytes: 100,
  ageMs: 1_000,
  idleMs: 10,
  graceMs: 50,
  count: 4,
};

/** Of 40 bytes, the oldest first. */
function workers(...kinds: ('idle' | 'active')[]): OldWorker[] {
  return kinds.map((kind, index) => ({
    pid: index + 1,
    ageMs: 500 - index,
    bytes: 40,
    isIdle: kind === 'idle',
  }));
}

test('within the bounds no worker ends', () => {
  assert.deepEqual(chooseEndings(workers('idle', 'active'), bounds, true), []);
});

test('above the memory the oldest worker ends, and no more of them than needed', () => {
  for (const kind of ['idle', 'active'] as const) {
    const found = chooseEndings(workers(kind, kind, kind), bounds, true);
    assert.deepEqual(found, [{ pid: 1, bound: 'memory' }]);
  }
});

test('a worker whose sessions are all idle ends before an older one with an active session', () => {
  const found = chooseEndings(workers('active', 'idle', 'idle', 'active'), bounds, true);
  assert.deepEqual(
    found.map(({ pid }) => pid),
    [2, 3],
  );
});

test('active sessions end when the idle ones are not enough', () => {
  const found = chooseEndings(workers('active', 'active', 'idle', 'active'), bounds, true);
  assert.deepEqual(
    found.map(({ pid }) => pid),
    [3, 1],
  );
});

test('no worker ends for memory before its sessions were watched', () => {
  assert.deepEqual(chooseEndings(workers('idle', 'idle', 'idle'), bounds, false), []);
});

test('more workers than HAProxy can list end, whatever memory they use', () => {
  const many = workers('active', 'active', 'active', 'active', 'active');
  const found = chooseEndings(
    many.map((worker) => ({ ...worker, bytes: 1 })),
    bounds,
    true,
  );
  assert.deepEqual(found, [{ pid: 1, bound: 'count' }]);
});

test('at the age bound a worker ends when idle, and after the grace in any case', () => {
  const at = (ageMs: number, isIdle: boolean) =>
    chooseEndings([{ pid: 1, bytes: 1, ageMs, isIdle }], bounds, false).length;
  assert.equal(at(1_000, true), 0);
  assert.equal(at(1_001, true), 1);
  assert.equal(at(1_001, false), 0);
  assert.equal(at(1_050, false), 0);
  assert.equal(at(1_051, false), 1);
});

test('a single change waits for no pause; of many in a row more share a reload', () => {
  const { reloadGather, reloadPause } = limits;
  assert.equal(pauseBeforeReload(0, 0), reloadGather);
  assert.equal(pauseBeforeReload(1_000, reloadPause.max), reloadGather);
  assert.equal(pauseBeforeReload(10, 0), 10 * reloadPause.perWorker);
  assert.equal(pauseBeforeReload(1_000, 0), reloadPause.max);
  assert.equal(pauseBeforeReload(1_000, 100), reloadPause.max - 100);
});
