import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Range, RangeOptions } from '../store/store.ts';
import { type AuditWindow, auditPlace, newestRecords } from './audit-log.ts';

/** A store that holds an audit log, and counts what is read of it. */
function logOf(times: readonly number[]) {
  const entries = times
    .map((time, index) => keys.audit(new Date(time).toISOString(), `request-${index}`))
    .sort()
    .map((key, index) => ({ key, value: JSON.stringify({ v: 1, key }), revision: index + 1 }));
  const log = {
    keys: entries.map(({ key }) => key),
    pages: 0,
    range: async (prefix: string, { after = '', limit = 0 }: RangeOptions = {}): Promise<Range> => {
      log.pages += 1;
      const found = entries.filter(({ key }) => key.startsWith(prefix) && key > after);
      return { entries: found.slice(0, limit), revision: entries.length };
    },
  };
  return log;
}

async function read(
  log: ReturnType<typeof logOf>,
  window: AuditWindow,
  most = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of newestRecords(log, window)) {
    found.push(key);
    if (found.length === most) break;
  }
  return found;
}

const day = 86_400_000;
const start = Date.parse('2026-11-24T00:00:00Z');
const all = { after: auditPlace(0), before: auditPlace(start + 100 * day) };

/** Records that come one by one, and many at a time. */
const times = fc
  .array(fc.tuple(fc.nat(40 * day), fc.constantFrom(1, 3, 2 * limits.auditPage + 1)), {
    maxLength: 12,
  })
  .map((bursts) => bursts.flatMap(([offset, count]) => Array<number>(count).fill(start + offset)));

test('the log reads back from the newest record to the oldest, each once', async () => {
  await fc.assert(
    fc.asyncProperty(times, async (recorded) => {
      const log = logOf(recorded);
      assert.deepEqual(await read(log, all), log.keys.toReversed());
    }),
    { numRuns: 50 },
  );
});

test('a window shows what lies in it, and nothing else', async () => {
  const bound = fc.nat(40 * day).map((offset) => start + offset);
  await fc.assert(
    fc.asyncProperty(times, bound, bound, async (recorded, from, to) => {
      const log = logOf(recorded);
      const window = { after: auditPlace(from), before: auditPlace(to) };
      const expected = log.keys.filter((key) => key > window.after && key < window.before);
      assert.deepEqual(await read(log, window), expected.toReversed());
    }),
    { numRuns: 50 },
  );
});

test('reading goes on before any record it ended at', async () => {
  const log = logOf([1, 1, 2, 3, 3, 3].map((second) => start + second * 1000));
  for (const [index, key] of log.keys.entries()) {
    const rest = await read(log, { ...all, before: key });
    assert.deepEqual(rest, log.keys.slice(0, index).toReversed());
  }
});

test('records of a time are in the window that starts then, not in one that ends', async () => {
  const log = logOf([start, start + 1]);
  const [first, second] = log.keys;
  assert.deepEqual(await read(log, { ...all, after: auditPlace(start) }), [second, first]);
  assert.deepEqual(await read(log, { ...all, before: auditPlace(start + 1) }), [first]);
});

test('the newest records cost the same few pages, however long the log is', async () => {
  const pagesFor = async (count: number) => {
    const log = logOf(Array.from({ length: count }, (_, index) => start + index * 1000));
    const before = auditPlace(start + count * 1000);
    const newest = await read(log, { ...all, before }, 10);
    assert.deepEqual(newest, log.keys.slice(-10).toReversed());
    return log.pages;
  };
  const [short, long] = [await pagesFor(1_000), await pagesFor(50_000)];
  assert.ok(long < 60, `${long} pages`);
  assert.ok(long < short + 30, `${long} pages, ${short} of the short log`);
});
