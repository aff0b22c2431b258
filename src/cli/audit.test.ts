import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runAudit } from './audit.ts';
import { fakeTerminal } from './fake-terminal.ts';

/** Answers each call with the next of `pages`. */
function scene(...pages: readonly object[]) {
  let calls = 0;
  return fakeTerminal(() => ({ body: pages[calls++] ?? {}, headers: {} }));
}

describe('sluice audit export', () => {
  test('prints every event of every page, one a line', async () => {
    const terminal = scene(
      { Events: [{ eventId: '1' }, { eventId: '2' }], NextToken: 'next' },
      { Events: [], NextToken: 'more' },
      { Events: [{ eventId: '3' }], NextToken: '' },
    );
    const times = ['--from', '2026-11-24T08:00:00Z', '--to', '2026-11-25T08:00:00Z'];
    assert.equal(await runAudit(['export', ...times], terminal), 0);
    assert.equal(terminal.out(), '{"eventId":"1"}\n{"eventId":"2"}\n{"eventId":"3"}\n');
    assert.deepEqual(
      terminal.calls.map(({ action, parameters }) => [action, parameters.NextToken]),
      [
        ['ExportAuditEvents', undefined],
        ['ExportAuditEvents', 'next'],
        ['ExportAuditEvents', 'more'],
      ],
    );
    assert.equal(terminal.calls[0]?.parameters.StartTime, '2026-11-24T08:00:00Z');
    assert.equal(terminal.calls[0]?.parameters.EndTime, '2026-11-25T08:00:00Z');
    assert.equal(terminal.open(), 0);
  });
});

describe('sluice audit verify', () => {
  const part = { Seals: 2, Records: 10, UnsealedRecords: 1, NewestSeal: '4:digest' };

  test('says ok, with sums over all parts and the newest seal', async () => {
    const terminal = scene({ ...part, NextToken: '3:audit/' }, { ...part, NextToken: '' });
    assert.equal(await runAudit(['verify', '--expect', '1:seen'], terminal), 0);
    const counts = '20 records in 4 seals, 2 not sealed yet';
    assert.equal(terminal.out(), `ok  ${counts}\nnewest seal 4:digest\n`);
    assert.deepEqual(
      terminal.calls.map(({ parameters }) => parameters),
      [
        { ExpectedSeal: '1:seen', NextToken: undefined },
        { ExpectedSeal: '1:seen', NextToken: '3:audit/' },
      ],
    );
  });

  test('names the first thing that is wrong, and exits with 1', async () => {
    const Fault = { Key: 'audit/time/request', Reason: 'missing' };
    const terminal = scene({ ...part, NextToken: '3:audit/' }, { ...part, Fault, NextToken: '' });
    assert.equal(await runAudit(['verify'], terminal), 1);
    assert.equal(terminal.out(), 'NOT INTACT  audit/time/request: missing\n');
    assert.equal(terminal.open(), 0);
  });
});

test('sluice audit prints its help, and knows no other command', async () => {
  const terminal = fakeTerminal();
  assert.equal(await runAudit(['--help'], terminal), 0);
  assert.match(terminal.out(), /--from TIME/);
  assert.match(terminal.out(), /--expect SEAL/);
  await assert.rejects(runAudit(['erase'], terminal), { name: 'UsageError' });
});
