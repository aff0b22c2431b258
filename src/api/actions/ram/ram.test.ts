import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Bench, failsWith, openBench } from '../../../../test/support/call.ts';
import { policyDocument, trustDocument } from '../../../../test/support/documents.ts';
import { limits } from '../../../limits.ts';
import { keys } from '../../../store/keys.ts';
import { catalogue } from '../index.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

type Parameters = Readonly<Record<string, unknown>>;

async function ram(name: string, parameters: Parameters = {}, account?: string) {
  const action = catalogue.get(`2015-05-01 ${name}`)!;
  const how = account === undefined ? {} : { account };
  return (await bench.call(action, parameters, how)).output;
}

const document = (action = 'ens:*') => policyDocument(action);
const trust = trustDocument('acs:ram::1000000000000001:root');

const user = { UserName: 'amy' };
const group = { GroupName: 'edge' };
const role = { RoleName: 'deploy' };
const custom = { PolicyType: 'Custom', PolicyName: 'elb' };
const system = { PolicyType: 'System', PolicyName: 'AliyunENSFullAccess' };

const createPolicy = (PolicyName = 'elb') =>
  ram('CreatePolicy', { PolicyName, PolicyDocument: document() });
const createRole = () => ram('CreateRole', { ...role, AssumeRolePolicyDocument: trust });

/** Of calls made at once: how many went through, and the codes of the others. */
async function outcomes(calls: readonly Promise<unknown>[]) {
  const settled = await Promise.allSettled(calls);
  const codes = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
  return { done: settled.length - codes.length, codes };
}

describe('users', () => {
  test('are made, shown, changed, listed and deleted', async () => {
    const { User } = await ram('CreateUser', { ...user, DisplayName: 'Amy', Comments: 'a b' });
    assert.match(User.UserId, /^[1-9]\d{17}$/);
    assert.equal(User.CreateDate, '2026-11-24T08:00:00Z');
    assert.equal((await ram('GetUser', user)).User.DisplayName, 'Amy');
    const changed = await ram('UpdateUser', { ...user, NewUserName: 'bob', NewEmail: 'b@x' });
    assert.deepEqual([changed.User.UserId, changed.User.Comments], [User.UserId, 'a b']);
    await assert.rejects(ram('GetUser', user), failsWith('EntityNotExist.User'));
    const listed = await ram('ListUsers');
    assert.deepEqual(
      listed.Users.User.map((each: { UserName: string }) => each.UserName),
      ['bob'],
    );
    await ram('DeleteUser', { UserName: 'bob' });
    assert.deepEqual((await ram('ListUsers')).Users.User, []);
  });

  test('a name is taken once, and says why it is none', async () => {
    await ram('CreateUser', user);
    await assert.rejects(ram('CreateUser', user), failsWith('EntityAlreadyExists.User'));
    for (const [UserName, code] of [
      ['', 'MissingUserName'],
      ['a b', 'InvalidParameter.UserName.InvalidChars'],
      ['a/b', 'InvalidParameter.UserName.InvalidChars'],
      ['a\n', 'InvalidParameter.UserName.InvalidChars'],
      ['a'.repeat(65), 'InvalidParameter.UserName.Length'],
    ] as const) {
      await assert.rejects(ram('CreateUser', { UserName }), failsWith(code));
    }
    await ram('CreateUser', { UserName: 'bob' });
    const taken = ram('UpdateUser', { ...user, NewUserName: 'bob' });
    await assert.rejects(taken, failsWith('EntityAlreadyExists.User'));
  });

  test('come page by page, each once', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `user-${index}`);
    for (const UserName of names) await ram('CreateUser', { UserName });
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await ram('ListUsers', { MaxItems: 3, ...(Marker ? { Marker } : {}) });
      seen.push(...page.Users.User.map((each: { UserName: string }) => each.UserName));
      assert.equal(page.IsTruncated, page.Marker !== undefined);
      Marker = page.Marker;
    } while (Marker !== undefined);
    assert.deepEqual(seen, names);
  });

  test('are deleted only without groups, keys and policies', async () => {
    await ram('CreateUser', user);
    await ram('CreateGroup', group);
    await ram('AddUserToGroup', { ...user, ...group });
    await assert.rejects(ram('DeleteUser', user), failsWith('DeleteConflict.User.Group'));
    await ram('RemoveUserFromGroup', { ...user, ...group });
    const { AccessKey } = await ram('CreateAccessKey', user);
    await assert.rejects(ram('DeleteUser', user), failsWith('DeleteConflict.User.AccessKey'));
    await ram('DeleteAccessKey', { ...user, UserAccessKeyId: AccessKey.AccessKeyId });
    await ram('AttachPolicyToUser', { ...user, ...system });
    await assert.rejects(ram('DeleteUser', user), failsWith('DeleteConflict.User.Policy'));
    await ram('DetachPolicyFromUser', { ...user, ...system });
    await ram('DeleteUser', user);
  });

  test('have no login profile and no MFA device: there is none to delete or unbind', async () => {
    await ram('CreateUser', { UserName: 'plain' });
    for (const [action, kind] of [
      ['DeleteLoginProfile', 'LoginProfile'],
      ['UnbindMFADevice', 'MFADevice'],
    ] as const) {
      const ofUser = ram(action, { UserName: 'plain' });
      await assert.rejects(ofUser, failsWith(`EntityNotExist.User.${kind}`), action);
      await assert.rejects(ram(action, { UserName: 'none' }), failsWith('EntityNotExist.User'));
    }
    await ram('DeleteUser', { UserName: 'plain' });
  });

  test('of calls at once for the last place, one gets it', async () => {
    const account = '1000000000000001';
    const directory = { v: 1, account, users: limits.users - 1, groups: 0, roles: 0, policies: 0 };
    await bench.put(keys.directory(account), directory);
    const names = ['a', 'b', 'c', 'd'];
    const { done, codes } = await outcomes(
      names.map((UserName) => ram('CreateUser', { UserName })),
    );
    assert.equal(done, 1);
    assert.deepEqual([...new Set(codes)], ['LimitExceeded.User']);
  });
});

