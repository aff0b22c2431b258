import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { policyDocument } from '../../test/support/documents.ts';
import { doorKey, openDoor, v1Request, v3Request } from '../../test/support/door.ts';
import { parsePolicy } from '../ram/policy.ts';
import { createSeal } from '../sealing.ts';
import { defineAction } from './actions/action.ts';
import type { RawRequest } from './request.ts';
import { credentialsOf, openToken, type Session } from './sessions.ts';

const action = (name: string) =>
  defineAction({
    name,
    product: 'Ens',
    access: 'get',
    summary: 'For this test.',
    input: z.object({}),
    output: z.looseObject({}),
    errors: [],
    limits: { perApi: 100, perAccount: 100 },
    run: async () => ({}),
  });

const time = Date.UTC(2026, 10, 24, 3, 48, 31);
const seal = createSeal(randomBytes(32));
const key = { id: 'STS.NTestTemporaryKey', secret: 'TestTemporarySecret' };
const session: Session = {
  v: 1,
  accessKeyId: key.id,
  secret: key.secret,
  account: doorKey.account,
  role: { id: '9', name: 'deploy' },
  name: 'release',
  expiresAt: time + 900_000,
};
const tokenOf = (more: Partial<Session> = {}, by = seal) =>
  credentialsOf({ ...session, ...more }, by.seal).SecurityToken;

function open() {
  const policy = parsePolicy(policyDocument('ens:Describe*'), 'identity');
  const attached = { type: 'Custom', name: 'p', version: 'v1', attachedTo: 'role/deploy' } as const;
  const door = openDoor({
    actions: [action('DescribeThing'), action('DescribeOther'), action('DeleteThing')],
    now: () => time,
    openToken: (token) => openToken(token, seal.open),
    identities: { userName: () => undefined, policiesOf: () => [{ ...attached, policy }] },
  });
  const send = async (raw: RawRequest) => {
    const { body } = await door.dispatch(raw, new AbortController().signal);
    return JSON.parse(String(body)).Code ?? 'OK';
  };
  /** The same call in both schemes; both must answer alike. */
  const both = async (token: string | undefined, name = 'DescribeThing', of = key) => {
    const v1 = v1Request(name, token === undefined ? {} : { SecurityToken: token }, {
      time,
      key: of,
    });
    const headers = token === undefined ? {} : { 'x-acs-security-token': token };
    const v3 = v3Request(name, {}, { time, key: of, headers });
    const codes = [await send(v1), await send(v3)];
    assert.equal(codes[0], codes[1]);
    return codes[0];
  };
  return { ...door, both, send };
}

describe('a temporary key', () => {
  test('acts as its role, in either scheme', async () => {
    const { both, calls } = open();
    assert.equal(await both(tokenOf()), 'OK');
    assert.deepEqual(calls[0]?.caller.principal, {
      kind: 'role',
      id: '9',
      name: 'deploy',
      session: 'release',
    });
    assert.equal(calls[0]?.caller.accessKeyId, key.id);
    assert.equal(await both(tokenOf(), 'DeleteThing'), 'NoPermission');
  });

  test('is narrowed by the policy of its session, and never widened', async () => {
    const { both } = open();
    const narrow = tokenOf({ policy: policyDocument('ens:DescribeThing') });
    assert.equal(await both(narrow), 'OK');
    assert.equal(await both(narrow, 'DescribeOther'), 'NoPermission');
    const wide = tokenOf({ policy: policyDocument('*') });
    assert.equal(await both(wide, 'DeleteThing'), 'NoPermission');
  });

  test('needs its own token, whole, of this installation and in time', async () => {
    const { both } = open();
    const token = tokenOf();
    const at = Math.floor(token.length / 2);
    const altered = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    const foreign = tokenOf({}, createSeal(randomBytes(32)));
    for (const [code, wrong] of [
      ['MissingSecurityToken', undefined],
      ['InvalidSecurityToken.Malformed', altered],
      ['InvalidSecurityToken.Malformed', foreign],
      ['InvalidSecurityToken.Malformed', token.slice(0, 40)],
      ['InvalidSecurityToken.Malformed', 'v1.'],
      ['InvalidSecurityToken.Malformed', 'x'],
      ['InvalidSecurityToken.MismatchWithAccessKey', tokenOf({ accessKeyId: 'STS.NOther' })],
      ['InvalidSecurityToken.Expired', tokenOf({ expiresAt: time })],
    ] as const) {
      assert.equal(await both(wrong), code);
    }
  });

  test('needs its secret, and counts each nonce once', async () => {
    const { both, send } = open();
    const token = tokenOf();
    const wrong = await both(token, 'DescribeThing', { ...key, secret: 'wrong' });
    assert.equal(wrong, 'SignatureDoesNotMatch');
    const raw = v1Request('DescribeThing', { SecurityToken: token }, { time, key });
    assert.equal(await send(raw), 'OK');
    assert.equal(await send(raw), 'SignatureNonceUsed');
  });

  test('a token says nothing to whoever holds it', () => {
    const [, sealed = ''] = tokenOf().split('.');
    const bytes = Buffer.from(sealed, 'base64url').toString('latin1');
    for (const part of [key.secret, 'deploy', 'release']) assert.ok(!bytes.includes(part));
  });
});
