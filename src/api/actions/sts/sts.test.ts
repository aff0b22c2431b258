import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Bench, failsWith, openBench } from '../../../../test/support/call.ts';
import { policyDocument, trustDocument } from '../../../../test/support/documents.ts';
import { limits } from '../../../limits.ts';
import type { Caller } from '../../call.ts';
import { openToken } from '../../sessions.ts';
import { catalogue } from '../index.ts';

const own = '1000000000000001';
const other = '2000000000000002';
const amy = { kind: 'user', id: '7', name: 'amy' } as const;
const arn = `acs:ram::${own}:role/deploy`;
const asked = { RoleArn: arn, RoleSessionName: 'release-42' };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

type Parameters = Readonly<Record<string, unknown>>;
interface How {
  readonly account?: string;
  readonly principal?: Caller['principal'];
}

const call = async (key: string, parameters: Parameters, how: How = {}) =>
  (await bench.call(catalogue.get(key)!, parameters, how)).output;
const assume = (more: Parameters = {}, how: How = { principal: amy }) =>
  call('2015-04-01 AssumeRole', { ...asked, ...more }, how);
const createRole = (trust: string, more: Parameters = {}) =>
  call('2015-05-01 CreateRole', { RoleName: 'deploy', AssumeRolePolicyDocument: trust, ...more });

const trustingAmy = trustDocument(`acs:ram::${own}:user/amy`);

describe('a role', () => {
  test('is assumed by whom it trusts, for an hour', async () => {
    const { Role } = await createRole(trustingAmy);
    const { Credentials, AssumedRoleUser } = await assume();
    assert.match(Credentials.AccessKeyId, /^STS\.N[A-Za-z0-9]{24}$/);
    assert.match(Credentials.AccessKeySecret, /^[A-Za-z0-9]{30}$/);
    assert.equal(Credentials.Expiration, '2026-11-24T09:00:00Z');
    assert.deepEqual(AssumedRoleUser, {
      Arn: `${arn}/release-42`,
      AssumedRoleId: `${Role.RoleId}:release-42`,
    });
    const session = openToken(Credentials.SecurityToken, (sealed) => sealed);
    assert.equal(session?.accessKeyId, Credentials.AccessKeyId);
    assert.ok(session !== undefined && 'role' in session);
    assert.deepEqual(session.role, { id: Role.RoleId, name: 'deploy' });
  });

  test('is not assumed by the account itself, nor by whom it does not trust', async () => {
    await createRole(trustingAmy);
    await assert.rejects(assume({}, {}), failsWith('NoPermission', /by root accounts/));
    const bob = { principal: { ...amy, name: 'bob' } };
    await assert.rejects(assume({}, bob), failsWith('NoPermission'));
    const namesake = { account: other, principal: amy };
    await assert.rejects(assume({}, namesake), failsWith('NoPermission'));
    const none = { RoleArn: `acs:ram::${own}:role/none` };
    await assert.rejects(assume(none), failsWith('EntityNotExist.Role'));
    await assert.rejects(assume(none, namesake), failsWith('NoPermission'));
  });

  test('that trusts an account is assumed by each of its users and sessions', async () => {
    await createRole(trustDocument(`acs:ram::${other}:root`));
    const session = { kind: 'role', id: '9', name: 'ci', session: 'job' } as const;
    for (const principal of [amy, session]) await assume({}, { account: other, principal });
    await assert.rejects(assume(), failsWith('NoPermission'));
  });

  test('may ask for an external ID', async () => {
    await createRole(
      trustDocument(`acs:ram::${own}:root`, { StringEquals: { 'sts:ExternalId': 'x-42' } }),
    );
    await assume({ ExternalId: 'x-42' });
    await assert.rejects(assume({ ExternalId: 'x-43' }), failsWith('NoPermission'));
    await assert.rejects(assume(), failsWith('NoPermission'));
  });

  test('lasts as long as it may, and no longer', async () => {
    await createRole(trustingAmy, { MaxSessionDuration: 7_200 });
    await assume({ DurationSeconds: limits.sessionSecondsMin });
    assert.equal(
      (await assume({ DurationSeconds: 7_200 })).Credentials.Expiration,
      '2026-11-24T10:00:00Z',
    );
    for (const DurationSeconds of [899, 7_201, 43_201]) {
      const code = failsWith('InvalidParameter.DurationSeconds', /15min/);
      await assert.rejects(assume({ DurationSeconds }), code, String(DurationSeconds));
    }
  });

  test('what is asked for badly is refused with the documented words', async () => {
    await createRole(trustingAmy);
    const long = policyDocument('ens:*'.padEnd(limits.sessionPolicyCharacters, '*'));
    for (const [more, code] of [
      [{ RoleArn: 'deploy' }, 'InvalidParameter.RoleArn'],
      [{ RoleArn: `acs:ram::${own}:user/amy` }, 'InvalidParameter.RoleArn'],
      [{ RoleSessionName: 'a' }, 'InvalidParameter.RoleSessionName'],
      [{ RoleSessionName: 'a b' }, 'InvalidParameter.RoleSessionName'],
      [{ Policy: '{' }, 'InvalidParameter.PolicyGrammar'],
      [{ Policy: long }, 'InvalidParameter.PolicySize'],
      [{ RoleSessionName: '' }, 'MissingRoleSessionName'],
    ] as const) {
      await assert.rejects(assume(more), failsWith(code), code);
    }
  });
});

test('everybody is told who they are', async () => {
  const session = { kind: 'role', id: '9', name: 'deploy', session: 'job' } as const;
  for (const [principal, told] of [
    [{ kind: 'root' }, ['Account', own, `acs:ram::${own}:root`]],
    [amy, ['RAMUser', '7', `acs:ram::${own}:user/amy`]],
    [session, ['AssumedRoleUser', '9:job', `acs:ram::${own}:assumed-role/deploy/job`]],
  ] as const) {
    const { IdentityType, PrincipalId, Arn, AccountId } = await call(
      '2015-04-01 GetCallerIdentity',
      {},
      { principal },
    );
    assert.deepEqual([IdentityType, PrincipalId, Arn], told);
    assert.equal(AccountId, own);
  }
});
