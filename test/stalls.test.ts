import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { actions } from '../src/api/actions/index.ts';
import { limits } from '../src/limits.ts';
import { v1Request } from './support/door.ts';
import { masterKey, rootKey } from './support/sluice.ts';
import { exchange, hangUp, signed, type WireRequest } from './support/wire.ts';

/** The promise: no request holds up the others for longer. */
const longestMs = 50;

const folder = mkdtempSync(join(tmpdir(), 'sluice-stalls-'));
let child: ChildProcess;
let endpoint: string;
let host: string;

before(async () => {
  const measured = new URL('./support/measured.ts', import.meta.url).pathname;
  child = fork(measured, [folder], {
    env: {
      ...process.env,
      SLUICE_MASTER_KEY: masterKey,
      SLUICE_ROOT_ACCESS_KEY_ID: rootKey.accessKeyId,
      SLUICE_ROOT_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
    },
  });
  [endpoint] = (await once(child, 'message')) as [string];
  host = new URL(endpoint).host;
  // What is compiled at first use is no stall that a caller can bring about again.
  for (let n = 0; n < 200; n++) await send(call(servers('[]')));
  await send(call(servers(`[${'{"ServerId":"i"},'.repeat(10_000)}{}]`)));
  await longestTurn();
});
after(() => {
  hangUp();
  child.disconnect();
  rmSync(folder, { recursive: true });
});

async function longestTurn(): Promise<number> {
  child.send('?');
  const [ms] = (await once(child, 'message')) as [number];
  return ms;
}

type Form = readonly (readonly [string, string])[];

const servers = (text: string): Form => [
  ['LoadBalancerId', 'lb-5a'],
  ['BackendServers', text],
];
const call = (form: Form) => signed(host, 'Ens', 'AddBackendServers', { form });

const formType = { 'content-type': 'application/x-www-form-urlencoded' };

/** A form as it is, under a signature that cannot hold: in V1 as large as it may be, and in V3. */
function unproven(text: string, begin = ''): readonly WireRequest[] {
  const { method, url, headers } = v1Request('AddBackendServers', {});
  const v1 = { method, path: url, headers: { ...headers, ...formType, host } };
  const v3 = signed(host, 'Ens', 'AddBackendServers', { form: [] });
  return [
    { ...v1, body: `${begin}${fill(text)}` },
    { ...v1, body: `${begin}${fill(text, limits.formBytesV1 - begin.length)}` },
    { ...v3, body: `${begin}${fill(text)}` },
  ];
}

async function send(request: WireRequest): Promise<void> {
  const { status, text } = await exchange(endpoint, request);
  assert.ok(status < 500, `${status} ${text.slice(0, 200)}`);
}

async function holdsNobodyUp(...requests: readonly WireRequest[]): Promise<void> {
  await longestTurn();
  for (const request of requests) await send(request);
  const ms = await longestTurn();
  assert.ok(ms < longestMs, `${ms.toFixed(1)} ms`);
  if (process.env.SHOW) console.log(ms.toFixed(1));
}

/** As much of a text as a body of the largest size holds, encoded. */
const fill = (text: string, bytes = limits.bodyBytes - 1_000) =>
  text.repeat(Math.floor(bytes / text.length));

