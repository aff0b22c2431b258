import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { doorKey, v1Request, v3Request } from '../../test/support/door.ts';
import { ApiError } from './errors.ts';
import { isV3, type RawRequest, readRequest } from './request.ts';
import { namedAction, readClaim, verify } from './signature.ts';

interface Vector {
  readonly name: string;
  readonly accessKeyId: string;
  readonly accessKeySecret?: string;
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly rawQuery: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly stringToSign: string;
  readonly signature: string;
}

function vectors(file: string): readonly Vector[] {
  const url = new URL(`../../test/fixtures/${file}`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { vectors: Vector[] }).vectors;
}

function rawOf({ request }: Vector): RawRequest {
  const headers = Object.entries(request.headers).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  return {
    method: request.method,
    url: request.rawQuery === '' ? '/' : `/?${request.rawQuery}`,
    headers: { host: request.host, ...Object.fromEntries(headers) },
    body: Buffer.from(request.body),
    sourceIp: '127.0.0.1',
    secure: false,
  };
}

/** The server's clock set to the vector's date. */
function timeOf(vector: Vector): number {
  const request = readRequest(rawOf(vector));
  return Date.parse(
    isV3(request)
      ? String(request.headers['x-acs-date'])
      : (request.parameters.get('Timestamp') ?? ''),
  );
}

function check(raw: RawRequest, vector: Vector): void {
  verify(readClaim(readRequest(raw), timeOf(vector)), vector.accessKeySecret!);
}

const v1 = vectors('rpc-v1.json');
const v3 = vectors('rpc-v3.json');
/** Algorithms that the door refuses by name. */
const refusedNames = ['sm3', 'rsa'];
const served = [...v1, ...v3.filter(({ name }) => !refusedNames.includes(name))];

describe('signatures of official clients', () => {
  for (const vector of served) {
    test(`${vector.name} verifies, with the same string to sign`, () => {
      const claim = readClaim(readRequest(rawOf(vector)), timeOf(vector));
      assert.equal(claim.stringToSign, vector.stringToSign);
      assert.equal(claim.accessKeyId, vector.accessKeyId);
      assert.equal(claim.expected(vector.accessKeySecret!), vector.signature);
      verify(claim, vector.accessKeySecret!);
    });
  }

  for (const vector of v3.filter(({ name }) => refusedNames.includes(name))) {
    test(`${vector.name} is refused as a method the door does not take`, () => {
      assert.throws(
        () => readClaim(readRequest(rawOf(vector)), timeOf(vector)),
        (error) => error instanceof ApiError && error.code === 'InvalidSignatureMethod',
      );
    });
  }
});

