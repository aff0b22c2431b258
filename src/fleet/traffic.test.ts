import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { createFleet } from './create-fleet.ts';
import type { Fleet } from './fleet.ts';
import type { WatchMessage } from './protocol.ts';

let clock: SimulatedClock;
let store: MemoryStore;
/** Somebody watches at the first; the forwarder is connected to the second. */
let planes: readonly [Fleet, Fleet];
let abort: AbortController;
let heartbeats: Extract<WatchMessage, { type: 'heartbeat' }>[];

beforeEach(async () => {
  clock = new SimulatedClock();
  store = new MemoryStore(clock);
  abort = new AbortController();
  heartbeats = [];
  const open = () => createFleet({ store, now: clock.now, timers: clock, log: silent });
  planes = [await open(), await open()];
  void (async () => {
    for await (const line of planes[1].watchSite('site-1', abort.signal)) {
      const message = JSON.parse(line) as WatchMessage;
      if (message.type === 'heartbeat') heartbeats.push(message);
    }
  })();
  await clock.advance(0);
});
afterEach(async () => {
  abort.abort();
  for (const plane of planes) await plane.close();
  await clock.advance(0);
});

/** What the forwarder is told that somebody watches. */
async function watched(): Promise<readonly string[] | undefined> {
  heartbeats.length = 0;
  await clock.advance(limits.heartbeat);
  return heartbeats.at(-1)!.watched;
}

describe('the traffic of load balancers', () => {
  test('is asked for at any control plane, for as long as somebody watches there', async () => {
    assert.equal(await watched(), undefined);
    const [here] = planes;
    const stops = [here.watchTraffic('site-1', 'lb-1'), here.watchTraffic('site-1', 'lb-1')];
    here.watchTraffic('site-2', 'lb-9');
    assert.deepEqual(await watched(), ['lb-1']);
    stops[0]!();
    await clock.advance(limits.forwarderLeaseSeconds * 3_000);
    assert.deepEqual(await watched(), ['lb-1'], 'the other one still does');
    stops[1]!();
    assert.equal(await watched(), undefined);
  });

  test('is asked for no longer when the control plane of who watches has died', async () => {
    const [here] = planes;
    here.watchTraffic('site-1', 'lb-1');
    assert.deepEqual(await watched(), ['lb-1']);
    await here.close();
    await clock.advance(limits.forwarderLeaseSeconds * 1_000);
    assert.equal(await watched(), undefined);
  });

  test('is asked for of so many at once, and of no more', async () => {
    for (let each = 0; each < limits.trafficWatched + 10; each++) {
      planes[each % 2]!.watchTraffic('site-1', `lb-${each}`);
    }
    assert.equal((await watched())?.length, limits.trafficWatched);
  });

  test('is seen at the other control plane, and gone when it is counted no more', async () => {
    const [here, there] = planes;
    const changed: (string | undefined)[] = [];
    here.onChange((site) => changed.push(site));
    const traffic = { 'lb-1': [{ listener: 'http:80', sessions: 2, requests: 7.5 }] };
    await there.report('site-1', 'edge-1', { traffic });
    await clock.advance(0);
    assert.deepEqual([...here.traffic('site-1')], [['edge-1', traffic]]);
    assert.deepEqual(changed, ['site-1']);

    // The forwarder goes over to the other control plane.
    const more = { 'lb-1': [{ listener: 'http:80', sessions: 3 }] };
    await here.report('site-1', 'edge-1', { traffic: more });
    await clock.advance(0);
    assert.deepEqual([...there.traffic('site-1')], [['edge-1', more]]);

    await clock.advance(limits.forwarderLeaseSeconds * 1_000 + 1_000);
    for (const plane of planes) assert.deepEqual([...plane.traffic('site-1')], []);
  });

  test('makes nobody live, and is no word on what was applied', async () => {
    const [here] = planes;
    const puts = [{ key: keys.forwarder('site-1', 'edge-1'), value: '{"v":1}' }];
    await store.commit({ ifRevision: new Map(), puts, deletes: [] });
    await here.report('site-1', 'edge-1', { traffic: {} });
    await clock.advance(0);
    assert.deepEqual(here.forwarders('site-1'), []);
    const [standing] = here.standings('site-1');
    assert.deepEqual([standing?.forwarder, standing?.state], ['edge-1', 'unseen']);
  });
});