describe('access keys', () => {
  test('a user has two at most, whoever asks at once', async () => {
    await ram('CreateUser', user);
    const calls = Array.from({ length: 5 }, () => ram('CreateAccessKey', user));
    const { done, codes } = await outcomes(calls);
    assert.equal(done, 2);
    assert.deepEqual([...new Set(codes)], ['LimitExceeded.User.AccessKey']);
    assert.equal((await ram('ListAccessKeys', user)).AccessKeys.AccessKey.length, 2);
  });

  test('the account itself has two at most too', async () => {
    const { done } = await outcomes(Array.from({ length: 4 }, () => ram('CreateAccessKey')));
    assert.equal(done, 2);
    const { AccessKey } = (await ram('ListAccessKeys')).AccessKeys;
    await ram('DeleteAccessKey', { UserAccessKeyId: AccessKey[0].AccessKeyId });
    assert.equal((await ram('ListAccessKeys')).AccessKeys.AccessKey.length, 1);
  });

  test('a secret is shown once, and stands in no record of what was done', async () => {
    await ram('CreateUser', user);
    const { AccessKey } = await ram('CreateAccessKey', user);
    assert.match(AccessKey.AccessKeySecret, /^[A-Za-z0-9]{30}$/);
    const shown = JSON.stringify([
      await ram('ListAccessKeys', user),
      await ram('GetUser', user),
      (await bench.store.range('audit/')).entries,
    ]);
    assert.ok(shown.includes(AccessKey.AccessKeyId));
    assert.ok(!shown.includes(AccessKey.AccessKeySecret));
  });

  test('are made inactive, and belong to one user', async () => {
    await ram('CreateUser', user);
    await ram('CreateUser', { UserName: 'bob' });
    const { AccessKey } = await ram('CreateAccessKey', user);
    const key = { UserAccessKeyId: AccessKey.AccessKeyId };
    await ram('UpdateAccessKey', { ...user, ...key, Status: 'Inactive' });
    const { AccessKeys } = await ram('ListAccessKeys', user);
    assert.equal(AccessKeys.AccessKey[0].Status, 'Inactive');
    const never = await ram('GetAccessKeyLastUsed', { ...user, ...key });
    assert.equal(never.AccessKeyLastUsed.LastUsedDate, '');
    for (const name of ['DeleteAccessKey', 'GetAccessKeyLastUsed']) {
      for (const owner of [{ UserName: 'bob' }, {}]) {
        const others = ram(name, { ...owner, ...key });
        await assert.rejects(others, failsWith('EntityNotExist.User.AccessKey'));
      }
    }
  });
});