describe('what a signature covers', () => {
  test('another secret is refused, and the message ends in the string to sign', () => {
    for (const vector of served) {
      const claim = readClaim(readRequest(rawOf(vector)), timeOf(vector));
      assert.throws(
        () => verify(claim, `${vector.accessKeySecret}x`),
        (error) =>
          error instanceof ApiError &&
          error.code === 'SignatureDoesNotMatch' &&
          error.message.split('string to sign is:')[1] === vector.stringToSign,
      );
    }
  });

  test('any changed character of the query or body is refused', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...served),
        fc.nat(),
        fc.constantFrom('x', 'Z', '7', '-'),
        (vector, at, sign) => {
          const raw = rawOf(vector);
          const [part, text] =
            raw.body.length > 0
              ? (['body', raw.body.toString()] as const)
              : (['url', raw.url] as const);
          if (text.length <= 2) return;
          const index = part === 'url' ? 2 + (at % (text.length - 2)) : at % text.length;
          const changed = text.slice(0, index) + sign + text.slice(index + 1);
          const value = part === 'body' ? Buffer.from(changed) : changed;
          const altered = { ...raw, [part]: value };
          if (sameMeaning(raw, altered)) return;
          assert.throws(() => check(altered, vector), ApiError);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('any changed signed header is refused', () => {
    const withHeaders = served.filter((vector) => isV3(readRequest(rawOf(vector))));
    fc.assert(
      fc.property(fc.constantFrom(...withHeaders), fc.nat(), fc.nat(), (vector, which, at) => {
        const raw = rawOf(vector);
        const list = /SignedHeaders=([^,]+)/.exec(String(raw.headers.authorization))?.[1] ?? '';
        const names = list.split(';');
        const name = names[which % names.length]!;
        const value = String(raw.headers[name]);
        const index = at % value.length;
        const other = value[index] === 'q' ? 'r' : 'q';
        const changed = value.slice(0, index) + other + value.slice(index + 1);
        const altered = { ...raw, headers: { ...raw.headers, [name]: changed } };
        assert.throws(() => check(altered, vector), ApiError);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a mandatory header left out of the signature is refused', () => {
    const vector = v3.find(({ name }) => name === 'post-query')!;
    const raw = rawOf(vector);
    for (const name of ['host', 'x-acs-action', 'x-acs-date', 'x-acs-signature-nonce']) {
      const authorization = String(raw.headers.authorization).replace(`${name};`, '');
      assert.throws(
        () => check({ ...raw, headers: { ...raw.headers, authorization } }, vector),
        (error) => error instanceof ApiError && error.code === 'IncompleteSignature',
      );
    }
  });
});

describe('freshness', () => {
  const vector = v1.find(({ name }) => name === 'post-query')!;
  const at = (offsetMs: number) => readClaim(readRequest(rawOf(vector)), timeOf(vector) + offsetMs);

  test('fifteen minutes either way count, a second more does not', () => {
    at(15 * 60_000);
    at(-15 * 60_000);
    for (const offset of [15 * 60_000 + 1_000, -15 * 60_000 - 1_000]) {
      assert.throws(
        () => at(offset),
        (error) => error instanceof ApiError && error.code === 'InvalidTimeStamp.Expired',
      );
    }
  });
});

const hasCode = (code: string) => (error: unknown) =>
  error instanceof ApiError && error.code === code;

/** A call with one of its parameters or headers put otherwise, unsigned. */
function altered(raw: RawRequest, parameters: Record<string, string>): RawRequest {
  const query = new URLSearchParams(raw.url.slice(2));
  for (const [name, value] of Object.entries(parameters)) query.set(name, value);
  return { ...raw, url: `/?${query}` };
}

describe('V1', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  test('any split of the parameters between query and form has the same signature', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 8 }), fc.nat(), (parameters, split) => {
        const raw = v1Request('Test', parameters);
        const pairs = raw.url.slice(2).split('&');
        const inQuery = pairs.filter((_, index) => (split >> index) % 2 === 0);
        const inForm = pairs.filter((_, index) => (split >> index) % 2 === 1);
        const moved = {
          ...raw,
          url: `/?${inQuery.join('&')}`,
          headers: { ...raw.headers, ...form },
          body: Buffer.from(inForm.join('&')),
        };
        verify(readClaim(readRequest(moved), Date.now()), doorKey.secret);
      }),
    );
  });

  test('what has no credential, or another kind of it, is refused by name', () => {
    const raw = v1Request('Test', {});
    const claim = (parameters: Record<string, string>) => () =>
      readClaim(readRequest(altered(raw, parameters)), Date.now());
    assert.throws(claim({ AccessKeyId: '' }), hasCode('MissingAccessKeyId'));
    assert.throws(claim({ Timestamp: '' }), hasCode('MissingTimestamp'));
    assert.throws(claim({ SignatureNonce: '' }), hasCode('MissingSignatureNonce'));
    assert.throws(claim({ Signature: '' }), hasCode('MissingSignature'));
    assert.throws(claim({ SignatureMethod: '' }), hasCode('MissingSignatureMethod'));
    assert.throws(claim({ SignatureVersion: '' }), hasCode('MissingSignatureVersion'));
    assert.throws(claim({ SignatureMethod: 'SHA256withRSA' }), hasCode('InvalidSignatureMethod'));
    assert.throws(claim({ SignatureMethod: 'constructor' }), hasCode('InvalidSignatureMethod'));
    assert.throws(claim({ SignatureType: 'BEARERTOKEN' }), hasCode('InvalidSignatureMethod'));
    assert.throws(claim({ SignatureVersion: '2.0' }), hasCode('InvalidSignatureVersion'));
    assert.throws(claim({ Timestamp: '2026-11-24 03:48:31' }), hasCode('InvalidTimeStamp.Format'));
    assert.throws(claim({ Timestamp: '2026-13-24T03:48:31Z' }), hasCode('InvalidTimeStamp.Format'));
  });

  test('headers, which V1 does not sign, name no action', () => {
    const raw = altered(v1Request('Test', {}), { Action: '' });
    const headers = { ...raw.headers, 'x-acs-action': 'Test', 'x-acs-version': '2017-11-10' };
    assert.throws(() => namedAction(readRequest({ ...raw, headers })), hasCode('MissingAction'));
  });
});

