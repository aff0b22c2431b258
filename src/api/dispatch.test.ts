import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import {
  type DoorOptions,
  doorKey,
  openDoor,
  type V3Options,
  v1Request,
  v3Request,
} from '../../test/support/door.ts';
import { Refusal } from '../elb/refusal.ts';
import { limits as bounds } from '../limits.ts';
import { StoreUnavailable } from '../store/store.ts';
import type { AccessKey } from './access-keys.ts';
import { type Action, defineAction } from './actions/action.ts';
import type { RawRequest } from './request.ts';

const limits = { perApi: 100, perAccount: 2 };
const input = z.object({ LoadBalancerId: z.string().max(64), Size: z.int().max(9).optional() });

/** An action that does what a test says. */
function action(run: (id: string) => unknown, more: Partial<Action> = {}): Action {
  return defineAction({
    name: 'DescribeThing',
    product: 'Ens',
    access: 'get',
    summary: 'For this test.',
    input,
    output: z.looseObject({}),
    errors: ['Invalid%s'],
    limits,
    run: async ({ LoadBalancerId }) => run(LoadBalancerId) as Record<string, unknown>,
    ...(more as object),
  });
}

const echo = action((id) => ({ LoadBalancerId: id }));
const time = Date.UTC(2026, 10, 24, 3, 48, 31);

function open(options: Partial<DoorOptions> = {}) {
  const door = openDoor({ actions: [echo], now: () => time, ...options });
  const left = new AbortController();
  const send = async (raw: RawRequest) => {
    const { status, headers, body } = await door.dispatch(raw, left.signal);
    const text = typeof body === 'string' ? body : '{}';
    return { status, headers, body: text.startsWith('{') ? JSON.parse(text) : text, stream: body };
  };
  const call = (parameters: Record<string, string>, more: V3Options = {}) =>
    send(v3Request('DescribeThing', parameters, { time, ...more }));
  return { ...door, left, send, call };
}

const id = { LoadBalancerId: 'lb-5x' };
const forwarderKey: AccessKey = {
  ...doorKey,
  id: 'LTAI5tTestForwarder000001',
  principal: { kind: 'forwarder', site: 'hz', name: 'fwd-1' },
};

