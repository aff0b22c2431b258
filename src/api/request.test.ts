import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../limits.ts';
import { ApiError } from './errors.ts';
import { formatOf, type RawRequest, readRequest } from './request.ts';

const form = 'application/x-www-form-urlencoded';

function raw(url: string, body = '', contentType?: string): RawRequest {
  return {
    method: 'POST',
    url,
    headers: contentType === undefined ? {} : { 'content-type': contentType },
    body: Buffer.from(body),
    sourceIp: '127.0.0.1',
    secure: false,
  };
}

function read(...parts: Parameters<typeof raw>) {
  return Object.fromEntries(readRequest(raw(...parts)).parameters);
}

const isUnsupported = (error: unknown) =>
  error instanceof ApiError && error.code === 'UnsupportedParameter' && error.status === 400;

describe('reading a request', () => {
  test('query and form come together, and the form wins', () => {
    assert.deepEqual(read('/?A=1&B=2', 'B=3&C=4', form), { A: '1', B: '3', C: '4' });
    assert.deepEqual(read('/?A=1', 'A=2', `${form.toUpperCase()}; charset=UTF-8`), { A: '2' });
  });

  test('a body that is no form has no parameters', () => {
    assert.deepEqual(read('/?A=1', '{"B":2}', 'application/json'), { A: '1' });
    assert.deepEqual(read('/?A=1', 'B=2'), { A: '1' });
  });

  test('plus and %20 are spaces, and empty values stay', () => {
    assert.deepEqual(read('/?A=x+y&B=x%20y&C=x%2By&SignatureType=&D'), {
      A: 'x y',
      B: 'x y',
      C: 'x+y',
      SignatureType: '',
      D: '',
    });
  });

  test('any query is read as the standard reads it', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '%',
        '%2',
        '%zz',
        '%E4%BD',
        '%C3%A9',
        '%00',
        '+',
        '&',
        '=',
        '&&',
        '__proto__',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const query = pieces.join('').replaceAll(/[?#]/g, '');
        const expected = [...new URLSearchParams(query)];
        assert.deepEqual(readRequest(raw(`/?${query}`)).query, expected);
      }),
      { numRuns: 2_000 },
    );
  });

  test('more parameters or bytes than the bounds are refused', () => {
    const many = 'A=1&'.repeat(limits.parameters + 1);
    assert.throws(() => read(`/?${many}`), isUnsupported);
    assert.throws(() => read('/', many, form), isUnsupported);
    const half = 'A=1&'.repeat(limits.parameters / 2 + 1);
    assert.throws(() => read(`/?${half}`, half, form), isUnsupported);
    assert.throws(() => read(`/?A=${'x'.repeat(limits.queryBytes)}`), isUnsupported);
  });
});

describe('the format', () => {
  test('is JSON unless the call says XML, in any case', () => {
    assert.equal(formatOf(new Map()), 'JSON');
    assert.equal(formatOf(new Map([['Format', 'json']])), 'JSON');
    assert.equal(formatOf(new Map([['Format', 'Xml']])), 'XML');
    assert.throws(
      () => formatOf(new Map([['Format', 'HTML']])),
      (error) => error instanceof ApiError && error.code === 'InvalidParameter.Format',
    );
  });
});
