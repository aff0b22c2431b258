import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actions } from '../../api/actions/index.ts';
import { isWrite, takesSomethingAway } from './danger.ts';

test('every call that takes something away is asked about again, and no other', () => {
  const asked = actions.filter(takesSomethingAway).map(({ name }) => name);
  const verb = /^(Remove|Delete|Deregister|Release|Cut|Detach|Clear)/;
  const expected = actions.map(({ name }) => name).filter((name) => verb.test(name));
  assert.deepEqual(asked, expected);
  assert.ok(asked.includes('RemoveBackendServers') && asked.includes('CutDrain'));
});

test('a call that only reads is never asked about', () => {
  for (const action of actions.filter((each) => !isWrite(each))) {
    assert.ok(!takesSomethingAway(action), action.name);
  }
});
