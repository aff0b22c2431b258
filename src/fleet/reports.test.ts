import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { Reports } from './reports.ts';

let clock: SimulatedClock;
let store: MemoryStore;

beforeEach(() => {
  clock = new SimulatedClock();
  store = new MemoryStore(clock);
});

/** The reports as one control plane has them. */
async function open(): Promise<Reports> {
  const times = { now: clock.now, monotonic: clock.now, timers: clock };
  const surroundings = { store, ...times, random: () => 0.5, log: silent };
  const reports = new Reports(surroundings, () => {});
  const ending = new AbortController();
  const loaded = reports.start(ending.signal);
  await clock.advance(0);
  await loaded;
  return reports;
}

const applied = (startedAt: number, revision: number) => ({
  applied: { startedAt, revision, failures: [] },
});
const countedBy = (reports: Reports) => reports.of('site-1').get('f-1')?.applied?.revision;

/** Gives a report and lets it reach every control plane. */
async function report(to: Reports, startedAt: number, revision: number): Promise<void> {
  const taken = to.take('site-1', 'f-1', applied(startedAt, revision));
  await clock.advance(0);
  await taken;
}

describe('what a forwarder has applied', () => {
  test('counts from its latest start, though an earlier one had come further', async () => {
    const reports = await open();
    await report(reports, 1_000, 9);
    await report(reports, 2_000, 4);
    assert.equal(countedBy(reports), 4);
    await report(reports, 1_000, 10);
    assert.equal(countedBy(reports), 4);
    await report(reports, 2_000, 5);
    assert.equal(countedBy(reports), 5);
  });

  test('counts so at another control plane too, whichever report comes there first', async () => {
    const [one, other] = [await open(), await open()];
    await report(one, 1_000, 9);
    assert.equal(countedBy(other), 9);
    await report(one, 2_000, 4);
    assert.equal(countedBy(other), 4);
    await report(other, 1_000, 10);
    assert.deepEqual([countedBy(one), countedBy(other)], [4, 4]);
  });

  test('never goes back within one start', async () => {
    const reports = await open();
    await report(reports, 1_000, 9);
    await report(reports, 1_000, 8);
    assert.equal(countedBy(reports), 9);
  });
});
