import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../../test/support/clock.ts';
import { silent } from '../../../test/support/log.ts';
import type { HealthCheck } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { Prober, type ProbeTarget } from './prober.ts';

const health: HealthCheck = {
  enabled: true,
  kind: 'tcp',
  timeoutSeconds: 5,
  intervalSeconds: 2,
  healthyThreshold: 3,
  unhealthyThreshold: 2,
};

function target(key: string, more: Partial<HealthCheck> = {}, address = '10.0.0.1'): ProbeTarget {
  return { key, address, port: 80, health: { ...health, ...more } };
}

let clock: SimulatedClock;
let changes: [string, boolean][];
/** Addresses whose probes fail, or never answer. */
let failing: Set<string>;
let silence: Set<string>;
/** When each probe began, in milliseconds of the test. */
let begun: number[];
let underWay: number;

function openProber(random = () => 0): Prober {
  const start = clock.now();
  return new Prober({
    log: silent,
    onChange: (key, healthy) => changes.push([key, healthy]),
    timers: clock,
    now: clock.now,
    random,
    probe: async ({ address }, patience) => {
      begun.push(clock.now() - start);
      if (!silence.has(address)) return !failing.has(address);
      underWay += 1;
      await new Promise((resolve) => patience.addEventListener('abort', resolve));
      underWay -= 1;
      return false;
    },
  });
}

beforeEach(() => {
  clock = new SimulatedClock();
  changes = [];
  failing = new Set();
  silence = new Set();
  begun = [];
  underWay = 0;
});

describe('health', () => {
  test('turns after as many failures in a row, and back after as many successes', async () => {
    const prober = openProber();
    prober.want('lb-1', [target('a')]);
    failing.add('10.0.0.1');
    await clock.advance(1_000);
    assert.equal(prober.isHealthy('a'), true);
    await clock.advance(2_000);
    assert.equal(prober.isHealthy('a'), false);
    failing.clear();
    await clock.advance(4_000);
    assert.equal(prober.isHealthy('a'), false);
    await clock.advance(2_000);
    assert.equal(prober.isHealthy('a'), true);
    assert.deepEqual(changes, [
      ['a', false],
      ['a', true],
    ]);
    prober.close();
  });

  test('does not turn for failures that a success has parted', async () => {
    const prober = openProber();
    prober.want('lb-1', [target('a')]);
    await clock.advance(1_000);
    for (let round = 0; round < 10; round++) {
      if (round % 2 === 0) failing.add('10.0.0.1');
      else failing.clear();
      await clock.advance(2_000);
    }
    assert.equal(begun.length, 11);
    assert.deepEqual(changes, []);
    prober.close();
  });

  test('of what nobody probes is good', async () => {
    const prober = openProber();
    failing.add('10.0.0.1');
    prober.want('lb-1', [target('a', { enabled: false })]);
    await clock.advance(60_000);
    assert.deepEqual([prober.isHealthy('a'), prober.isHealthy('b'), begun], [true, true, []]);
    assert.equal(clock.pending, 0);
  });
});

describe('time', () => {
  test('a probe begins each interval, and not before the one before has ended', async () => {
    const prober = openProber();
    prober.want('lb-1', [target('a', { timeoutSeconds: 3 })]);
    await clock.advance(4_000);
    assert.deepEqual(begun, [0, 2_000, 4_000]);
    silence.add('10.0.0.1');
    await clock.advance(8_000);
    assert.deepEqual(begun, [0, 2_000, 4_000, 6_000, 9_000, 12_000]);
    prober.close();
  });

  test('a timeout below the interval is ignored and the interval counts', async () => {
    const prober = openProber();
    silence.add('10.0.0.1');
    prober.want('lb-1', [target('a', { timeoutSeconds: 1, intervalSeconds: 10 })]);
    await clock.advance(19_999);
    assert.deepEqual(changes, []);
    await clock.advance(1);
    assert.deepEqual(changes, [['a', false]]);
    prober.close();
  });

  test('first probes are spread over their interval', async () => {
    let next = 0;
    const prober = openProber(() => next++ / 4);
    prober.want(
      'lb-1',
      ['a', 'b', 'c', 'd'].map((key) => target(key)),
    );
    await clock.advance(1_999);
    assert.deepEqual(begun, [0, 500, 1_000, 1_500]);
    prober.close();
  });

  test('no more sockets at once than the bound; all get their turn', async () => {
    const prober = openProber();
    silence.add('10.0.0.1');
    const count = limits.probesAtOnce + 100;
    prober.want(
      'lb-1',
      Array.from({ length: count }, (_, index) => target(`t-${index}`)),
    );
    await clock.advance(0);
    assert.deepEqual([underWay, begun.length], [limits.probesAtOnce, limits.probesAtOnce]);
    await clock.advance(5_000);
    assert.equal(underWay, limits.probesAtOnce);
    await clock.advance(10_000);
    assert.equal(changes.length, count);
    prober.close();
  });
});

describe('want', () => {
  test('leaves an unchanged target its state and its pace', async () => {
    const prober = openProber();
    failing.add('10.0.0.1');
    prober.want('lb-1', [target('a')]);
    await clock.advance(1_000);
    prober.want('lb-1', [target('a'), target('b', {}, '10.0.0.2')]);
    await clock.advance(1_000);
    assert.deepEqual(changes, [['a', false]]);
    prober.want('lb-1', [target('a'), target('b', {}, '10.0.0.2')]);
    assert.equal(prober.isHealthy('a'), false);
    prober.close();
  });

  test('another probe keeps the health; another address is another server', async () => {
    const prober = openProber();
    failing.add('10.0.0.1');
    prober.want('lb-1', [target('a')]);
    await clock.advance(2_000);
    prober.want('lb-1', [target('a', { intervalSeconds: 1 })]);
    assert.equal(prober.isHealthy('a'), false);
    prober.want('lb-1', [target('a', { intervalSeconds: 1 }, '10.0.0.2')]);
    assert.equal(prober.isHealthy('a'), true);
    assert.deepEqual(changes, [
      ['a', false],
      ['a', true],
    ]);
    prober.close();
  });

  test('what is left out is probed no more, and its probe under way tells nothing', async () => {
    const prober = openProber();
    silence.add('10.0.0.1');
    prober.want('lb-1', [target('a', { unhealthyThreshold: 2 })]);
    await clock.advance(5_000);
    assert.equal(underWay, 1);
    prober.want('lb-1', []);
    await clock.advance(60_000);
    assert.deepEqual([underWay, clock.pending, changes], [0, 0, []]);
    assert.equal(begun.length, 2);
  });

  test('of one owner leaves what others own as it stands', async () => {
    const prober = openProber();
    failing.add('10.0.0.1');
    prober.want('lb-1', [target('a')]);
    await clock.advance(2_000);
    prober.want('lb-2', [target('b', {}, '10.0.0.2')]);
    prober.want('lb-2', []);
    assert.equal(prober.isHealthy('a'), false);
    const before = begun.length;
    await clock.advance(10_000);
    assert.ok(begun.length > before);
    prober.close();
  });

  test('after close nothing runs', async () => {
    const prober = openProber();
    silence.add('10.0.0.2');
    prober.want('lb-1', [target('a'), target('b', {}, '10.0.0.2')]);
    await clock.advance(1);
    prober.close();
    await clock.advance(60_000);
    assert.deepEqual([begun.length, clock.pending, underWay], [2, 0, 0]);
  });
});
