import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failsWith } from '../../../../test/support/call.ts';
import { Refusal } from '../../../elb/refusal.ts';
import type { Certificate } from '../../../elb/types.ts';
import type { Deliver } from '../../../fleet/fleet.ts';
import type { ReportTraffic, SiteReport } from '../../../fleet/protocol.ts';
import { limits } from '../../../limits.ts';
import type { Call, Caller } from '../../call.ts';
import { readInput } from '../../parameters.ts';
import { ReportSite, WatchSite } from './watch.ts';

const edge = { kind: 'forwarder', site: 'local', name: 'edge-1' } as const;

/** A call of `principal`, and what it made of the fleet. */
function callOf(principal: Caller['principal']) {
  const told: unknown[][] = [];
  const call = {
    caller: { principal, accessKeyId: 'LTAI5t' },
    site: async () => ({}),
    resealForCaller: async () => (sealed: string, context: string) =>
      `${sealed} for LTAI5t under ${context}`,
    signal: new AbortController().signal,
    // A minute of long ago is not kept.
    now: Date.now,
    fleet: {
      report: async (...report: unknown[]) => {
        told.push(report);
        return { isolation: 'serve', leaseMs: 0 };
      },
      watchSite: async function* (...watch: unknown[]) {
        told.push(watch);
        yield 'line\n';
      },
    },
  } as unknown as Call;
  return { call, told };
}

async function report(value: unknown, principal: Caller['principal'] = edge) {
  const { call, told } = callOf(principal);
  const Report = typeof value === 'string' ? value : JSON.stringify(value);
  const input = readInput(ReportSite, new Map(Object.entries({ EnsRegionId: 'local', Report })));
  await ReportSite.run(input, call);
  return told;
}

/** Every member that a report may have. */
type Whole<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };
const server = { serverId: 'i-1', type: 'ens', ip: '10.0.0.1', port: 80, weight: 0 } as const;
const whole = {
  applied: {
    revision: 7,
    failures: [{ loadBalancerId: 'lb-1', listener: 'tcp-80', reason: 'port 80 is taken' }],
    ahead: { 'lb-2': 9 },
    startedAt: 1_795_000_000_000,
    lease: { armed: true, sequence: 4 },
  } satisfies Whole<NonNullable<SiteReport['applied']>>,
  goodbye: { startedAt: 1_795_000_000_000, sequence: 5 },
  status: {
    drains: [{ loadBalancerId: 'lb-1', server, deadline: 1_795_000_030_000, sessions: 3 }],
    health: [{ loadBalancerId: 'lb-1', listener: 'tcp-80', serverId: 'i-1', healthy: true }],
    engine: 'haproxy 2.6.12',
    notices: ['the disk is full'],
  } satisfies Whole<NonNullable<SiteReport['status']>>,
  minute: {
    minute: '2016-11-24T08:00',
    part: '1795000000000-0',
    listeners: { 'lb-1': { 'tcp:80': [1, 0, 3] } },
  } satisfies Whole<NonNullable<SiteReport['minute']>>,
  traffic: {
    'lb-1': [
      {
        listener: 'http:80',
        server: { serverId: 'i-1', type: 'ens', ip: '10.0.0.1', port: 80 },
        healthy: true,
        sessions: 2,
        connections: 0.5,
        requests: 12.5,
        bytesIn: 1_000,
        bytesOut: 20_000,
      } satisfies Whole<ReportTraffic>,
    ],
  },
} satisfies Whole<SiteReport>;

describe('a report', () => {
  test('comes through whole, under the name of the forwarder that the key is of', async () => {
    assert.deepEqual(await report(whole), [['local', 'edge-1', whole]]);
  });

  test('may hold what was applied, the status, a minute or traffic alone', async () => {
    const { applied, status, minute, traffic } = whole;
    assert.deepEqual(await report({ applied }), [['local', 'edge-1', { applied }]]);
    assert.deepEqual(await report({ status }), [['local', 'edge-1', { status }]]);
    assert.deepEqual(await report({ minute }), [['local', 'edge-1', { minute }]]);
    assert.deepEqual(await report({ traffic }), [['local', 'edge-1', { traffic }]]);
  });

  test('may say more than is known here: a newer forwarder is no dead one', async () => {
    const newer = { applied: { ...whole.applied, mood: 'good' }, weather: 'fair' };
    assert.deepEqual(await report(newer), [['local', 'edge-1', { applied: whole.applied }]]);
  });

  test('with a long reason is cut, not refused', async () => {
    const reason = 'x'.repeat(limits.reportReason + 1);
    const [told] = await report({
      applied: { revision: 7, failures: [{ loadBalancerId: 'lb-1', reason }] },
    });
    const { applied } = told![2] as SiteReport;
    assert.equal(applied?.failures[0]?.reason.length, limits.reportReason);
  });

  test('that is none is refused', async () => {
    for (const wrong of [
      'no JSON',
      '[]',
      { applied: { revision: -1, failures: [] } },
      { applied: { revision: 7 } },
      { minute: { ...whole.minute, minute: '2026-11-31T08:00' } },
      { minute: { ...whole.minute, minute: '2026-11-24T24:00' } },
      { minute: { ...whole.minute, part: '../x' } },
      { minute: { ...whole.minute, listeners: { 'lb-1': { 'tcp:80': [-1] } } } },
      { minute: { ...whole.minute, listeners: { 'lb/1': {} } } },
      { traffic: { 'lb-1': [{ listener: 'tcp:80', sessions: -1 }] } },
      { traffic: { 'lb-1': [{ listener: 'tcp:80', server: { serverId: 'i-1' } }] } },
      { status: { ...whole.status, drains: [{ ...whole.status.drains[0], sessions: 'many' }] } },
    ]) {
      await assert.rejects(
        report(wrong),
        (error) => error instanceof Refusal && error.subject === 'Report',
        JSON.stringify(wrong),
      );
    }
    await assert.rejects(report(''), failsWith('MissingReport'));
  });

  test('comes from the key of a forwarder alone', async () => {
    await assert.rejects(
      report(whole, { kind: 'root' }),
      (error) => error instanceof Refusal && error.subject === 'AccessKeyId',
    );
  });
});

test('certificates go to forwarders alone, each with its key sealed for that one', async () => {
  const stored = { id: '7', chain: 'chain', notAfter: 1, key: 'stored', account: '1' };
  const delivered = { id: '7', chain: 'chain', notAfter: 1, sealedFor: 'LTAI5t' };
  for (const [principal, gets] of [
    [edge, { ...delivered, key: 'stored for LTAI5t under certificate/7' }],
    [{ kind: 'root' }, undefined],
  ] as const) {
    const { call, told } = callOf(principal);
    const input = readInput(WatchSite, new Map([['EnsRegionId', 'local']]));
    const lines = await Array.fromAsync(WatchSite.stream!(input, call));
    assert.deepEqual(lines, ['line\n']);
    const [[site, , deliver]] = told as [[string, AbortSignal, Deliver | undefined]];
    assert.equal(site, 'local');
    assert.deepEqual(deliver?.(stored as unknown as Certificate), gets);
  }
});
