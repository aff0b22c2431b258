import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fits } from './wildcard.ts';

/** The model: a regular expression, fit for short texts only. */
function model(pattern: string): RegExp {
  const parts = [...pattern].map((each) =>
    each === '*' ? '.*' : each === '?' ? '.' : each.replace(/[\\^$.*+?()[\]{}|]/, '\\$&'),
  );
  return new RegExp(`^${parts.join('')}$`, 'su');
}

test('patterns fit what a regular expression of the same meaning matches', () => {
  const characters = ['a', 'b', '*', '?', '.', ':', '/', '\n', '😀'];
  const text = fc.string({ unit: fc.constantFrom(...characters), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (pattern, asked) => {
      assert.equal(fits(pattern, asked), model(pattern).test(asked));
    }),
    { numRuns: 20_000 },
  );
});

test('a pattern that would hang a backtracking matcher is decided at once', () => {
  const begun = performance.now();
  assert.equal(fits(`${'*a'.repeat(3_000)}*b`, 'a'.repeat(6_000)), false);
  assert.equal(fits(`*${'?'.repeat(3_000)}b`, 'a'.repeat(6_000)), false);
  const seconds = (performance.now() - begun) / 1000;
  assert.ok(seconds < 2, `${seconds} s`);
});
