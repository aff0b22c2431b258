import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { policyDocument, trustDocument } from '../support/documents.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';
import type { AccessKey, OfficialClient, Parameters } from './official-client.ts';
import { startPythonClient } from './python-client.ts';

/**
 * Users, policies and roles as Alibaba Cloud's own SDKs manage them: aliyun-python-sdk-ram and
 * -sts (signature V1), and ENS calls with what they gave out, in V1 and V3.
 */

let sluice: Sluice;
let v1: OfficialClient;
let v3: OfficialClient;
let account: string;
let LoadBalancerId: string;

before(async () => {
  sluice = await startSluice({ mode: 'control-plane' });
  v1 = startPythonClient('core_sdk.py', sluice.endpoint);
  v3 = startPythonClient('typed_sdk.py', sluice.endpoint);
  const site = { EnsRegionId: 'local', AddressPool: '127.0.0.0/24' };
  await sluice.client.call('Sluice', 'RegisterSite', site);
  const machine = { EnsRegionId: 'local', InstanceId: 'i-1', PrivateIpAddress: '10.0.0.1' };
  await sluice.client.call('Sluice', 'RegisterInstance', machine);
  LoadBalancerId = await emptyLoadBalancer(sluice.client);
});
after(async () => {
  await v1?.close();
  await v3?.close();
  await sluice?.stop();
});

async function done(client: OfficialClient, key: AccessKey, action: string, of: Parameters = {}) {
  const { body, refusal } = await client.call(key, action, of);
  assert.equal(refusal, undefined, `${action}: ${JSON.stringify(refusal)}`);
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the test looks at
  return body as any;
}

async function refused(
  client: OfficialClient,
  key: AccessKey,
  action: string,
  of: Parameters = {},
) {
  const { refusal } = await client.call(key, action, of);
  assert.ok(refusal !== undefined, `${action} was not refused`);
  return [refusal.code, refusal.status];
}

const root = (action: string, of: Parameters = {}) => done(v1, rootKey, action, of);
const servers = () => ({ LoadBalancerId, BackendServers: [{ ServerId: 'i-1' }] });

let user: AccessKey;

test('a user is made, with a key and a policy, and may do what it says', async () => {
  account = (await root('GetCallerIdentity')).AccountId;
  const { User } = await root('CreateUser', { UserName: 'deploy', DisplayName: 'Deployer' });
  assert.equal(User.UserName, 'deploy');
  const { AccessKey } = await root('CreateAccessKey', { UserName: 'deploy' });
  user = { accessKeyId: AccessKey.AccessKeyId, accessKeySecret: AccessKey.AccessKeySecret };
  assert.deepEqual(await refused(v1, user, 'RemoveBackendServers', servers()), [
    'NoPermission',
    400,
  ]);
  assert.deepEqual(await refused(v1, user, 'ListUsers'), ['NoPermission', 403]);
  const policy = {
    PolicyName: 'drain',
    PolicyDocument: policyDocument(['ens:RemoveBackendServers', 'sts:AssumeRole']),
  };
  await root('CreatePolicy', policy);
  const attached = { PolicyType: 'Custom', PolicyName: 'drain', UserName: 'deploy' };
  await root('AttachPolicyToUser', attached);
  await done(v1, user, 'RemoveBackendServers', servers());
  await done(v3, user, 'RemoveBackendServers', servers());
  assert.deepEqual(await refused(v3, user, 'AddBackendServers', servers()), ['NoPermission', 400]);
  const listed = await root('ListPoliciesForUser', { UserName: 'deploy' });
  assert.equal(listed.Policies.Policy[0].PolicyName, 'drain');
});

test('a role is assumed; its temporary key counts in both schemes until it is gone', async () => {
  const RoleName = 'operator';
  const trust = trustDocument(`acs:ram::${account}:user/deploy`);
  const { Role } = await root('CreateRole', { RoleName, AssumeRolePolicyDocument: trust });
  const ens = { PolicyType: 'System', PolicyName: 'AliyunENSFullAccess', RoleName };
  await root('AttachPolicyToRole', ens);
  const asked = { RoleArn: Role.Arn, RoleSessionName: 'release-42' };
  assert.deepEqual(await refused(v1, rootKey, 'AssumeRole', asked), ['NoPermission', 403]);
  const { Credentials } = await done(v1, user, 'AssumeRole', asked);
  const session: AccessKey = {
    accessKeyId: Credentials.AccessKeyId,
    accessKeySecret: Credentials.AccessKeySecret,
    securityToken: Credentials.SecurityToken,
  };
  const { Arn } = await done(v1, session, 'GetCallerIdentity');
  assert.equal(Arn, `acs:ram::${account}:assumed-role/operator/release-42`);
  await done(v3, session, 'AddBackendServers', servers());
  await done(v1, session, 'RemoveBackendServers', servers());
  await done(v3, session, 'RemoveBackendServers', servers());
  const { securityToken, ...withoutToken } = session;
  for (const client of [v1, v3]) {
    const missing = await refused(client, withoutToken, 'RemoveBackendServers', servers());
    assert.deepEqual(missing, ['MissingSecurityToken', 400]);
    const altered = { ...session, securityToken: `${securityToken?.slice(0, -4)}AAAA` };
    const malformed = await refused(client, altered, 'RemoveBackendServers', servers());
    assert.deepEqual(malformed, ['InvalidSecurityToken.Malformed', 400]);
  }
  await root('DetachPolicyFromRole', ens);
  await root('DeleteRole', { RoleName });
  const gone = await refused(v3, session, 'RemoveBackendServers', servers());
  assert.deepEqual(gone, ['NoPermission', 400]);
});

test('a key that was made inactive, or deleted, ends with the answer', async () => {
  const key = { UserName: 'deploy', UserAccessKeyId: user.accessKeyId };
  await root('UpdateAccessKey', { ...key, Status: 'Inactive' });
  const inactive = await refused(v1, user, 'RemoveBackendServers', servers());
  assert.deepEqual(inactive, ['InvalidAccessKeyId.Inactive', 400]);
  await root('DeleteAccessKey', key);
  const gone = await refused(v3, user, 'RemoveBackendServers', servers());
  assert.deepEqual(gone, ['InvalidAccessKeyId.NotFound', 404]);
  const policy = { PolicyType: 'Custom', PolicyName: 'drain' };
  const conflict = await refused(v1, rootKey, 'DeletePolicy', { PolicyName: 'drain' });
  assert.deepEqual(conflict, ['DeleteConflict.Policy.User', 409]);
  await root('DetachPolicyFromUser', { ...policy, UserName: 'deploy' });
  await root('DeletePolicy', { PolicyName: 'drain' });
  await root('DeleteUser', { UserName: 'deploy' });
  assert.deepEqual((await root('ListUsers')).Users.User, []);
});
