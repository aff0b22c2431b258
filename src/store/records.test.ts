import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRecord } from './records.ts';

const entry = (value: string) => ({ key: 'site/a', value, revision: 7 });

test('a record comes with the revision to commit against', () => {
  assert.deepEqual(parseRecord(entry('{"id":"a"}')), { value: { id: 'a' }, revision: 7 });
  assert.deepEqual(parseRecord(entry('{"v":1}')).value, { v: 1 });
});

test('a record of a newer version is not guessed at', () => {
  assert.throws(() => parseRecord(entry('{"v":2}')), /site\/a was written by a newer version/);
});
