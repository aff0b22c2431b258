import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { doorKey, openDoor, v1Request, v3Request } from '../../../test/support/door.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { AccessKey } from '../access-keys.ts';
import { type Action, defineAction } from '../actions/action.ts';
import { actions as catalogue } from '../actions/index.ts';
import { type AuditRecord, auditRecord } from '../audit-records.ts';
import { recordEndedCalls } from './ended-calls.ts';

function action(name: string, access: Action['access'], run: () => unknown = () => ({})): Action {
  return defineAction({
    name,
    product: 'Ens',
    access,
    summary: 'For this test.',
    input: z.object({ Size: z.int().optional() }),
    output: z.looseObject({}),
    errors: ['Invalid%s'],
    limits: { perApi: 100, perAccount: 100 },
    run: async () => run() as Record<string, unknown>,
  });
}

const refuse = () => {
  throw new Refusal('InstanceNotFound');
};
const tried = [
  action('Change', 'update'),
  action('Refuse', 'delete', refuse),
  action('Describe', 'get'),
  action('DescribeInVain', 'list', refuse),
];
const forwarderKey: AccessKey = {
  ...doorKey,
  id: 'LTAI5tTestForwarder000001',
  principal: { kind: 'forwarder', site: 'hz', name: 'fwd-1' },
};

/** Calls each action and answers what was recorded of it. */
async function recorded(reads: boolean) {
  const door = openDoor({ actions: tried, accessKeys: [doorKey, forwarderKey] });
  const records: AuditRecord[] = [];
  const add = (record: AuditRecord) => records.push(record);
  const queue = { add, admitThrottled: () => true };
  const record = recordEndedCalls({ queue, reads, now: Date.now });
  const call = async (raw: Parameters<typeof door.dispatch>[0]) => {
    await door.dispatch(raw, new AbortController().signal);
    for (const ended of door.ended.splice(0)) record(ended);
    return records.splice(0);
  };
  return { call };
}

describe('of calls that commit nothing', () => {
  test('those that write are recorded, and how they ended', async () => {
    const { call } = await recorded(false);
    const [done] = await call(v3Request('Change', { Size: '1' }));
    assert.deepEqual([done?.action, done?.rw, done?.error], ['Change', 'Write', undefined]);
    const [failed] = await call(v1Request('Refuse', { Size: '1' }));
    const { code } = failed?.error ?? {};
    assert.deepEqual(
      [failed?.rw, code, failed?.parameters.Size],
      ['Write', 'InstanceNotFound', '1'],
    );
    const [invalid] = await call(v3Request('Change', { Size: 'x' }));
    assert.equal(invalid?.error?.code, 'InvalidSize');
    assert.equal(invalid?.host, '127.0.0.1:8080');
    const headers = { 'x-sluice-dry-run': 'true' };
    assert.equal((await call(v3Request('Change', {}, { headers })))[0]?.isDryRun, true);
  });

  test('those that RAM denies are recorded, reads too', async () => {
    const { call } = await recorded(false);
    for (const name of ['Change', 'Describe']) {
      const [denied] = await call(v3Request(name, {}, { key: forwarderKey }));
      const { decidedBy, error, principal } = denied!;
      assert.deepEqual([decidedBy, error?.code], ['ImplicitDeny', 'NoPermission']);
      assert.equal(principal.kind, 'forwarder');
    }
  });

  test('those that read are recorded only where that is asked for', async () => {
    for (const name of ['Describe', 'DescribeInVain']) {
      assert.equal((await (await recorded(false)).call(v3Request(name, {}))).length, 0);
      const [read] = await (await recorded(true)).call(v3Request(name, {}));
      assert.equal(read?.rw, 'Read');
    }
  });

  test('those of nobody who was proven are not', async () => {
    const { call } = await recorded(true);
    const key = { ...doorKey, secret: 'wrong' };
    assert.deepEqual(await call(v3Request('Change', {}, { key })), []);
    assert.deepEqual(await call(v3Request('NoSuchAction', {})), []);
  });

  test('one that has its record from its commit has no other', () => {
    const record = recordEndedCalls({
      queue: { add: () => assert.fail(), admitThrottled: () => assert.fail() },
      reads: true,
      now: Date.now,
    });
    const { asked } = example(tried[0]!);
    record({ asked, call: { recorded: true, extensions: { dryRun: false } } });
  });
});

function example(asked: Action, parameters: Readonly<Record<string, unknown>> = {}) {
  const { account, id: accessKeyId } = doorKey;
  const principal = { kind: 'root' } as const;
  const caller = { account, accessKeyId, principal, sourceIp: '::1', userAgent: '', secure: true };
  return { asked: { action: asked, requestId: 'r', host: 'h', caller, parameters } };
}

describe('secrets', () => {
  const secretNames = fc.constantFrom(
    'Key',
    'PrivateKey',
    'EncryptPrivateKey',
    'AccessKeySecret',
    'Password',
    'SecurityToken',
    'Signature',
    'SignatureNonce',
    'ClientToken',
    'BearerToken',
  );
  /** As it is, in a flattened list, in an object, in a list of objects, in an answer. */
  const place = fc.constantFrom('plain', 'flat', 'object', 'list', 'malformed', 'answer', 'store');

  test('of no action ever stand in a record, wherever a call has them', () => {
    const secret = 'EvenTheAuditorMayNotReadThis';
    fc.assert(
      fc.property(fc.constantFrom(...catalogue), secretNames, place, (called, name, where) => {
        // `Key` alone is a secret as a parameter, and a tag's name inside of one.
        const inner = name === 'Key' ? 'KeyMaterial' : name;
        const output = called.output.extend({ [name]: z.string() });
        const parameters: Record<string, unknown> =
          {
            plain: { [name]: secret },
            flat: { [`List.1.${inner}`]: secret },
            object: { Options: JSON.stringify({ [inner]: secret }) },
            list: { List: JSON.stringify([{ Deep: { [inner]: secret } }]) },
            malformed: { List: `[{"${inner}":"${secret}"` },
          }[where as 'plain'] ?? {};
        const { asked } = example({ ...called, output }, parameters);
        const change = { key: 'x/1', before: undefined, after: { [name]: secret } };
        const record = auditRecord({
          ...asked,
          time: 0,
          decidedBy: 'account',
          changes: where === 'store' ? [change] : [],
          ignored: [],
          response: where === 'answer' ? { [name]: secret } : {},
        });
        assert.ok(!JSON.stringify(record).includes(secret), JSON.stringify(record));
      }),
      { numRuns: 2_000 },
    );
  });
});