describe('groups', () => {
  test('are made, renamed, listed and deleted; who is in them stays', async () => {
    await ram('CreateUser', user);
    await ram('CreateGroup', { ...group, Comments: 'all of them' });
    await assert.rejects(ram('CreateGroup', group), failsWith('EntityAlreadyExists.Group'));
    await ram('AddUserToGroup', { ...user, ...group });
    const again = ram('AddUserToGroup', { ...user, ...group });
    await assert.rejects(again, failsWith('EntityAlreadyExists.User.Group'));
    await assert.rejects(ram('DeleteGroup', group), failsWith('DeleteConflict.Group.User'));
    await ram('UpdateGroup', { ...group, NewGroupName: 'core' });
    await ram('UpdateUser', { ...user, NewUserName: 'bob' });
    const members = await ram('ListUsersForGroup', { GroupName: 'core' });
    assert.equal(members.Users.User[0].UserName, 'bob');
    const joined = await ram('ListGroupsForUser', { UserName: 'bob' });
    assert.equal(joined.Groups.Group[0].GroupName, 'core');
    const both = { UserName: 'bob', GroupName: 'core' };
    await ram('RemoveUserFromGroup', both);
    const left = ram('RemoveUserFromGroup', both);
    await assert.rejects(left, failsWith('EntityNotExist.User.Group'));
    await ram('DeleteGroup', { GroupName: 'core' });
    assert.deepEqual((await ram('ListGroups')).Groups.Group, []);
  });

  test('a user is in ten at most', async () => {
    await ram('CreateUser', user);
    for (let index = 0; index <= limits.groupsPerUser; index++) {
      await ram('CreateGroup', { GroupName: `g-${index}` });
    }
    const add = (index: number) => ram('AddUserToGroup', { ...user, GroupName: `g-${index}` });
    for (let index = 0; index < limits.groupsPerUser - 1; index++) await add(index);
    const { done, codes } = await outcomes([add(9), add(10)]);
    assert.deepEqual([done, codes], [1, ['LimitExceeded.User.Group']]);
  });
});

