import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { until } from '../../test/support/wait.ts';
import { limits } from '../limits.ts';
import type { Answer } from './answer.ts';
import type { Dispatch } from './dispatch.ts';
import { createListener } from './listen.ts';
import type { RawRequest } from './request.ts';

const ok: Answer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' };

describe('the HTTP server', () => {
  const servers: FastifyInstance[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  async function listen(
    dispatch: Dispatch = async () => ok,
    isReady: () => Promise<boolean> = async () => true,
  ) {
    const faults: unknown[] = [];
    const onFault = (error: unknown) => faults.push(error);
    const server = createListener({ dispatch, isReady, onFault });
    servers.push(server);
    const endpoint = await server.listen({ host: '127.0.0.1', port: 0 });
    return { server, endpoint, faults, port: Number(new URL(endpoint).port) };
  }

  /** Sends bytes as they are and gives all that comes back until the server hangs up. */
  async function raw(port: number, bytes: string): Promise<string> {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    socket.write(bytes);
    await once(socket, 'close');
    return text;
  }

  test('GET and POST of / reach dispatch as they came', async () => {
    const seen: RawRequest[] = [];
    const { endpoint } = await listen(async (request) => {
      seen.push(request);
      return ok;
    });
    await fetch(`${endpoint}/?A=%20+x&A=2`);
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    await fetch(endpoint, { method: 'POST', body: '{"a":', headers });
    await fetch(endpoint, { method: 'POST', body: new Uint8Array([0, 255]) });
    await fetch(endpoint, { method: 'POST' });
    assert.deepEqual(
      seen.map(({ method, url, body, sourceIp, secure }) => [
        `${method} ${url} ${body.toString('hex')}`,
        sourceIp,
        secure,
      ]),
      ['GET /?A=%20+x&A=2 ', 'POST / 7b2261223a', 'POST / 00ff', 'POST / '].map((line) => [
        line,
        '127.0.0.1',
        false,
      ]),
    );
  });

  test('the health pages tell whether it lives and whether it can serve', async () => {
    let ready = async () => true;
    const { endpoint } = await listen(undefined, () => ready());
    const status = async (path: string) => (await fetch(`${endpoint}${path}`)).status;
    assert.equal(await status('/healthz'), 200);
    assert.equal(await status('/readyz'), 200);
    for (const no of [async () => false, () => Promise.reject(new Error('away'))]) {
      ready = no;
      assert.equal(await status('/readyz'), 503);
      assert.equal(await status('/healthz'), 200);
    }
  });

  for (const [what, path, init, status, code] of [
    ['another method', '/', { method: 'PUT', body: 'x' }, 403, 'UnsupportedHTTPMethod'],
    ['another method with a query', '/?a=1', { method: 'DELETE' }, 403, 'UnsupportedHTTPMethod'],
    ['another path', '/nothing?x=1', {}, 404, 'InvalidAction.NotFound'],
    ['a malformed path', '/%zz', {}, 400, 'UnsupportedParameter'],
    [
      'a body that is too large',
      '/',
      { method: 'POST', body: 'x'.repeat(limits.bodyBytes + 1) },
      400,
      'UnsupportedParameter',
    ],
    [
      'a query and headers that are too large',
      `/?a=${'x'.repeat(100_000)}`,
      {},
      400,
      'UnsupportedParameter',
    ],
    [
      'a media type that is none',
      '/',
      { method: 'POST', body: 'x', headers: { 'content-type': ';' } },
      400,
      'UnsupportedParameter',
    ],
  ] as const) {
    test(`${what} is answered as an API error`, async () => {
      const { endpoint } = await listen();
      const response = await fetch(`${endpoint}${path}`, init);
      assert.equal(response.status, status);
      assert.equal(response.headers.get('content-type'), 'application/json;charset=utf-8');
      const body = (await response.json()) as Record<string, string>;
      assert.equal(body.Code, code);
      for (const name of ['RequestId', 'HostId', 'Message', 'Recommend']) {
        assert.equal(typeof body[name], 'string', name);
      }
    });
  }

  test('a request must be there whole in its time, head and body alike', async () => {
    const { server } = await listen();
    // Node takes the longer of both for the body.
    assert.equal(server.server.headersTimeout, limits.requestTimeout);
    assert.equal(server.server.requestTimeout, limits.requestTimeout);
    assert.equal(server.server.timeout, limits.socketIdle);
  });

  test('bytes that are no HTTP get an API error too', async () => {
    const { port } = await listen();
    const [head = '', body = ''] = (await raw(port, 'no such protocol\r\n\r\n')).split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.equal(JSON.parse(body).Code, 'UnsupportedParameter');
  });

  test('a dispatch that fails is InternalError, told to the log alone', async () => {
    const fault = new Error('inner working');
    const { endpoint, faults } = await listen(async () => {
      throw fault;
    });
    const response = await fetch(endpoint);
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /inner working/);
    assert.deepEqual(faults, [fault]);
  });

  test('a caller who leaves aborts the call; one who is answered does not', async () => {
    const signals: AbortSignal[] = [];
    const { endpoint } = await listen(async ({ method }, signal) => {
      signals.push(signal);
      if (method === 'POST') await once(signal, 'abort');
      return ok;
    });
    await (await fetch(endpoint)).text();
    const leaving = new AbortController();
    const call = fetch(endpoint, { method: 'POST', signal: leaving.signal });
    await until(() => signals.length === 2, { what: 'the call' });
    leaving.abort();
    await assert.rejects(call);
    await until(() => signals[1]?.aborted, { what: 'the abort' });
    assert.equal(signals[0]?.aborted, false);
  });

  test('a stream is flushed line by line, and ends when its reader leaves', async () => {
    let next: (line: string) => void = () => {};
    let ended = false;
    const { endpoint } = await listen(async (_request, signal) => ({
      ...ok,
      body: (async function* () {
        try {
          yield 'first\n';
          while (!signal.aborted) {
            yield await new Promise<string>((resolve) => {
              next = resolve;
              signal.addEventListener('abort', () => resolve('last\n'));
            });
          }
        } finally {
          ended = true;
        }
      })(),
    }));
    const leaving = new AbortController();
    const { body } = await fetch(endpoint, { signal: leaving.signal });
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, 'first\n');
    next('second\n');
    assert.equal((await reader.read()).value, 'second\n');
    const rest = assert.rejects(reader.read());
    leaving.abort();
    await rest;
    await until(() => ended, { what: 'the end of the stream' });
  });

  test('closing lets a running call finish and ends streams', async () => {
    let answer: (value: Answer) => void = () => {};
    const { server, endpoint } = await listen(async ({ method }, signal) => {
      if (method === 'POST') return new Promise<Answer>((resolve) => (answer = resolve));
      const lines = async function* () {
        yield 'first\n';
        await once(signal, 'abort');
      };
      return { ...ok, body: lines() };
    });
    const stream = await fetch(endpoint);
    const call = fetch(endpoint, { method: 'POST' });
    await until(() => answer.length === 1, { what: 'the running call' });
    const closed = server.close();
    assert.equal(await stream.text(), 'first\n');
    answer({ ...ok, body: '{"Done":true}' });
    assert.deepEqual(await (await call).json(), { Done: true });
    await closed;
    await assert.rejects(fetch(endpoint));
  });
});