describe('no body holds up other callers', () => {
  const json = (text: string) => encodeURIComponent(text).length / text.length;
  const jsonBytes = (text: string) => fill(text, (limits.bodyBytes - 1_000) / json(text));
  const hostile: Readonly<Record<string, () => WireRequest | readonly WireRequest[]>> = {
    'deep lists': () => call(servers(jsonBytes('['))),
    'deep lists that end': () => {
      const half = jsonBytes('[').slice(0, limits.bodyBytes / 8);
      return call(servers(half + ']'.repeat(half.length)));
    },
    'deep objects': () => call(servers(jsonBytes('{"a":'))),
    'many empty objects': () => call(servers(`[${jsonBytes('{},')}{}]`)),
    'many servers': () => call(servers(`[${jsonBytes('{"ServerId":"i","Port":1},')}{}]`)),
    'many numbers': () => call(servers(`[${jsonBytes('1,')}1]`)),
    'a long number': () => call(servers(jsonBytes('9'))),
    'a number with a large exponent': () => call(servers(`[{"Port":1e${jsonBytes('9')}}]`)),
    'many names of one object': () => {
      const names = Array.from({ length: 40_000 }, (_, n) => `"n${n}":1`);
      return call(servers(`[{${names}}]`));
    },
    prototypes: () => call(servers(`[${jsonBytes('{"__proto__":{}},')}{}]`)),
    'escapes in JSON': () => call(servers(`["${jsonBytes('\\u0000')}"]`)),
    'many list members': () =>
      call(
        Array.from(
          { length: limits.parameters },
          (_, n) => [`BackendServers.${n}.ServerId`, 'i'] as const,
        ),
      ),
    'long names of list members': () =>
      call(
        Array.from(
          { length: limits.parameters },
          (_, n) => [`BackendServers.${n}.${'9'.repeat(450)}`, 'i'] as const,
        ),
      ),
    'dots in a name': () => call([[fill('BackendServers.1.'), 'i']]),
    'a control character at the end': () => call(servers(`${jsonBytes('a')}\x00`)),
    'too many parameters': () => unproven('a&'),
    'equal signs': () => unproven('='),
    'lone percent signs': () => unproven('%'),
    'broken escapes': () => unproven('%zz', 'a='),
    'half characters': () => unproven('%E0%A4', 'a='),
    'plus signs': () => unproven('+', 'a='),
    'escapes to escape again': () => unproven('%25', 'a='),
    'zero bytes': () => unproven('%00', 'a='),
    'bytes that are no UTF-8': () => unproven('\xff', 'a='),
    'signs that V1 encodes by hand': () => unproven("!*'()", 'a='),
    'names that differ at their end': () => {
      const name = 'a'.repeat(500);
      const names = Array.from(
        { length: limits.parameters },
        (_, n) => [`${name}${n}`, ''] as const,
      );
      return call(names);
    },
  };
  for (const [what, request] of Object.entries(hostile)) {
    test(what, () => holdsNobodyUp(...[request()].flat()));
  }

  test('headers: authorization, signed headers, dates, hosts', async () => {
    const { headers, ...request } = signed(host, 'Ens', 'DescribeLoadBalancers', {});
    const bytes = limits.headerBytes - 2_000;
    const long = (name: string, value: string) => ({
      ...request,
      headers: { ...headers, [name]: value },
    });
    await holdsNobodyUp(long('authorization', `ACS3-HMAC-SHA256 ${fill(' ,=', bytes)}`));
    const names = Array.from({ length: 3_000 }, (_, n) => `a${n}`)
      .join(';')
      .slice(0, bytes);
    const credential = `ACS3-HMAC-SHA256 Credential=a,Signature=b,SignedHeaders=${names}`;
    await holdsNobodyUp(long('authorization', credential));
    await holdsNobodyUp(long('x-acs-date', fill('2026-11-24T', bytes)));
    await holdsNobodyUp(long('x-forwarded-for', fill('1.1.1.1,', bytes)));
    await holdsNobodyUp(long('x-sluice-confirm-wait', fill('1', bytes)));
  });

  // Every pattern that a text of the API is held against, with what such patterns trip over.
  for (const sign of ['a', '1.', '-', '0:', ' ', 'a@', '/1']) {
    test(`texts of ${JSON.stringify(sign)} in every parameter of every action`, async () => {
      for (const { name, product, input } of actions) {
        const fields = Object.keys(input.shape);
        if (fields.length === 0) continue;
        const bytes = (limits.bodyBytes - 10_000) / fields.length / json(sign);
        const text = `${fill(sign, bytes)}!\n`;
        const form = fields.map((field) => [field, text] as const);
        await holdsNobodyUp(signed(host, product, name, { form }));
      }
    });
  }
});
