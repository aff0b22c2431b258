import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from './errors.ts';
import { type RawRequest, readRequest } from './request.ts';
import { isV3, readClaim, verify } from './signature.ts';

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

/** Percent-encoding in another case, or a change inside Signature that decodes alike. */
function sameMeaning(a: RawRequest, b: RawRequest): boolean {
  if (isV3(a) && !a.body.equals(b.body)) return false;
  const texts = (raw: RawRequest) => JSON.stringify([...readRequest(raw).parameters].sort());
  return texts(a) === texts(b);
}
