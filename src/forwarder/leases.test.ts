import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryDisk } from '../../test/support/memory-disk.ts';
import type { LeaseTerms } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { Leases } from './leases.ts';
import { MemoryEngine } from './memory-engine.ts';

const site = 'site-1';
const fence: LeaseTerms = { isolation: 'fence', leaseMs: limits.leaseMs };
const notRenewed: LeaseTerms = { isolation: 'fence', leaseMs: 0 };
const serve: LeaseTerms = { isolation: 'serve', leaseMs: limits.leaseMs };
const notNoted: LeaseTerms = { isolation: 'serve', leaseMs: 0 };

let clock: SimulatedClock;
let engine: MemoryEngine;
let disk: MemoryDisk;
let leases: Leases;

async function boot(): Promise<void> {
  const { now } = clock;
  leases = new Leases({ engine, disk, now, leaseNow: now, log: silent, onChange: () => {} });
  await leases.boot();
}

/** One report and its answer. */
async function report(terms: LeaseTerms, { roundTripMs = 10 } = {}) {
  const said = leases.report(site);
  const sentAt = clock.now();
  await clock.advance(roundTripMs);
  leases.take(site, said, terms, sentAt);
  await clock.advance(0);
  return said;
}

const serves = () => engine.serving.length > 0;

beforeEach(async () => {
  clock = new SimulatedClock();
  engine = new MemoryEngine({ now: clock.now });
  disk = new MemoryDisk();
  await engine.apply(loadBalancer('lb-1', ['i-1'], { site }));
  await boot();
});

describe('a site that fences', () => {
  test('is held by the engine before that is reported', async () => {
    const { promise: slow, resolve: done } = Promise.withResolvers<void>();
    const guard = engine.guard.bind(engine);
    engine.guard = async (held) => {
      await slow;
      await guard(held);
    };
    assert.equal((await report(fence)).armed, false);
    assert.equal((await report(fence)).armed, false, 'the engine has not read it back');
    done();
    await clock.advance(0);
    assert.equal((await report(fence)).armed, true);
  });

  test('stops a lease after the last report that got an answer, however late', async () => {
    await report(fence);
    const sentAt = clock.now();
    await report(fence, { roundTripMs: 900 });
    await clock.advance(sentAt + limits.leaseMs - clock.now() - 1);
    assert.ok(serves());
    await clock.advance(1);
    assert.equal(serves(), false);
  });

  test('gets no time from an answer that comes after it', async () => {
    await report(fence);
    await report(fence, { roundTripMs: limits.leaseMs + 100 });
    assert.equal(serves(), false);
  });

  test('gets no time where the control plane gives none', async () => {
    await report(fence);
    await clock.advance(limits.leaseMs - 100);
    await report(notRenewed);
    await clock.advance(200);
    assert.equal(serves(), false);
  });

  test('is held, and over, when the forwarder starts again', async () => {
    await report(fence);
    await boot();
    assert.equal(serves(), false);
    assert.ok(leases.keeps);
    assert.equal((await report(fence)).armed, true);
    assert.ok(serves());
  });

  test('is said to be held no more where the disk has lost that it was', async () => {
    await report(fence);
    disk.files.delete('leases.json');
    await boot();
    assert.equal(leases.keeps, false);
  });
});

describe('a site that fences no more', () => {
  test('is let go once the control plane has taken note, and not before', async () => {
    await report(fence);
    await report(fence);
    assert.equal((await report(serve)).armed, true);
    await clock.advance(limits.leaseMs);
    assert.equal(serves(), false, 'the answer was of a report that it is held');
    assert.equal((await report(serve)).armed, false);
    assert.ok(serves());
    assert.equal(leases.holds(site), false);
  });

  test('stays held where the control plane has not taken note', async () => {
    await report(fence);
    await report(fence);
    await report(serve);
    assert.equal((await report(notNoted)).armed, false);
    await clock.advance(limits.leaseMs);
    assert.equal(serves(), false);
  });

  test('stays held where the policy changes back on the way', async () => {
    await report(fence);
    await report(fence);
    await report(serve);
    await report(fence);
    assert.equal((await report(fence)).armed, true);
    await clock.advance(limits.leaseMs);
    assert.equal(serves(), false);
  });

  test('is let go where an incarnation held it that is not remembered', async () => {
    await report(fence);
    disk.files.delete('leases.json');
    await clock.advance(limits.leaseMs);
    await boot();
    await report(serve);
    assert.ok(serves());
  });
});

test('an incarnation begins after the one before, whatever the clock does', async () => {
  const before = leases.startedAt;
  const later = new SimulatedClock();
  leases = new Leases({
    engine,
    disk,
    now: () => before - 60_000,
    leaseNow: later.now,
    log: silent,
    onChange: () => {},
  });
  await leases.boot();
  assert.ok(leases.startedAt > before);
});
