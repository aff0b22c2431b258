import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../usage.ts';
import { runConsole } from './console.ts';
import { fakeTerminal } from './fake-terminal.ts';

describe('sluice console', () => {
  test('prints a link with a ticket that the API made for it', async () => {
    const terminal = fakeTerminal(() => ({ body: { Ticket: 'v1.abc' }, headers: {} }));
    await runConsole(['--endpoint', 'http://127.0.0.1:9000'], terminal);
    assert.equal(terminal.out(), 'http://127.0.0.1:9000/console/start?ticket=v1.abc\n');
    assert.deepEqual(
      terminal.calls.map(({ product, action }) => `${product} ${action}`),
      ['Sluice CreateConsoleTicket'],
    );
    assert.equal(terminal.open(), 0);
  });

  test('explains itself without a call, and takes nothing that it does not know', async () => {
    const terminal = fakeTerminal();
    await runConsole(['--help'], terminal);
    assert.match(terminal.out(), /^sluice console {2}.+\n/);
    await assert.rejects(runConsole(['now'], terminal), UsageError);
    assert.deepEqual(terminal.calls, []);
  });
});