describe('policies', () => {
  test('are made, shown, listed and deleted', async () => {
    const { Policy } = await createPolicy();
    assert.deepEqual([Policy.PolicyType, Policy.DefaultVersion], ['Custom', 'v1']);
    const shown = await ram('GetPolicy', custom);
    assert.equal(shown.Policy.PolicyDocument, document());
    assert.equal(shown.DefaultPolicyVersion.IsDefaultVersion, true);
    await assert.rejects(createPolicy(), failsWith('EntityAlreadyExists.Policy'));
    await assert.rejects(
      createPolicy('AdministratorAccess'),
      failsWith('EntityAlreadyExists.Policy'),
    );
    const listed = (await ram('ListPolicies')).Policies.Policy;
    assert.deepEqual([listed.length, listed.at(-1).PolicyName], [7, 'elb']);
    await ram('DeletePolicy', { PolicyName: 'elb' });
    await assert.rejects(ram('GetPolicy', custom), failsWith('EntityNotExist.Policy'));
  });

  test('come page by page, each once, whether of the system or of the account', async () => {
    for (const name of ['a', 'b', 'c']) await createPolicy(name);
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await ram('ListPolicies', { MaxItems: 2, ...(Marker ? { Marker } : {}) });
      seen.push(...page.Policies.Policy.map((each: { PolicyName: string }) => each.PolicyName));
      Marker = page.Marker;
    } while (Marker !== undefined);
    assert.equal(seen.length, 9);
    assert.equal(new Set(seen).size, 9);
  });

  test('what cannot be read is refused, and what it is', async () => {
    const create = (PolicyDocument: string) =>
      ram('CreatePolicy', { PolicyName: 'elb', PolicyDocument });
    await assert.rejects(create('{'), failsWith('MalformedPolicyDocument', /JSON/));
    const unknown = document().replace('Resource', 'NotResource');
    await assert.rejects(create(unknown), failsWith('MalformedPolicyDocument', /NotResource/));
    const long = document('ens:*'.padEnd(limits.policyCharacters, '*'));
    await assert.rejects(create(long), failsWith('InvalidParameter.PolicyDocument.Length'));
  });

  test('have five versions at most, of which one counts', async () => {
    await createPolicy();
    const policy = { PolicyName: 'elb' };
    const add = (more: Parameters = {}) =>
      ram('CreatePolicyVersion', { ...policy, PolicyDocument: document('ens:Get*'), ...more });
    const { done, codes } = await outcomes(Array.from({ length: 6 }, () => add()));
    assert.deepEqual([done, codes.length], [4, 2]);
    assert.equal(codes[0], 'LimitExceeded.Policy.Version');
    const RotateStrategy = 'DeleteOldestNonDefaultVersionWhenLimitExceeded';
    const { PolicyVersion } = await add({ RotateStrategy, SetAsDefault: true });
    assert.deepEqual([PolicyVersion.VersionId, PolicyVersion.IsDefaultVersion], ['v6', true]);
    const listed = await ram('ListPolicyVersions', custom);
    assert.deepEqual(
      listed.PolicyVersions.PolicyVersion.map((each: { VersionId: string }) => each.VersionId),
      ['v1', 'v3', 'v4', 'v5', 'v6'],
    );
    const version = (VersionId: string) => ({ ...policy, VersionId });
    await assert.rejects(
      ram('DeletePolicyVersion', version('v6')),
      failsWith('DeleteConflict.Policy.Version.Default'),
    );
    await ram('SetDefaultPolicyVersion', version('v1'));
    await ram('DeletePolicyVersion', version('v6'));
    const gone = ram('GetPolicyVersion', { ...custom, VersionId: 'v6' });
    await assert.rejects(gone, failsWith('EntityNotExist.Policy.Version'));
    await assert.rejects(ram('DeletePolicy', policy), failsWith('DeleteConflict.Policy.Version'));
    await ram('DeletePolicy', { ...policy, CascadingDelete: true });
  });
});

const holders = [
  { kind: 'User', name: user, create: () => ram('CreateUser', user) },
  { kind: 'Group', name: group, create: () => ram('CreateGroup', group) },
  { kind: 'Role', name: role, create: () => createRole() },
] as const;