describe('the path of a call', () => {
  test('a signed call is answered, in either scheme and in the format it asks for', async () => {
    const { send, call, answers } = open();
    const v3 = await call(id);
    assert.equal(v3.status, 200);
    assert.equal(v3.body.LoadBalancerId, 'lb-5x');
    assert.equal(v3.body.RequestId, v3.headers['x-acs-request-id']);
    assert.match(v3.body.RequestId, /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
    const v1 = await send(v1Request('DescribeThing', { ...id, Format: 'xml' }, { time }));
    assert.match(v1.body, /<DescribeThingResponse><RequestId>/);
    assert.deepEqual(answers, [
      { action: 'DescribeThing', code: 'OK' },
      { action: 'DescribeThing', code: 'OK' },
    ]);
  });

  test('a call knows who asked, from where, and what was sent', async () => {
    const { call, calls } = open();
    await call(id, { headers: { 'user-agent': 'test', 'x-sluice-dry-run': '1' } });
    const [init] = calls;
    assert.deepEqual(init?.caller, {
      account: doorKey.account,
      accessKeyId: doorKey.id,
      principal: { kind: 'root' },
      sourceIp: '127.0.0.1',
      userAgent: 'test',
      secure: false,
    });
    assert.equal(init?.extensions.dryRun, true);
    assert.equal(init?.decidedBy, 'account');
    assert.deepEqual(init?.parameters, id);
  });

  test('an action of ENS that is not served says so by its name', async () => {
    const { send } = open({});
    const detailOf = async (name: string) => {
      const { body, headers } = await send(v1Request(name, {}));
      assert.equal(body.Code, 'InvalidAction.NotFound');
      return headers['x-sluice-detail'];
    };
    assert.match((await detailOf('RunInstances')) ?? '', /RunInstances.*\/docs\/compatibility$/);
    assert.equal(await detailOf('RunNothing'), undefined);
  });

  test('of several things wrong the first in the order of checks is told', async () => {
    const { send } = open({ accessKeys: [doorKey, { ...forwarderKey, status: 'Inactive' }] });
    const wrongs: [string, Partial<RawRequest> | RawRequest][] = [
      ['UnsupportedHTTPMethod', { method: 'PUT' }],
      ['MissingAction', v1Request('', { Version: '', Format: 'x' })],
      ['MissingVersion', v1Request('NoSuch', { Version: '', Format: 'x' })],
      ['InvalidVersion', v1Request('NoSuch', { Version: '2000-01-01', Format: 'x' })],
      ['InvalidAction.NotFound', v1Request('describething', { Format: 'x' })],
      ['InvalidParameter.Format', v1Request('DescribeThing', { Format: 'x', AccessKeyId: '' })],
      ['MissingAccessKeyId', v1Request('DescribeThing', { AccessKeyId: '', SignatureMethod: 'x' })],
      [
        'InvalidSignatureMethod',
        v1Request('DescribeThing', { SignatureMethod: 'x', Timestamp: '1' }),
      ],
      ['InvalidTimeStamp.Format', v1Request('DescribeThing', { Timestamp: '1', AccessKeyId: 'x' })],
      ['InvalidTimeStamp.Expired', v1Request('DescribeThing', { AccessKeyId: 'x' }, { time: 1 })],
      [
        'InvalidAccessKeyId.NotFound',
        v1Request('DescribeThing', { AccessKeyId: 'x', SecurityToken: 'x' }, { time }),
      ],
      [
        'InvalidAccessKeyId.Inactive',
        v1Request('DescribeThing', { SecurityToken: 'x' }, { time, key: forwarderKey }),
      ],
      [
        'InvalidSecurityToken.Malformed',
        v3Request('DescribeThing', {}, { time, headers: { 'x-acs-security-token': 'x' } }),
      ],
    ];
    for (const [code, raw] of wrongs) {
      const { body } = await send({ ...v1Request('DescribeThing', {}), ...raw });
      assert.equal(body.Code, code);
    }
  });

  test('a temporary key without its token misses the token', async () => {
    const key = { ...doorKey, id: 'STS.abc' };
    const { body, status } = await open().call(id, { key });
    assert.deepEqual([body.Code, status], ['MissingSecurityToken', 400]);
  });

  test('a wrong secret gets the string to sign back, behind the only colon before it', async () => {
    const raw = v1Request('DescribeThing', id, { time, key: { ...doorKey, secret: 'wrong' } });
    const { status, body } = await open().send(raw);
    assert.deepEqual([status, body.Code], [400, 'SignatureDoesNotMatch']);
    assert.match(body.Message.split(':')[1], /^POST&%2F&AccessKeyId%3D/);
  });
});

describe('replays', () => {
  test('a request counts once, whichever scheme', async () => {
    const { send } = open();
    for (const sign of [v1Request, v3Request]) {
      const raw = sign('DescribeThing', id, { time });
      assert.equal((await send(raw)).status, 200);
      const again = await send(raw);
      assert.deepEqual([again.status, again.body.Code], [400, 'SignatureNonceUsed']);
    }
  });

  test('a request that does not verify burns no nonce', async () => {
    const { send } = open();
    const forged = { time, nonce: 'n', key: { ...doorKey, secret: 'wrong' } };
    assert.equal((await send(v3Request('DescribeThing', id, forged))).status, 400);
    assert.equal((await send(v3Request('DescribeThing', id, { time, nonce: 'n' }))).status, 200);
  });
});

describe('throttling', () => {
  test('counts verified calls alone, before their parameters are looked at', async () => {
    const { call, send } = open({ throttle: 'documented' });
    const forged = { time, key: { ...doorKey, secret: 'wrong' } };
    for (let n = 0; n < 5; n++) await send(v3Request('DescribeThing', id, forged));
    assert.equal((await call({})).body.Code, 'MissingLoadBalancerId');
    assert.equal((await call(id)).status, 200);
    const { status, headers, body } = await call(id);
    assert.deepEqual([status, body.Code], [400, 'Throttling.User']);
    assert.equal(headers['x-acs-retry-after'], '1000');
  });
});

describe('calls that name the access key of another', () => {
  test('are throttled by their address, and do not lock its owner out', async () => {
    const { send } = open({ throttle: { perApi: 1_000, perAccount: 1_000 } });
    const forged = { time, key: { ...doorKey, secret: 'wrong' } };
    assert.equal((await send(v3Request('DescribeThing', id, { time }))).status, 200);
    const codes: string[] = [];
    for (let n = 0; n < 2 * bounds.unprovenCalls; n++) {
      const { body, headers } = await send(v3Request('DescribeThing', id, forged));
      codes.push(body.Code);
      if (body.Code === 'Throttling') assert.match(headers['x-acs-retry-after'] ?? '', /^\d+$/);
    }
    assert.deepEqual([...new Set(codes)], ['SignatureDoesNotMatch', 'Throttling']);
    const own = { ...v3Request('DescribeThing', id, { time }), sourceIp: '192.0.2.77' };
    assert.equal((await send(own)).status, 200);
    assert.equal((await send(v3Request('DescribeThing', id, { time }))).status, 200);
  });

  test('past that have no signature checked, save by keys that have held there', async () => {
    const { send } = open({ throttle: { perApi: 1_000, perAccount: 1_000 } });
    const unknown = { time, key: { id: 'LTAI5tNobody', secret: 'x' } };
    const call = async (how: object) =>
      (await send(v3Request('DescribeThing', id, { time, ...how }))).body.Code ?? 'OK';
    for (let n = 0; n < bounds.unprovenCalls; n++) {
      assert.equal(await call(unknown), 'InvalidAccessKeyId.NotFound');
    }
    assert.equal(await call(unknown), 'Throttling');
    // It has not called from there before, so it has to wait like a stranger.
    assert.equal(await call({}), 'Throttling');
  });
});

describe('refusals and faults', () => {
  test('parameters come before permission, permission before the action', async () => {
    const own = { accessKeys: [forwarderKey] };
    const key = forwarderKey;
    assert.equal((await open(own).call({}, { key })).body.Code, 'MissingLoadBalancerId');
    const { status, body } = await open(own).call(id, { key });
    assert.deepEqual(
      [status, body.Code, body.Message],
      [400, 'NoPermission', 'Permission denied.'],
    );
    assert.equal(body.AccessDeniedDetail.AuthAction, 'ens:DescribeThing');
    assert.equal(body.AccessDeniedDetail.NoPermissionType, 'ImplicitDeny');
    for (const value of Object.values(body.AccessDeniedDetail))
      assert.equal(typeof value, 'string');
  });

  test('other products deny with 403', async () => {
    const actions = [action(() => ({}), { product: 'Sluice' })];
    const door = open({ actions, accessKeys: [forwarderKey] });
    const { status, body } = await door.call(id, { key: forwarderKey, version: '2026-11-24' });
    assert.deepEqual([status, body.Code], [403, 'NoPermission']);
  });

  test("a rule's refusal is told in the spelling of its action", async () => {
    const refuse = () => {
      throw new Refusal('LoadBalancerNotFound', undefined, undefined, 404);
    };
    const door = open({ actions: [action(refuse, { loadBalancerIdSpelling: 'loadBalancerId' })] });
    const { status, body } = await door.call(id);
    assert.equal(status, 404);
    assert.equal(body.Message, 'The input parameter loadBalancerId that is not found.');
    assert.deepEqual(door.faults, []);
  });

  for (const [what, error] of [
    ['a fault', new TypeError('secret inner working')],
    ['a refusal that the table lacks', new Refusal('NoSuchCode')],
    ['something that is no error', 'text'],
  ] as const) {
    test(`${what} is InternalError, told to the log alone`, async () => {
      const door = open({
        actions: [
          action(() => {
            throw error;
          }),
        ],
      });
      const { status, body, headers } = await door.call(id);
      assert.deepEqual([status, body.Code], [500, 'InternalError']);
      assert.equal(headers['x-sluice-detail'], undefined);
      assert.doesNotMatch(JSON.stringify(body), /inner working|NoSuchCode|at /);
      assert.deepEqual(door.faults, [error]);
    });
  }

  test('a store that is away is 503, with a retry time only when nothing was changed', async () => {
    for (const outcome of ['nothing-changed', 'unknown'] as const) {
      const error = new StoreUnavailable('ECONNREFUSED 10.0.0.1', outcome);
      const door = open({
        actions: [
          action(() => {
            throw error;
          }),
        ],
      });
      const { status, body, headers } = await door.call(id);
      assert.deepEqual([status, body.Code], [503, 'ServiceUnavailable']);
      assert.equal('x-acs-retry-after' in headers, outcome === 'nothing-changed');
      assert.doesNotMatch(`${headers['x-sluice-detail']}${JSON.stringify(body)}`, /10\.0\.0\.1/);
      assert.deepEqual(door.faults, [error]);
    }
  });

  test('an action broken off with its caller is no fault', async () => {
    const door = open({
      actions: [
        action(() => {
          door.left.abort();
          door.left.signal.throwIfAborted();
        }),
      ],
    });
    await door.call(id);
    assert.deepEqual(door.faults, []);
  });
});

describe('streams', () => {
  const streaming = (stream: () => AsyncIterable<string>) =>
    open({ actions: [action(() => ({}), { stream: () => stream() })] });

  async function collect(stream: string | AsyncIterable<string>): Promise<string[]> {
    const lines: string[] = [];
    for await (const line of stream) lines.push(line);
    return lines;
  }

  test('lines are handed on as JSON lines', async () => {
    const door = streaming(async function* () {
      yield 'one\n';
      yield 'two\n';
    });
    const { status, headers, stream } = await door.call(id);
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/x-ndjson');
    assert.deepEqual(await collect(stream), ['one\n', 'two\n']);
  });

  test('a stream that refuses before its first line is an error answer', async () => {
    // biome-ignore lint/correctness/useYield: it refuses before it yields
    const door = streaming(async function* () {
      throw new Refusal('InvalidParameter.%s', 'EnsRegionId');
    });
    assert.equal((await door.call(id)).body.Code, 'InvalidParameter.EnsRegionId');
  });

  test('one whose reader stops between two lines is ended at its source', async () => {
    let isEnded = false;
    const door = streaming(async function* () {
      try {
        for (;;) yield 'one\n';
      } finally {
        isEnded = true;
      }
    });
    for await (const _ of (await door.call(id)).stream) break;
    assert.ok(isEnded);
  });

  test('one that fails later ends, and its fault is told', async () => {
    const fault = new Error('lost');
    const door = streaming(async function* () {
      yield 'one\n';
      throw fault;
    });
    assert.deepEqual(await collect((await door.call(id)).stream), ['one\n']);
    assert.deepEqual(door.faults, [fault]);
  });
});
