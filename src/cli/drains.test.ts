import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runDrains } from './drains.ts';
import { fakeTerminal } from './fake-terminal.ts';

const start = Date.parse('2026-11-24T08:00:00Z');

function drain(ForwarderName: string, Sessions: number, ServerId = 'i-1') {
  return {
    LoadBalancerId: 'lb-1',
    ServerId,
    Ip: '10.0.0.1',
    Port: 80,
    ForwarderName,
    Sessions,
    Counted: true,
    SilentSince: '',
    Deadline: '2026-11-24T08:00:30Z',
  };
}

/** Answers each poll with the next of `pages`, and lets five seconds pass between polls. */
function scene(pages: readonly (readonly ReturnType<typeof drain>[])[]) {
  let polls = 0;
  let now = start;
  const terminal = fakeTerminal(() => ({
    body: { Drains: { Drain: pages[polls++] ?? [] } },
    headers: {},
  }));
  const clock = {
    now: () => now,
    sleep: async () => {
      now += 5_000;
    },
  };
  return { terminal, clock };
}

test('without --watch, each server is shown once, its sessions over all forwarders', async () => {
  const { terminal, clock } = scene([[drain('f1', 3), drain('f2', 4), drain('f1', 1, 'i-2')]]);
  await runDrains(['--LoadBalancerId', 'lb-1'], terminal, clock);
  assert.equal(
    terminal.out(),
    'lb-1 i-1 10.0.0.1:80 [....................] 7 sessions, cut in 30 s\n' +
      'lb-1 i-2 10.0.0.1:80 [....................] 1 session, cut in 30 s\n',
  );
  assert.deepEqual(terminal.calls[0]?.parameters, { LoadBalancerId: 'lb-1' });
});

test('--watch into a file prints a line a change and ends when no drain is left', async () => {
  const { terminal, clock } = scene([[drain('f', 4)], [drain('f', 4)], [drain('f', 1)], []]);
  await runDrains(['--watch'], terminal, clock);
  assert.equal(
    terminal.out(),
    'lb-1 i-1 10.0.0.1:80 [....................] 4 sessions, cut in 30 s\n' +
      'lb-1 i-1 10.0.0.1:80 [###############.....] 1 session, cut in 20 s\n' +
      'no server is draining\n',
  );
  assert.equal(terminal.open(), 0);
});

test('--watch on a terminal draws each picture over the one before', async () => {
  const { terminal, clock } = scene([[drain('f', 2)], [drain('f', 1)], []]);
  await runDrains(['--watch'], Object.assign(terminal, { isTty: true }), clock);
  assert.deepEqual(terminal.out().split('\r\u001b[1A\u001b[J'), [
    'lb-1 i-1 10.0.0.1:80 [....................] 2 sessions, cut in 30 s\n',
    'lb-1 i-1 10.0.0.1:80 [##########..........] 1 session, cut in 25 s\n',
    'no server is draining\n',
  ]);
});

test('a removal that no forwarder has counted yet is shown as such', async () => {
  const { terminal, clock } = scene([[{ ...drain('f', 0), Counted: false }], [drain('f', 2)], []]);
  await runDrains(['--watch'], terminal, clock);
  assert.match(terminal.out(), /^lb-1 i-1 10\.0\.0\.1:80 counting sessions, cut in 30 s\n/);
  assert.match(terminal.out(), /2 sessions, cut in 25 s\nno server is draining\n$/);
});

test('a forwarder that does not report is named, and what it has is not counted', async () => {
  const silent = { ...drain('f2', 0), Counted: false, SilentSince: '2026-11-24T07:59:00Z' };
  const { terminal, clock } = scene([[drain('f1', 2), silent]]);
  await runDrains([], terminal, clock);
  assert.match(terminal.out(), /2 sessions, cut in 30 s; silent, not counted: f2\n$/);
});

test('help makes no call, and an unknown flag is a mistake', async () => {
  const { terminal, clock } = scene([]);
  await runDrains(['--help'], terminal, clock);
  assert.match(terminal.out(), /--watch\s+follow them until none is left/);
  assert.deepEqual(terminal.calls, []);
  await assert.rejects(runDrains(['--wach'], terminal, clock), /did you mean --watch\?/);
});
