import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TrafficCount } from './engine.ts';
import { Rates } from './rates.ts';

const count = (source: string, requests: number, more: Partial<TrafficCount> = {}) => ({
  loadBalancerId: 'lb-1',
  listener: 'http:80',
  source,
  sessions: 1,
  requests,
  ...more,
});
const rowsOf = (rates: Rates, counts: readonly TrafficCount[], now: number) =>
  rates.since(counts, now).get('lb-1');

describe('rates', () => {
  test('are absent until there is something to measure by', () => {
    const [row] = rowsOf(new Rates(), [count('a', 50)], 1_000)!;
    assert.deepEqual(row, { listener: 'http:80', sessions: 1 });
  });

  test('are what was added over the time between, over all sources', () => {
    const rates = new Rates();
    rates.since([count('a', 50), count('b', 10)], 1_000);
    const [row] = rowsOf(rates, [count('a', 60), count('b', 15)], 3_000)!;
    assert.deepEqual(row, { listener: 'http:80', sessions: 2, requests: 7.5 });
  });

  test('count a worker that has begun since from zero, and are never negative', () => {
    const rates = new Rates();
    rates.since([count('old', 1_000)], 1_000);
    const [after] = rowsOf(rates, [count('old', 1_000), count('new', 20)], 2_000)!;
    assert.equal(after!.requests, 20);
    const [less] = rowsOf(rates, [count('new', 5)], 3_000)!;
    assert.equal(less!.requests, 0);
  });

  test('go on where a source was not read for a moment', () => {
    const rates = new Rates();
    rates.since([count('a', 1_000), count('b', 0)], 1_000);
    rates.since([count('b', 1)], 2_000);
    const [row] = rowsOf(rates, [count('a', 1_004), count('b', 1)], 3_000)!;
    assert.equal(row!.requests, 4);
  });

  test('are told of each server apart', () => {
    const rates = new Rates();
    const server = { serverId: 'i-1', type: 'ens', ip: '10.0.0.1', port: 80 } as const;
    const both = [count('a', 1), count('a', 1, { server, healthy: false })];
    assert.deepEqual(rowsOf(rates, both, 1_000), [
      { listener: 'http:80', sessions: 1 },
      { listener: 'http:80', server, healthy: false, sessions: 1 },
    ]);
  });
});
