import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { createFleet } from './create-fleet.ts';
import type { Confirmation, Fleet, WatchMessage } from './fleet.ts';
import type { ReportFailure } from './protocol.ts';

const site = 'site-1';
const silentAfterMs = limits.forwarderLeaseSeconds * 1000;
const fenceAfterMs = limits.leaseMs + limits.leaseEngineMs;

let clock: SimulatedClock;
let store: MemoryStore;
let planes: Fleet[];
let abort: AbortController;

async function openPlane(): Promise<Fleet> {
  const { now } = clock;
  const plane = await createFleet({ store, now, monotonic: now, timers: clock, log: silent });
  planes.push(plane);
  return plane;
}

async function put(records: Readonly<Record<string, unknown>>): Promise<number> {
  const puts = Object.entries(records).map(([key, value]) => ({
    key,
    value: JSON.stringify(value),
  }));
  const result = await store.commit({ ifRevision: new Map(), puts, deletes: [] });
  assert.ok(result.committed);
  return result.revision;
}

const change = (...servers: string[]) =>
  put({ [keys.loadBalancer(site, 'lb-1')]: loadBalancer('lb-1', servers, { site }) });

/** A forwarder as a control plane meets it: it joins, and reports when the test says so. */
class Edge {
  readonly name: string;
  readonly startedAt: number;
  armed = false;
  revision = 0;
  failures: ReportFailure[] = [];
  #sequence = 0;

  constructor(name: string, startedAt = 1) {
    this.name = name;
    this.startedAt = startedAt;
  }

