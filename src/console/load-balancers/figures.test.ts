import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeText } from '../ui/time.ts';
import { countText, plural, rateText, secondsText } from './figures.ts';

test('figures are told in words that a table lines up, a dash where nothing is known', () => {
  assert.deepEqual([undefined, 0, 12_345.4].map(countText), ['–', '0', '12,345']);
  assert.deepEqual([undefined, 0, 0.25, 9.96, 12.4, 1_500].map(rateText), [
    ...['–', '0', '0.3', '10.0', '12', '1,500'],
  ]);
  assert.deepEqual(
    [1, 0, 2].map((count) => plural(count, 'session')),
    ['1 session', '0 sessions', '2 sessions'],
  );
});

test('times are told as people say them', () => {
  assert.deepEqual([0, 59, 60, 125].map(secondsText), ['0 s', '59 s', '1 min', '2 min 5 s']);
  assert.equal(timeText('2026-11-24T08:00:00Z'), '2026-11-24 08:00:00 UTC');
  assert.equal(timeText('2026-11-24T08:00:00.123Z'), '2026-11-24 08:00:00 UTC');
});