describe('V3', () => {
  const claim = (raw: RawRequest) => () => readClaim(readRequest(raw), Date.now());

  test('a call in its form without a credential misses the access key', () => {
    const raw = v3Request('Test', {});
    const { authorization: _, ...headers } = raw.headers;
    assert.throws(
      () => namedAction(readRequest({ ...raw, headers })),
      hasCode('MissingAccessKeyId'),
    );
  });

  test('a body counts only when its type is signed, since the type says how it is read', () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const signed = v3Request('Test', {}, { body: 'Name=x', headers: type });
    verify(claim(signed)(), doorKey.secret);
    const unsigned = v3Request('Test', {}, { body: 'Name=x' });
    const typed = { ...unsigned, headers: { ...unsigned.headers, ...type } };
    assert.throws(() => verify(claim(typed)(), doorKey.secret), hasCode('IncompleteSignature'));
  });

  test('our own headers count when they are signed, or nobody on the way could add them', () => {
    const added = { 'x-sluice-dry-run': 'true' };
    const elsewhere = { sourceIp: '192.0.2.1', secure: false };
    const check = (raw: RawRequest) => () => verify(claim(raw)(), doorKey.secret);
    for (const raw of [v1Request('Test', {}), v3Request('Test', {})]) {
      const headers = { ...raw.headers, ...added };
      assert.throws(check({ ...raw, ...elsewhere, headers }), hasCode('IncompleteSignature'));
      check({ ...raw, ...elsewhere })();
      check({ ...raw, headers })();
      check({ ...raw, headers, sourceIp: '::1' })();
      check({ ...raw, ...elsewhere, headers, secure: true })();
    }
    check({ ...v3Request('Test', {}, { headers: added }), ...elsewhere })();
  });

  test('another body than the signed one is refused, whatever the hash header says', () => {
    const raw = v3Request('Test', {}, { body: 'Name=x' });
    const read = claim({ ...raw, body: Buffer.from('Name=y') })();
    assert.throws(() => verify(read, doorKey.secret), hasCode('ContentMD5NotMatched'));
  });

  test('names of object members are no headers', () => {
    const raw = v3Request('Test', {});
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const authorization = String(raw.headers.authorization).replace('host;', `${name};host;`);
      const read = claim({ ...raw, headers: { ...raw.headers, authorization } })();
      assert.throws(() => verify(read, doorKey.secret), hasCode('SignatureDoesNotMatch'));
    }
  });

  test('a malformed Authorization header is refused, never a fault', () => {
    const raw = v3Request('Test', {});
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (rest) => {
        const headers = { ...raw.headers, authorization: `ACS3-HMAC-SHA256${rest}` };
        try {
          verify(claim({ ...raw, headers })(), doorKey.secret);
          assert.fail('it was accepted');
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
        }
      }),
    );
  });
});

/** Percent-encoding in another case, or a change inside Signature that decodes alike. */
function sameMeaning(a: RawRequest, b: RawRequest): boolean {
  if (isV3(a) && !a.body.equals(b.body)) return false;
  const texts = (raw: RawRequest) => JSON.stringify([...readRequest(raw).parameters].sort());
  return texts(a) === texts(b);
}
