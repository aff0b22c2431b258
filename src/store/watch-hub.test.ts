import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../limits.ts';
import type { Change, WatchEvent } from './store.ts';
import { WatchHub } from './watch-hub.ts';

const never = new AbortController().signal;
const change = (key: string, value = '1'): Change => ({ key, value });
const openHub = (revision = 0) => new WatchHub({ revision, leased: () => [] });
const next = async (watch: AsyncGenerator<WatchEvent>) => (await watch.next()).value;

describe('watches of one process', () => {
  test('as many commits as promised can be resumed from, and not one more', async () => {
    const hub = openHub();
    const newest = limits.watchHistory + 5;
    for (let revision = 1; revision <= newest; revision++) hub.publish(revision, [change('k')]);
    const oldest = newest - limits.watchHistory;
    const compacted = { kind: 'compacted', revision: oldest };
    assert.deepEqual(await next(hub.watch('k', oldest - 1, never)), compacted);
    const watch = hub.watch('k', oldest, never);
    for (let revision = oldest + 1; revision <= newest; revision++) {
      assert.equal((await next(watch))?.revision, revision);
    }
    await watch.return();
  });

  test('large values shorten the history instead of filling the memory', async () => {
    const hub = openHub();
    const half = 'x'.repeat(limits.watchHistoryChars / 2);
    for (const revision of [1, 2, 3]) hub.publish(revision, [change('k', half)]);
    assert.equal((await next(hub.watch('k', 0, never)))?.kind, 'compacted');
    const watch = hub.watch('k', 1, never);
    assert.equal((await next(watch))?.revision, 2);
    hub.publish(4, [change('k', `${half}${half}x`)]);
    assert.equal((await next(hub.watch('k', 3, never)))?.kind, 'compacted');
    await watch.return();
  });

  test('a watcher that falls too far behind is told to read again', async () => {
    const hub = openHub();
    const watch = hub.watch('k', 0, never);
    const event = next(watch);
    const newest = limits.watchQueue + 10;
    for (let revision = 1; revision <= newest; revision++) hub.publish(revision, [change('k')]);
    assert.deepEqual(await event, { kind: 'compacted', revision: newest });
    assert.equal((await watch.next()).done, true);
  });

  test('one that keeps up is told everything, however long it goes on', async () => {
    const hub = openHub();
    const watch = hub.watch('k', 0, never);
    for (let revision = 1; revision <= limits.watchQueue * 2; revision++) {
      const event = next(watch);
      hub.publish(revision, [change('k'), change('other')]);
      assert.deepEqual(await event, { kind: 'changes', revision, changes: [change('k')] });
    }
    await watch.return();
  });

  test('a commit that a range has seen before it was published is not told again', async () => {
    const hub = openHub(9);
    const watch = hub.watch('k', 10, never);
    const event = next(watch);
    hub.publishLeased([change('k/leased')]);
    hub.publish(10, [change('k', 'seen')]);
    hub.publish(11, [change('k', 'new')]);
    const leased = { kind: 'changes', revision: 10, changes: [change('k/leased')] };
    assert.deepEqual(await event, leased);
    const fresh = { kind: 'changes', revision: 11, changes: [change('k', 'new')] };
    assert.deepEqual(await next(watch), fresh);
    await watch.return();
  });
});