  /** Watches; resolves with the revision of the first snapshot. */
  async join(plane: Fleet): Promise<number> {
    const { name, startedAt, armed } = this;
    const watcher = { name, startedAt, keepsLeases: armed, sequence: this.#next() };
    const first = (async () => {
      for await (const line of plane.watchSite(site, abort.signal, undefined, watcher)) {
        const message = JSON.parse(line) as WatchMessage;
        if (message.type === 'snapshot') return message.revision;
      }
      throw new Error('the stream ended');
    })();
    await clock.advance(10);
    this.revision = await first;
    return this.revision;
  }

  report(plane: Fleet, sequence = this.#next()) {
    const { revision, failures, startedAt, armed } = this;
    const lease = { armed, sequence };
    return plane.report(site, this.name, { applied: { revision, failures, startedAt, lease } });
  }

  goodbye(plane: Fleet, sequence = this.#next()) {
    return plane.report(site, this.name, { goodbye: { startedAt: this.startedAt, sequence } });
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}

/** A confirmation under way: `answer` once there is one. */
function confirming(plane: Fleet, revision: number, { ms = 1_000, forFence = false } = {}) {
  const state: { answer?: Confirmation } = {};
  void plane
    .confirm(site, revision, 'lb-1', { ms, forFence })
    .then((answer) => (state.answer = answer));
  return state;
}

async function confirmed(plane: Fleet, revision: number): Promise<Confirmation> {
  const waiting = confirming(plane, revision);
  await clock.advance(1_001);
  assert.ok(waiting.answer !== undefined, 'within the confirm wait');
  return waiting.answer;
}

const count = ({ applied, counted }: Confirmation) => `${applied}/${counted}`;
const state = (plane: Fleet, name: string) =>
  plane.standings(site).find(({ forwarder }) => forwarder === name)?.state;

/** Lets time pass while these go on reporting, as often as a lease needs it. */
async function pass(ms: number, plane: Fleet, ...edges: Edge[]): Promise<void> {
  for (let left = ms; left > 0; left -= limits.leaseRenewMs) {
    await Promise.all(edges.map((edge) => edge.report(plane)));
    await clock.advance(Math.min(left, limits.leaseRenewMs));
  }
}

beforeEach(async () => {
  clock = new SimulatedClock();
  store = new MemoryStore(clock);
  planes = [];
  abort = new AbortController();
  await put({
    [keys.site(site)]: { v: 1 },
    [keys.forwarder(site, 'a')]: { v: 1 },
    [keys.forwarder(site, 'b')]: { v: 1 },
  });
  await change('i-1');
});
afterEach(async () => {
  abort.abort();
  await Promise.all(planes.map((plane) => plane.close()));
  await clock.advance(0);
});

describe('a forwarder that does not report', () => {
  let plane: Fleet;
  const a = () => edges[0]!;
  const b = () => edges[1]!;
  let edges: Edge[];
  beforeEach(async () => {
    plane = await openPlane();
    edges = [new Edge('a'), new Edge('b')];
    for (const edge of edges) {
      await edge.join(plane);
      await edge.report(plane);
    }
  });

  test('stays in the count, and the answer says since when it is silent', async () => {
    await pass(silentAfterMs + 2_000, plane, a());
    assert.equal(state(plane, 'b'), 'silent');
    const revision = await change('i-2');
    a().revision = revision;
    await a().report(plane);
    const answer = await confirmed(plane, revision);
    assert.equal(count(answer), '1/2');
    const [missing] = answer.missing;
    assert.equal(missing?.forwarder, 'b');
    assert.match(missing?.reason ?? '', /^silent since \d{4}-.*Z$/);
  });

  test('is waited for while it may only be late, and no more once it is silent', async () => {
    await pass(silentAfterMs - 1_000, plane, a());
    const early = confirming(plane, await change('i-2'));
    a().revision = b().revision = await change('i-3');
    await a().report(plane);
    await clock.advance(100);
    assert.equal(early.answer, undefined);
    await b().report(plane);
    await clock.advance(0);
    assert.equal(early.answer && count(early.answer), '2/2');

    await pass(silentAfterMs + 2_000, plane, a());
    const late = confirming(plane, await change('i-4'));
    a().revision = await change('i-5');
    await a().report(plane);
    await clock.advance(0);
    assert.equal(late.answer && count(late.answer), '1/2');
  });

  test('counts as before once it reports again', async () => {
    await pass(silentAfterMs + 2_000, plane, a());
    b().revision = await change('i-2');
    a().revision = b().revision;
    await pass(1_000, plane, a(), b());
    assert.equal(state(plane, 'b'), 'live');
    assert.deepEqual((await confirmed(plane, a().revision)).missing, []);
  });

  test('stays in the count across a restart of every control plane', async () => {
    await pass(silentAfterMs + 2_000, plane, a());
    await plane.close();
    const next = await openPlane();
    const revision = await change('i-2');
    const waiting = confirming(next, revision);
    a().revision = revision;
    await a().report(next);
    await clock.advance(500);
    assert.equal(waiting.answer, undefined, 'b may come back within the wait');
    await clock.advance(600);
    assert.equal(waiting.answer && count(waiting.answer), '1/2');
  });

  test('leaves the count with its goodbye, and is back before it gets a snapshot', async () => {
    await b().goodbye(plane);
    assert.equal(state(plane, 'b'), 'left');
    a().revision = await change('i-2');
    await a().report(plane);
    assert.equal(count(await confirmed(plane, a().revision)), '1/1');
    const again = new Edge('b', 2);
    assert.equal(await again.join(plane), a().revision);
    assert.equal(count(await confirmed(plane, a().revision)), '1/2');
  });

  test('is counted although a goodbye of its earlier incarnation comes late', async () => {
    const again = new Edge('b', 2);
    await again.join(plane);
    await b().goodbye(plane);
    assert.equal(state(plane, 'b'), 'live');
    await again.goodbye(plane, 0);
    assert.equal(state(plane, 'b'), 'live', 'said before it joined');
  });

  test('is counted although its goodbye comes again after it was sent the site anew', async () => {
    const up = new Edge('up');
    await put({ [keys.forwarder('*', 'up')]: { v: 1 } });
    await up.join(plane);
    await up.goodbye(plane, 7);
    await up.goodbye(plane, 8);
    // The same stream is sent the site again: it began before the goodbyes were said.
    await new Edge('up').join(plane);
    await up.goodbye(plane, 7);
    assert.notEqual(state(plane, 'up'), 'left');
    assert.ok(plane.standings(site).some((each) => each.forwarder === 'up' && each.counted));
  });

  test('leaves the count when it is forgotten', async () => {
    await store.commit({
      ifRevision: new Map(),
      puts: [],
      deletes: [keys.forwarder(site, 'b')],
    });
    await clock.advance(10);
    assert.equal(count(plane.progress(site, 0, 'lb-1')), '2/2', 'it may still serve');
    await plane.forget(site, 'b');
    await clock.advance(10);
    assert.equal(count(plane.progress(site, 0, 'lb-1')), '1/1');
  });

  test('nothing is said to be everywhere while the store does not say who serves', async () => {
    const revision = await change('i-2');
    for (const edge of edges) {
      edge.revision = revision;
      await edge.report(plane);
    }
    store.setDown(true);
    const answer = await confirmed(plane, revision);
    assert.equal(count(answer), '2/3');
    store.setDown(false);
  });
});

describe('the first snapshot of a forwarder that was not counted', () => {
  test('holds every change that was answered without it', async () => {
    const [here, there] = [await openPlane(), await openPlane()];
    const b = new Edge('b');
    await b.join(here);
    await b.goodbye(here);
    // The other control plane's view of the site is behind by what it has not watched yet.
    const revision = await change('i-2');
    assert.ok((await new Edge('b', 2).join(there)) >= revision);
  });
});

describe('a site that fences', () => {
  let here: Fleet;
  let there: Fleet;
  let a: Edge;
  let b: Edge;

  beforeEach(async () => {
    await put({ [keys.site(site)]: { v: 1, isolation: 'fence' } });
    here = await openPlane();
    there = await openPlane();
    [a, b] = [new Edge('a'), new Edge('b')];
    for (const edge of [a, b]) {
      await edge.join(here);
      assert.equal((await edge.report(here)).isolation, 'fence');
      edge.armed = true;
      await edge.report(here);
      assert.equal((await edge.report(here)).leaseMs, limits.leaseMs);
    }
  });

  test('a removal waits for the lease of a silent forwarder to end, and then holds', async () => {
    await b.report(here);
    const silentFrom = clock.now();
    await pass(600, here, a);
    a.revision = await change('i-2');
    const waiting = confirming(here, a.revision, { forFence: true });
    await pass(fenceAfterMs - 700, here, a);
    assert.equal(waiting.answer, undefined, 'its lease may still run');
    await pass(500, here, a);
    assert.equal(waiting.answer && count(waiting.answer), '1/1');
    assert.equal(state(here, 'b'), 'fenced');
    assert.ok(clock.now() - silentFrom <= fenceAfterMs + limits.leaseRenewMs);
  });

  test('a caller that sets the wait waits no longer, and gets the truth', async () => {
    await b.report(here);
    await pass(600, here, a);
    a.revision = await change('i-2');
    const waiting = confirming(here, a.revision, { ms: 200 });
    await pass(300, here, a);
    assert.equal(waiting.answer && count(waiting.answer), '1/2');
  });

  test('no control plane renews a lease that another one lets run out', async () => {
    await pass(limits.leaseSilenceMs + 500, here, a);
    assert.equal(state(there, 'b'), 'fencing');
    a.revision = await change('i-2');
    await a.report(here);
    assert.equal((await b.report(there)).leaseMs, 0, 'it has not applied the change');
    assert.equal(state(here, 'b'), 'live', 'it is counted again from then on');
    assert.equal(count(await confirmed(here, a.revision)), '1/2');
  });

  test('a report that comes late through another control plane delays the end', async () => {
    await pass(limits.leaseSilenceMs - 200, here, a);
    await b.report(there);
    await pass(fenceAfterMs - limits.leaseRenewMs, here, a);
    assert.notEqual(state(here, 'b'), 'fenced');
    await pass(2 * limits.leaseRenewMs, here, a);
    assert.equal(state(here, 'b'), 'fenced');
  });

  test('one that is fenced serves again once it has applied the site as it is', async () => {
    await pass(fenceAfterMs + 1_000, here, a);
    a.revision = await change('i-2');
    await a.report(here);
    assert.equal(count(await confirmed(here, a.revision)), '1/1');
    await b.join(there);
    b.revision = 1;
    assert.equal((await b.report(there)).leaseMs, 0);
    b.revision = a.revision;
    assert.equal((await b.report(there)).leaseMs, limits.leaseMs);
    assert.equal(count(await confirmed(there, a.revision)), '2/2');
  });

  test('one that is fenced serves again only when its engine has failed nothing', async () => {
    await pass(fenceAfterMs + 1_000, here, a);
    a.revision = await change('i-2');
    await a.report(here);
    assert.equal(count(await confirmed(here, a.revision)), '1/1');
    await b.join(there);
    b.failures = [{ loadBalancerId: 'lb-1', reason: 'refused' }];
    assert.equal((await b.report(there)).leaseMs, 0);
    b.failures = [{ loadBalancerId: 'lb-1', listener: 'tcp:80', reason: 'taken', inert: true }];
    assert.equal((await b.report(there)).leaseMs, limits.leaseMs);
  });

  test('one that is fenced is not let go before it is up to date', async () => {
    await pass(fenceAfterMs + 1_000, here, a);
    a.revision = await change('i-2');
    await a.report(here);
    assert.equal(count(await confirmed(here, a.revision)), '1/1');
    await put({ [keys.site(site)]: { v: 1, isolation: 'serve' } });
    await clock.advance(10);
    await b.join(there);
    b.armed = false;
    b.revision = 1;
    assert.deepEqual(await b.report(there), { isolation: 'serve', leaseMs: 0 });
    b.revision = a.revision;
    assert.equal((await b.report(there)).leaseMs, limits.leaseMs);
  });

  test('one whose engines do not hold the lease stays in the count', async () => {
    b.armed = false;
    await b.report(here);
    await pass(silentAfterMs + fenceAfterMs, here, a);
    a.revision = await change('i-2');
    await a.report(here);
    assert.equal(count(await confirmed(here, a.revision)), '1/2');
  });

  test('that its engines hold it is no news when it comes late', async () => {
    const before = 3;
    b.armed = false;
    await b.report(here);
    b.armed = true;
    await b.report(there, before);
    const { fences } = here.standings(site).find(({ forwarder }) => forwarder === 'b')!;
    assert.equal(fences, false);
  });

  test('a control plane that was away marks none that reported elsewhere', async () => {
    await pass(500, there, a, b);
    const stalled = confirming(here, 0);
    await pass(10_000, there, a, b);
    assert.ok(stalled.answer);
    assert.deepEqual([state(here, 'a'), state(here, 'b')], ['live', 'live']);
  });

  test('keeps its first forwarder serving where the policy says so', async () => {
    await put({ [keys.site(site)]: { v: 1, isolation: 'fence', whenAllIsolated: 'last-serves' } });
    await clock.advance(10);
    assert.equal((await a.report(here)).isolation, 'serve');
    assert.equal((await b.report(here)).isolation, 'fence');
  });
});