describe('attachments', () => {
  for (const { kind, name, create } of holders) {
    const attach = (policy: Parameters) => ram(`AttachPolicyTo${kind}`, { ...name, ...policy });
    const detach = (policy: Parameters) => ram(`DetachPolicyFrom${kind}`, { ...name, ...policy });

    test(`policies are attached to a ${kind}, listed and detached`, async () => {
      await create();
      await createPolicy();
      await attach(custom);
      await attach(system);
      await assert.rejects(attach(custom), failsWith(`EntityAlreadyExists.${kind}.Policy`));
      await assert.rejects(
        attach({ ...custom, PolicyName: 'none' }),
        failsWith('EntityNotExist.Policy'),
      );
      await assert.rejects(
        ram('DeletePolicy', { PolicyName: 'elb' }),
        failsWith(`DeleteConflict.Policy.${kind}`),
      );
      await assert.rejects(ram(`Delete${kind}`, name), failsWith(`DeleteConflict.${kind}.Policy`));
      const listed = (await ram(`ListPoliciesFor${kind}`, name)).Policies.Policy;
      assert.deepEqual(
        listed.map((each: { PolicyName: string }) => each.PolicyName),
        ['elb', 'AliyunENSFullAccess'],
      );
      for (const policy of [custom, system]) {
        const entities = await ram('ListEntitiesForPolicy', policy);
        assert.equal(entities[`${kind}s`][kind].length, 1);
        assert.equal((await ram('GetPolicy', policy)).Policy.AttachmentCount, 1);
        await detach(policy);
        await assert.rejects(detach(policy), failsWith(`EntityNotExist.${kind}.Policy`));
      }
      await ram('DeletePolicy', { PolicyName: 'elb' });
      await ram(`Delete${kind}`, name);
    });

    test(`a ${kind} has ten custom policies at most`, async () => {
      await create();
      const most = limits.customPoliciesAttached;
      for (let index = 0; index <= most; index++) await createPolicy(`p-${index}`);
      const nth = (index: number) => ({ PolicyType: 'Custom', PolicyName: `p-${index}` });
      for (let index = 0; index < most - 1; index++) await attach(nth(index));
      const { done, codes } = await outcomes([attach(nth(most - 1)), attach(nth(most))]);
      assert.deepEqual([done, codes], [1, [`LimitExceeded.${kind}.Policy`]]);
    });
  }

  test('a policy that is attached and deleted at once is one of both', async () => {
    await ram('CreateUser', user);
    for (let round = 0; round < 10; round++) {
      await createPolicy();
      const attach = ram('AttachPolicyToUser', { ...user, ...custom });
      const { done } = await outcomes([attach, ram('DeletePolicy', { PolicyName: 'elb' })]);
      assert.equal(done, 1);
      const { Policies } = await ram('ListPoliciesForUser', user);
      if (Policies.Policy.length === 0) continue;
      await ram('DetachPolicyFromUser', { ...user, ...custom });
      await ram('DeletePolicy', { PolicyName: 'elb' });
    }
  });
});

describe('roles', () => {
  test('are made, shown, changed, listed and deleted', async () => {
    const { Role } = await createRole();
    assert.equal(Role.Arn, 'acs:ram::1000000000000001:role/deploy');
    assert.deepEqual([Role.MaxSessionDuration, Role.AllowConsoleLogin], [3600, false]);
    await assert.rejects(createRole(), failsWith('EntityAlreadyExists.Role'));
    const changes = { ...role, NewMaxSessionDuration: 43_200, NewDescription: 'all' };
    assert.equal((await ram('UpdateRole', changes)).Role.MaxSessionDuration, 43_200);
    const long = ram('UpdateRole', { ...role, NewMaxSessionDuration: 43_201 });
    await assert.rejects(long, failsWith('InvalidParameter.NewMaxSessionDuration'));
    const malformed = { ...role, NewAssumeRolePolicyDocument: document() };
    await assert.rejects(ram('UpdateRole', malformed), failsWith('MalformedPolicyDocument'));
    assert.equal((await ram('GetRole', role)).Role.AssumeRolePolicyDocument, trust);
    assert.equal((await ram('ListRoles')).Roles.Role[0].RoleName, 'deploy');
    await ram('DeleteRole', role);
    await assert.rejects(ram('GetRole', role), failsWith('EntityNotExist.Role'));
  });
});

describe('the alias of the account', () => {
  test('is its ID until it has one', async () => {
    const alias = async () => (await ram('GetAccountAlias')).AccountAlias;
    assert.equal(await alias(), '1000000000000001');
    await ram('SetAccountAlias', { AccountAlias: 'edge-team' });
    assert.equal(await alias(), 'edge-team');
    await ram('ClearAccountAlias');
    assert.equal(await alias(), '1000000000000001');
  });
});
