import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalQuery, isoSeconds, percentEncode, stringToSignV1 } from './signing.ts';

const text = fc.string({ unit: 'binary' });
const parameters = fc
  .dictionary(text, text, { maxKeys: 12 })
  .map((record) => Object.entries(record));

describe('percent-encoding', () => {
  test('leaves only what RFC 3986 calls unreserved', () => {
    assert.equal(
      percentEncode("aZ09-_.~ +*'()!/&=é"),
      ['aZ09-_.~%20%2B%2A%27%28%29%21%2F%26%3D%C3%A9'].join(''),
    );
  });

  test('any text comes back from it, and its alphabet is fixed', () => {
    fc.assert(
      fc.property(text, (value) => {
        const encoded = percentEncode(value);
        assert.match(encoded, /^(?:[A-Za-z0-9\-_.~]|%[0-9A-F]{2})*$/);
        assert.equal(decodeURIComponent(encoded), value.toWellFormed());
      }),
    );
  });
});

describe('canonical texts', () => {
  test('the order in which parameters come does not matter; empty values stay', () => {
    assert.equal(
      canonicalQuery([
        ['b', ''],
        ['a.2', 'x y'],
        ['a.10', '1'],
      ]),
      'a.10=1&a.2=x%20y&b=',
    );
  });

  test("V1's string is the method, the path and the canonical query, encoded once more", () => {
    fc.assert(
      fc.property(parameters, (pairs) => {
        const expected = `POST&%2F&${percentEncode(canonicalQuery(pairs))}`;
        assert.equal(stringToSignV1('POST', pairs), expected);
      }),
    );
  });

  test('times are UTC with whole seconds', () => {
    assert.equal(isoSeconds(Date.UTC(2026, 10, 24, 3, 48, 31, 999)), '2026-11-24T03:48:31Z');
  });
});
