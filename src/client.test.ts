import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { type Door, doorKey, openDoor } from '../test/support/door.ts';
import { type Action, defineAction } from './api/actions/action.ts';
import { createListener } from './api/listen.ts';
import { RpcClient, RpcError } from './client.ts';

const base = {
  product: 'Ens',
  access: 'get',
  summary: 'For this test.',
  output: z.looseObject({}),
  errors: ['Invalid%s'],
  limits: { perApi: 1, perAccount: 1 },
} as const;

const echo = defineAction({
  ...base,
  name: 'Echo',
  input: z.object({
    Text: z.string().optional(),
    Size: z.int().optional(),
    Force: z.boolean().optional(),
    Servers: z.array(z.object({ ServerId: z.string() })).optional(),
  }),
  run: async (input, { extensions }) => ({ ...input, DryRun: extensions.dryRun }),
});

const lines = ['{"a":"é"}', '', 'x'.repeat(100_000), 'last'];
const follow = defineAction({
  ...base,
  name: 'Follow',
  input: z.object({ Fail: z.boolean().optional() }),
  stream: async function* ({ Fail }) {
    if (Fail) throw new Error('at the start');
    yield `${lines.join('\n')}\n`;
    yield 'cut off';
  },
  run: async () => ({}),
});

const endless = defineAction({
  ...base,
  name: 'FollowForEver',
  input: z.object({}),
  stream: async function* (_input, { signal }) {
    for (let n = 0; !signal.aborted; n++) {
      yield `${n}\n`;
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  run: async () => ({}),
});

describe('our own client', () => {
  let door: Door;
  let client: RpcClient;
  let endpoint: string;
  const closers: (() => Promise<unknown>)[] = [];
  const { id: accessKeyId, secret: accessKeySecret } = doorKey;

  before(async () => {
    door = openDoor({ actions: [echo, follow, endless] as readonly Action[] });
    const { dispatch } = door;
    const server = createListener({ dispatch, isReady: async () => true, onFault: () => {} });
    endpoint = await server.listen({ host: '127.0.0.1', port: 0 });
    client = new RpcClient({ endpoint, accessKeyId, accessKeySecret });
    closers.push(
      () => client.close(),
      () => server.close(),
    );
  });
  after(async () => {
    for (const close of closers) await close();
  });

  test('values arrive as they were meant; undefined and null are left out', async () => {
    const parameters = {
      Text: 'ä +&=*~\'"',
      Size: 7,
      Force: false,
      Servers: [{ ServerId: 'i-1' }],
      Absent: undefined,
      Null: null,
    };
    const { status, headers, body } = await client.call('Ens', 'Echo', parameters);
    const { RequestId, DryRun, ...rest } = body as Record<string, unknown>;
    const { Absent, Null, ...sent } = parameters;
    assert.equal(status, 200);
    assert.equal(headers['x-acs-request-id'], RequestId);
    assert.equal(DryRun, false);
    assert.deepEqual(rest, sent);
  });

  test('parameters too long for a query travel in the body', async () => {
    const Text = 'ü'.repeat(50_000);
    const { body } = await client.call('Ens', 'Echo', { Text });
    assert.equal((body as { Text: string }).Text, Text);
  });

  test('extension headers arrive, signed', async () => {
    const headers = { 'X-Sluice-Dry-Run': 'true' };
    const { body } = await client.call('Ens', 'Echo', {}, { headers });
    assert.equal((body as { DryRun: boolean }).DryRun, true);
  });

  test('an error answer is an RpcError with all that the body says', async () => {
    const call = client.call('Ens', 'Echo', { Size: 'x' });
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof RpcError);
      assert.equal(error.status, 400);
      assert.equal(error.code, 'InvalidSize');
      assert.equal(error.message, 'The specified parameter Size is invalid.');
      assert.equal(error.recommend, `${endpoint}/docs/errors/InvalidSize`);
      assert.equal(error.requestId, error.headers['x-acs-request-id']);
      assert.equal((error.body as { HostId: string }).HostId, new URL(endpoint).host);
      return true;
    });
  });

  test('an answer that is no JSON is an error that shows it', async () => {
    const server = http.createServer((_request, response) => response.end('<html>proxy'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(async () => server.close());
    const { port } = server.address() as AddressInfo;
    const other = new RpcClient({
      endpoint: `http://127.0.0.1:${port}`,
      accessKeyId,
      accessKeySecret,
    });
    closers.unshift(() => other.close());
    await assert.rejects(other.call('Ens', 'Echo', {}), /is not JSON: <html>proxy/);
  });

  test('a stream yields its whole lines, however they were cut on the way', async () => {
    const seen: string[] = [];
    const { signal } = new AbortController();
    for await (const line of client.stream('Ens', 'Follow', {}, signal)) seen.push(line);
    assert.deepEqual(seen, lines);
  });

  test('a stream that is refused is an RpcError', async () => {
    const { signal } = new AbortController();
    const stream = client.stream('Ens', 'Follow', { Fail: true }, signal);
    await assert.rejects(stream[Symbol.asyncIterator]().next(), RpcError);
  });

  test('an aborted stream ends for both sides', async () => {
    const leaving = new AbortController();
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const line of client.stream('Ens', 'FollowForEver', {}, leaving.signal)) {
          seen.push(line);
          if (seen.length === 3) leaving.abort();
        }
      },
      { name: 'AbortError' },
    );
    assert.deepEqual(seen.slice(0, 3), ['0', '1', '2']);
    assert.equal(door.calls.at(-1)?.action.name, 'FollowForEver');
  });
});
