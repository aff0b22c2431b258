import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type Bench, openBench } from '../../test/support/call.ts';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { isMinute, readMinutes, storeMinute } from './minutes.ts';
import type { MinuteReport } from './protocol.ts';

const now = Date.parse('2026-11-24T08:00:30Z');
const start = Date.parse('2026-11-24T07:00:00Z');

let bench: Bench;
let store: Store;

beforeEach(async () => {
  bench = await openBench();
  store = bench.store;
});
afterEach(() => bench.close());

/** `numbers` as of `minuteFields`. */
function report(time: number, part: string, numbers: readonly number[], id = 'lb-1'): MinuteReport {
  const minute = new Date(time).toISOString().slice(0, 16);
  return { minute, part, listeners: { [id]: { 'tcp:80': numbers } } };
}

const take = (minute: MinuteReport, { forwarder = 'edge-1', site = 'local', at = now } = {}) =>
  storeMinute(store, { site, forwarder, now: at }, minute);

async function read(from = start, until = now, id = 'lb-1', site = 'local') {
  const minutes = await readMinutes(store, { site, id }, { from, until });
  return minutes.map(({ time, listeners }) => {
    const { validServers, invalidServers, active, connections } = listeners.get('tcp:80')!;
    return [(time - start) / 60_000, validServers, invalidServers, active, connections];
  });
}

test('what forwarders say of a minute adds up; of servers the worse word counts', async () => {
  await take(report(start, '1', [3, 0, 2, 10]), { forwarder: 'edge-1' });
  await take(report(start, '1', [1, 2, 5, 7]), { forwarder: 'edge-2' });
  assert.deepEqual(await read(), [[0, 1, 2, 7, 17]]);
});

test('two parts of one forwarder add up too, and the later one says how things stand', async () => {
  await take(report(start, '100-0', [3, 0, 2, 10]));
  await take(report(start, '200-0', [1, 2, 5, 7]));
  assert.deepEqual(await read(), [[0, 1, 2, 5, 17]]);
});

test('what comes again, through whichever control plane, counts once', async () => {
  const minute = report(start, '1', [1, 0, 0, 10]);
  await Promise.all([take(minute), take(minute), take(minute)]);
  await take(minute, { at: now + 60_000 });
  assert.deepEqual(await read(), [[0, 1, 0, 0, 10]]);
});

test('a window holds the minutes that begin in it, page by page', async () => {
  const count = limits.rangePage + 20;
  const first = now - 9 * 3_600_000;
  for (let index = 0; index < count; index++) {
    await take(report(first + index * 60_000, '1', [0, 0, 0, index + 1]));
  }
  const all = await readMinutes(store, { site: 'local', id: 'lb-1' }, { from: first, until: now });
  // The first begins before the window does.
  assert.equal(all.length, count - 1);
  const times = (await read(start, start + 120_000)).map(([minute]) => minute);
  assert.deepEqual(times, [0, 1]);
  assert.deepEqual(await read(start + 1, start + 60_000), []);
  assert.deepEqual(await read(start, start), []);
});

test('load balancers and sites are kept apart', async () => {
  await take(report(start, '1', [1, 0, 0, 10], 'lb-1'));
  await take(report(start, '2', [1, 0, 0, 20], 'lb-2'));
  await take(report(start, '1', [1, 0, 0, 30], 'lb-1'), { site: 'local-2' });
  assert.deepEqual(await read(start, now, 'lb-2'), [[0, 1, 0, 0, 20]]);
  assert.deepEqual(await read(start, now, 'lb-1', 'local-2'), [[0, 1, 0, 0, 30]]);
  assert.deepEqual(await read(start, now, 'lb-3'), []);
});

test('a minute is one commit, however many load balancers it has', async () => {
  const listeners = Object.fromEntries(
    Array.from({ length: limits.minuteListeners }, (_, index) => [
      `lb-${index}`,
      { 'tcp:80': [1] },
    ]),
  );
  const { revision } = await store.range(keys.allMinutes);
  await take({ minute: '2026-11-24T07:00', part: '1', listeners });
  const after = await store.range(keys.allMinutes);
  assert.equal(after.revision, revision + 1);
  assert.equal(after.entries.length, limits.minuteBuckets);
});

test('a day is kept whole, and what is older goes, also of what nobody writes', async () => {
  const minutes = limits.minutesKept / 60_000;
  await take(report(start, '1', [1, 0, 0, 1], 'lb-gone'), { site: 'gone' });
  for (let index = 0; index < minutes + 200; index++) {
    const at = start + index * 60_000;
    await take(report(at, '1', [1, 0, 0, 1]), { at });
  }
  const { entries } = await store.range(keys.allMinutes);
  assert.ok(entries.length <= minutes + 2, `${entries.length} values`);
  assert.equal((await read(start, start, 'lb-gone', 'gone')).length, 0);
  const end = start + (minutes + 200) * 60_000;
  assert.equal((await read(end - 24 * 3_600_000, end)).length, 1_440);
});

test('a minute that is kept no longer, or is yet to come, is not taken', async () => {
  await take(report(now - limits.minutesKept - 60_000, '1', [1]));
  await take(report(now + limits.clockSkew + 60_000, '1', [1]));
  assert.deepEqual((await store.range(keys.allMinutes)).entries, []);
});

test('only a minute that there is, is one', () => {
  assert.equal(isMinute('2026-11-24T08:00'), true);
  for (const text of ['2026-11-31T08:00', '2026-11-24T24:00', '2026-11-24T08:60', '', '08:00']) {
    assert.equal(isMinute(text), false, text);
  }
});
