import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { authenticate, type Credentials } from '../../src/api/authenticate.ts';
import { ApiError } from '../../src/api/errors.ts';
import { Nonces } from '../../src/api/nonces.ts';
import { readRequest } from '../../src/api/request.ts';
import { Throttle } from '../../src/api/throttle.ts';
import { limits } from '../../src/limits.ts';
import { doorKey, v1Request, v3Request } from '../support/door.ts';
import { startFlood } from '../support/flood.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';
import { exchange, hangUp } from '../support/wire.ts';

const unknown = { id: 'LTAI5tNobodyHasThisKey01', secret: 'x' };
const formType = 'application/x-www-form-urlencoded';

/** A call in V1 with a form of bytes that are nine times as long when they are signed. */
function rawForm(endpoint: string, bytes: number) {
  const { method, url, headers } = v1Request('DescribeLoadBalancers', {}, { key: unknown });
  const { host } = new URL(endpoint);
  const body = `a=${'\xff'.repeat(Math.floor((bytes - 2) / 2))}`;
  return { method, path: url, headers: { ...headers, host, 'content-type': formType }, body };
}

describe('a caller that proves nothing', () => {
  let sluice: Sluice;
  before(async () => {
    const environment = { SLUICE_THROTTLE: 'documented' };
    sluice = await startSluice({ mode: 'control-plane', flags: [], environment });
  });
  after(async () => {
    hangUp();
    await sluice.stop();
  });

  test('is answered at a pace, over however many connections it calls', async () => {
    const { endpoint } = sluice;
    const localAddress = '127.0.0.2';
    const request = () => rawForm(endpoint, limits.formBytesV1 - 1_000);
    const begun = performance.now();
    const flood = startFlood({ endpoint, connections: 300, localAddress, request });
    try {
      await until(() => (flood.answers.get('Throttling') ?? 0) > 0, { what: 'the first refusal' });
      await delay(3_000);
      // Others are served meanwhile.
      for (let n = 0; n < 5; n++) await sluice.client.call('Sluice', 'DescribeSites', {});
    } finally {
      flood.stop();
    }
    const seconds = (performance.now() - begun) / 1_000;
    const count = [...flood.answers.values()].reduce((sum, each) => sum + each, 0);
    const paced = limits.unprovenCalls + 300 / (limits.unprovenPause / 2_000);
    assert.ok(count < 300 + paced * seconds, `${count} answers in ${seconds} s`);
    const codes = [...flood.answers.keys()].sort();
    assert.deepEqual(codes, ['InvalidAccessKeyId.NotFound', 'Throttling']);
  });

  test('has no form read that is longer than V1 takes', async () => {
    const { hostname, port } = new URL(sluice.endpoint);
    const { path, headers } = rawForm(sluice.endpoint, 100);
    const head = { ...headers, 'content-length': String(limits.formBytesV1 + 1) };
    const socket = connect({ host: hostname, port: Number(port), localAddress: '127.0.0.3' });
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    // Not a byte of the body is sent.
    await until(() => text.includes('UnsupportedParameter'), { what: 'the refusal' });
    socket.destroy();
  });

  test('has few long bodies read at once, and others theirs', async () => {
    const { hostname, port } = new URL(sluice.endpoint);
    const { url, headers } = v3Request('DescribeSites', {}, { key: unknown, body: 'x' });
    const lines = Object.entries({ ...headers, 'content-length': '1000000' })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    const answers: string[] = [];
    const sockets = Array.from({ length: limits.unprovenAtOnce + 5 }, () => {
      const socket = connect({ host: hostname, port: Number(port), localAddress: '127.0.0.4' });
      socket.on('error', () => undefined);
      socket.setEncoding('utf8').on('data', (part: string) => answers.push(part));
      socket.write(`POST ${url} HTTP/1.1\r\n${lines}\r\nx`);
      return socket;
    });
    try {
      await until(() => answers.length === 5, { what: 'those too many to be refused' });
      assert.ok(answers.every((text) => text.includes('"Code":"Throttling"')));
      const body = `a=${'b'.repeat(100_000)}`;
      const { url: path, ...other } = v3Request('DescribeSites', {}, { key: unknown, body });
      const answer = await exchange(sluice.endpoint, {
        ...other,
        path,
        headers: other.headers as Record<string, string>,
        body,
      });
      assert.match(answer.text, /InvalidVersion|InvalidAction|InvalidAccessKeyId/);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

/** How often what is signed is gone through. */
async function canonicalised(credentials: Partial<Credentials>): Promise<[string, number]> {
  const raw = v1Request('DescribeLoadBalancers', {}, { key: unknown });
  const request = readRequest({ ...raw, sourceIp: '192.0.2.1' });
  let count = 0;
  const parameters = new Map(request.parameters);
  const entries = parameters[Symbol.iterator].bind(parameters);
  parameters[Symbol.iterator] = () => {
    count += 1;
    return entries();
  };
  const whole: Credentials = {
    accessKeys: { find: async () => undefined },
    identities: { userName: () => undefined },
    openToken: () => undefined,
    signedIn: async () => undefined,
    nonces: new Nonces(Date.now),
    throttle: new Throttle('documented', Date.now),
    onKeyUsed: () => {},
    now: Date.now,
    ...credentials,
  };
  try {
    await authenticate(whole, { ...request, parameters });
    return ['OK', count];
  } catch (error) {
    return [(error as ApiError).code, count];
  }
}

describe('what is signed is made into one text', () => {
  test('for a known key alone', async () => {
    assert.deepEqual(await canonicalised({}), ['InvalidAccessKeyId.NotFound', 0]);
    const inactive = async () => ({ ...doorKey, status: 'Inactive' as const });
    const refused = await canonicalised({ accessKeys: { find: inactive } });
    assert.deepEqual(refused, ['InvalidAccessKeyId.Inactive', 0]);
    const known = await canonicalised({ accessKeys: { find: async () => doorKey } });
    assert.deepEqual(known, ['SignatureDoesNotMatch', 1]);
  });

  test('not for an address that has used up its refusals, and no key is looked up', async () => {
    const throttle = new Throttle('documented', () => 0);
    const refusal = new ApiError('InvalidAccessKeyId.NotFound');
    for (let n = 0; n < limits.unprovenCalls; n++) throttle.refuse('192.0.2.1', refusal);
    const accessKeys = { find: () => assert.fail('the key was looked up') };
    assert.deepEqual(await canonicalised({ throttle, accessKeys }), ['Throttling', 0]);
  });
});
