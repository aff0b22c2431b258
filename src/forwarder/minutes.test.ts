import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListenerMinute } from '../fleet/protocol.ts';
import type { ReportCounters } from './engine.ts';
import { baselineOf, growthSince } from './minutes.ts';

function counters(source: string, more: Partial<ReportCounters> = {}): ReportCounters {
  return {
    loadBalancerId: 'lb-1',
    listener: 'http:80',
    source,
    active: 0,
    connections: 0,
    dropped: 0,
    bytesIn: 0,
    bytesOut: 0,
    requests: 0,
    responses2xx: 0,
    responses3xx: 0,
    responses4xx: 0,
    responses5xx: 0,
    averageMs: 0,
    ...more,
  };
}

/** What `http:80` of lb-1 did from one reading to the next. */
function grown(before: readonly ReportCounters[], after: readonly ReportCounters[]) {
  const growth = growthSince(baselineOf({}, before), after, []);
  return growth.get('lb-1')?.get('http:80') as ListenerMinute;
}

test('a minute is what the totals grew by; how things stand is as it is', () => {
  const before = [counters('a', { connections: 10, bytesIn: 100, requests: 20, active: 7 })];
  const after = [
    counters('a', { connections: 15, bytesIn: 100, requests: 26, active: 3, packetsIn: 4 }),
  ];
  const { connections, bytesIn, requests, active, packetsIn } = grown(before, after);
  assert.deepEqual([connections, bytesIn, requests, active, packetsIn], [5, 0, 6, 3, 4]);
});

test('a new source has counted from zero, and several add up', () => {
  const before = [counters('a', { requests: 100, active: 2 })];
  const after = [
    counters('a', { requests: 103, active: 1 }),
    counters('b', { requests: 40, active: 5 }),
  ];
  const { requests, active } = grown(before, after);
  assert.deepEqual([requests, active], [43, 6]);
});

test('a total that is lower for a moment adds nothing, then or when it is back', () => {
  const low = [counters('a', { requests: 99 })];
  const before = baselineOf({}, [counters('a', { requests: 100 })]);
  assert.equal(growthSince(before, low, []).get('lb-1')?.get('http:80')?.requests, 0);
  const between = baselineOf(before, low);
  const back = growthSince(between, [counters('a', { requests: 101 })], []);
  assert.equal(back.get('lb-1')?.get('http:80')?.requests, 1);
});

test('sources that are gone are forgotten', () => {
  const before = baselineOf({}, [counters('a'), counters('b')]);
  assert.deepEqual(Object.keys(baselineOf(before, [counters('b')])), ['b lb-1 http:80']);
});

test('the time of answers is that of the requests of each source', () => {
  const { requests, responseMs } = grown(
    [counters('a', { requests: 1_000, averageMs: 1 })],
    [
      counters('a', { requests: 1_010, averageMs: 20 }),
      counters('b', { requests: 30, averageMs: 100 }),
    ],
  );
  assert.deepEqual([requests, responseMs], [40, 3_200]);
});

test('servers are counted by their health, for listeners that count', () => {
  const server = { loadBalancerId: 'lb-1', serverId: 'i-1' };
  const growth = growthSince(
    {},
    [counters('a')],
    [
      { ...server, listener: 'http:80', healthy: true },
      { ...server, listener: 'http:80', healthy: true },
      { ...server, listener: 'http:80', healthy: false },
      { ...server, listener: 'tcp:81', healthy: false },
    ],
  );
  const { validServers, invalidServers } = growth.get('lb-1')!.get('http:80')!;
  assert.deepEqual([validServers, invalidServers], [2, 1]);
  assert.equal(growth.get('lb-1')!.size, 1);
});
