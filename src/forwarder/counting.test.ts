import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryDisk } from '../../test/support/memory-disk.ts';
import type { MinuteReport } from '../fleet/protocol.ts';
import { unpackMinute } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { Counting } from './counting.ts';
import { MemoryEngine } from './memory-engine.ts';

let clock: SimulatedClock;
let engine: MemoryEngine;
let disk: MemoryDisk;
/** What came, as a control plane keeps it: what has a name once counts once. */
let taken: Map<string, { readonly site: string; readonly minute: MinuteReport }>;
let reports: number;
/** How the control plane answers. */
let plane: 'takes' | 'is away' | 'loses its answer';

beforeEach(() => {
  clock = new SimulatedClock(Date.parse('2026-11-24T08:00:30Z'));
  engine = new MemoryEngine({ now: clock.now });
  disk = new MemoryDisk();
  taken = new Map();
  reports = 0;
  plane = 'takes';
});

async function begin(): Promise<Counting> {
  const counting = new Counting({
    engine,
    disk,
    transport: {
      report: async (site, { minute }) => {
        reports += 1;
        if (plane === 'is away') throw new Error('connect ECONNREFUSED');
        taken.set(`${site} ${minute!.minute} ${minute!.part}`, { site, minute: minute! });
        if (plane === 'loses its answer') throw new Error('reset');
      },
    },
    timers: clock,
    now: clock.now,
    random: () => 0,
    log: silent,
    siteOf: (id) => (id === 'lb-gone' ? undefined : id.replace('lb', 'site')),
  });
  await counting.boot();
  counting.start();
  await clock.advance(0);
  return counting;
}

function count(requests: number, ids: readonly string[] = ['lb-1'], source = 'a'): void {
  const zero = { active: 0, connections: 0, dropped: 0, bytesIn: 0, bytesOut: 0 };
  const none = { responses2xx: 0, responses3xx: 0, responses4xx: 0, responses5xx: 0 };
  engine.counted = ids.map((loadBalancerId) => {
    const name = { loadBalancerId, listener: 'http:80', source };
    return { ...name, ...zero, ...none, requests, averageMs: 0 };
  });
}

/** Minute -> requests, as they were taken in all. */
function requests(): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { minute } of taken.values()) {
    for (const listeners of Object.values(minute.listeners)) {
      const { requests } = unpackMinute(listeners['http:80']!);
      found[minute.minute.slice(11)] = (found[minute.minute.slice(11)] ?? 0) + requests;
    }
  }
  return found;
}

test('each minute tells what it added, when it ends', async () => {
  const counting = await begin();
  count(5);
  await clock.advance(29_999);
  assert.equal(reports, 0);
  await clock.advance(1);
  assert.deepEqual(requests(), { '08:00': 5 });
  count(12);
  await clock.advance(60_000);
  await clock.advance(60_000);
  assert.deepEqual(requests(), { '08:00': 5, '08:01': 7, '08:02': 0 });
  await counting.close();
});

test('what an engine counted before anything was known is not told as one minute', async () => {
  count(1_000_000);
  const counting = await begin();
  count(1_000_003);
  await clock.advance(30_000);
  assert.deepEqual(requests(), { '08:00': 3 });
  await counting.close();
});

test('an agent that is killed and starts again loses nothing, counts nothing twice', async () => {
  await begin();
  count(5);
  await clock.advance(31_000);
  count(8);
  // Killed: it says and writes nothing more.
  const files = new Map(disk.files);
  clock = new SimulatedClock(clock.now());
  disk.files.clear();
  for (const [name, text] of files) disk.files.set(name, text);
  count(11);
  const next = await begin();
  await clock.advance(60_000);
  assert.deepEqual(requests(), { '08:00': 5, '08:01': 6 });
  await next.close();
});

test('what was closed with is told by the next life, beside what that adds', async () => {
  const first = await begin();
  count(5);
  await first.close();
  assert.equal(reports, 0);
  count(2, ['lb-1'], 'b');
  const next = await begin();
  await clock.advance(30_000);
  assert.deepEqual(requests(), { '08:00': 7 });
  await next.close();
});

test('a control plane that is away, or whose answer is lost, gets each minute once', async () => {
  const counting = await begin();
  plane = 'is away';
  count(5);
  await clock.advance(60_000);
  plane = 'loses its answer';
  count(6);
  await clock.advance(60_000);
  plane = 'takes';
  await clock.advance(5_000);
  assert.ok(reports > 3);
  assert.deepEqual(requests(), { '08:00': 5, '08:01': 1 });
  const before = reports;
  await clock.advance(20_000);
  assert.equal(reports, before);
  await counting.close();
});

test('so many minutes wait, of however many sites, and no more; the oldest go', async () => {
  const counting = await begin();
  const sites = Array.from({ length: 100 }, (_, index) => `lb-${index}`);
  plane = 'is away';
  await clock.advance(30_000);
  for (let minute = 0; minute < limits.minutesWaiting + 10; minute++) {
    count(minute, sites);
    await clock.advance(60_000);
  }
  plane = 'takes';
  await clock.advance(10_000);
  assert.equal(taken.size, limits.minutesWaiting * sites.length);
  assert.equal(Object.keys(requests()).sort()[0], '08:11');
  await counting.close();
});

test('each site gets its own, in parts that a report holds; unknown ones get none', async () => {
  const counting = await begin();
  const many = Array.from({ length: limits.minuteListeners + 1 }, () => 'lb-1');
  count(1, ['lb-1', 'lb-2', 'lb-gone']);
  await clock.advance(30_000);
  assert.deepEqual(Array.from(taken.values(), ({ site }) => site).sort(), ['site-1', 'site-2']);
  engine.counted = many.map((loadBalancerId, port) => ({
    ...engine.counted[0]!,
    loadBalancerId,
    listener: `http:${port}`,
  }));
  taken.clear();
  await clock.advance(60_000);
  engine.counted = engine.counted.map((each, index) => ({
    ...each,
    loadBalancerId: `lb-1${'x'.repeat(index % 2)}`,
  }));
  await clock.advance(60_000);
  const sizes = Array.from(taken.values(), ({ minute }) =>
    Object.values(minute.listeners).reduce((sum, each) => sum + Object.keys(each).length, 0),
  );
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    2 * many.length,
  );
  await counting.close();
});

test('a disk that fails, or a file that cannot be read, stops no counting', async () => {
  disk.files.set('minutes.json', '{"v":7}');
  count(100);
  const counting = await begin();
  disk.full = true;
  count(105);
  await clock.advance(30_000);
  assert.deepEqual(requests(), {});
  disk.full = false;
  count(107);
  await clock.advance(60_000);
  // What could not be kept is part of the next minute.
  assert.deepEqual(requests(), { '08:01': 7 });
  await counting.close();
});
