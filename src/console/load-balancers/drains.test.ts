import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WatchedDrain } from '../../sdk/live.ts';
import { announcementOf, confirmationOf, progressOf } from './drains.ts';

const Deadline = '2026-11-24T08:00:30Z';
const at = (seconds: number) => Date.parse('2026-11-24T08:00:00Z') + seconds * 1000;

/** A drain with so many sessions on each forwarder; undefined = not counted yet. */
function drain(sessions: readonly (number | undefined)[], Over = false): WatchedDrain {
  return {
    ServerId: 'i-1',
    Type: 'ens',
    Ip: '10.0.0.1',
    Port: 80,
    Weight: 100,
    Deadline,
    Cut: false,
    Over,
    Forwarders: sessions.map((count, index) => ({
      ForwarderName: `fw-${index + 1}`,
      Sessions: count ?? 0,
      Counted: count !== undefined,
      SilentSince: '',
    })),
  };
}

describe('the progress of a drain', () => {
  test('is measured by the most sessions that were seen, over all forwarders', () => {
    assert.deepEqual(progressOf(drain([6, 4]), 0, at(0)), {
      left: 10,
      most: 10,
      done: 0,
      secondsLeft: 30,
    });
    assert.deepEqual(progressOf(drain([1, 2]), 12, at(10.2)), {
      left: 3,
      most: 12,
      done: 0.75,
      secondsLeft: 20,
    });
  });

  test('is not known before every forwarder has counted', () => {
    for (const sessions of [[], [3, undefined]]) {
      const { left, done } = progressOf(drain(sessions), 5, at(0));
      assert.deepEqual({ left, done }, { left: undefined, done: 0 });
    }
  });

  test('ends by itself, or by its deadline', () => {
    const end = (sessions: number, seconds: number) =>
      progressOf(drain([sessions], true), 5, at(seconds)).end;
    assert.equal(end(0, 10), 'drained');
    assert.equal(end(2, 30), 'over');
    assert.equal(progressOf({ ...drain([2], true), Cut: true }, 5, at(10)).end, 'cut');
    const silent = { ...drain([undefined], true).Forwarders[0]!, SilentSince: Deadline };
    const unknown = { ...drain([], true), Forwarders: [silent] };
    assert.equal(progressOf(unknown, 5, at(40)).end, 'unknown');
    assert.equal(progressOf(drain([0], true), 0, at(10)).done, 1);
    assert.equal(progressOf(drain([3]), 5, at(40)).secondsLeft, 0);
  });
});

test('a screen reader is told of a drain once a stage, and not with each session', () => {
  const stages = [undefined, 8, 7, 6, 5, 4, 1].map(
    (left) => announcementOf('i-1', progressOf(drain([left]), 8, at(0))).stage,
  );
  assert.deepEqual(stages, [
    ...['begun', 'quarter 0', 'quarter 0', 'quarter 1', 'quarter 1', 'quarter 2', 'quarter 3'],
  ]);
  const texts = [drain([4]), drain([0], true)].map(
    (each) => announcementOf('i-1', progressOf(each, 8, at(0))).text,
  );
  assert.deepEqual(texts, ['i-1: 4 sessions left, cut in 30 seconds.', 'i-1 has no session left.']);
});

test('a confirmation names who is missing and why, and who does not report', () => {
  const forwarder = (
    ForwarderName: string,
    State: string,
    Applied: boolean,
    Reasons: string[],
  ) => ({
    ForwarderName,
    State,
    Live: State === 'live',
    Counted: State === 'live' || State === 'silent',
    SilentSince: State === 'live' ? '' : '2026-11-24T08:00:00Z',
    Applied,
    Reasons,
    Revision: 1,
  });
  const Forwarders = [
    forwarder('a', 'live', true, []),
    forwarder('b', 'live', false, ['tcp:80: taken']),
    forwarder('c', 'silent', false, []),
    forwarder('d', 'fenced', false, []),
    forwarder('e', 'left', false, []),
  ];
  const rollout = { Applied: 1, Counted: 3, Live: 2, Frozen: false, Forwarders };
  assert.deepEqual(confirmationOf(rollout), {
    applied: 1,
    counted: 3,
    missing: [
      { name: 'b', reason: 'tcp:80: taken' },
      { name: 'c', reason: 'not applied yet' },
    ],
    out: [
      { name: 'd', state: 'fenced' },
      { name: 'e', state: 'stopped' },
    ],
  });
});
