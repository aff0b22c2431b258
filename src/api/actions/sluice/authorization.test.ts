import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { account, type Bench, failsWith, openBench } from '../../../../test/support/call.ts';
import { policyDocument, trustDocument } from '../../../../test/support/documents.ts';
import { keys } from '../../../store/keys.ts';
import { catalogue } from '../index.ts';
import { ExplainAuthorization } from './authorization.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

type Parameters = Readonly<Record<string, unknown>>;

const ram = (name: string, parameters: Parameters) =>
  bench.call(catalogue.get(`2015-05-01 ${name}`)!, parameters);
const explain = async (parameters: Parameters) =>
  (await bench.call(ExplainAuthorization, parameters)).output;

const asked = { UserName: 'amy', ActionName: 'ens:RemoveBackendServers' };

async function attach(document: string, to: Parameters = { UserName: 'amy' }): Promise<void> {
  const policy = { PolicyName: 'elb', PolicyDocument: document };
  await ram('CreatePolicy', policy);
  const kind = Object.keys(to)[0]!.replace('Name', '');
  await ram(`AttachPolicyTo${kind}`, { PolicyName: 'elb', PolicyType: 'Custom', ...to });
}

test('a user that may not is told what would let it, and then may', async () => {
  await ram('CreateUser', { UserName: 'amy' });
  const before = await explain(asked);
  assert.deepEqual([before.Effect, before.DecidedBy], ['ImplicitDeny', 'ImplicitDeny']);
  assert.equal(before.Remedy, 'Attach a policy that allows ens:RemoveBackendServers on *.');
  await attach(policyDocument('ens:*'));
  const after = await explain(asked);
  assert.equal(after.Effect, 'Allow');
  assert.equal(after.DecidedBy, 'Custom policy elb v1 of user/amy, statement 1');
  assert.deepEqual(JSON.parse(after.Statement), {
    Effect: 'Allow',
    Action: ['ens:*'],
    Resource: ['*'],
  });
});

test('a load balancer is asked about with its site, as its calls are', async () => {
  const id = 'lb-1';
  await bench.put(keys.loadBalancerSite(id), { v: 1, site: 'local' });
  await ram('CreateUser', { UserName: 'amy' });
  await attach(policyDocument('ens:*', { resource: 'acs:ens:local:*:loadbalancer/*' }));
  const Resource = `acs:ens:*:${account}:loadbalancer/${id}`;
  const { Effect, Resource: placed } = await explain({ ...asked, Resource });
  assert.equal(Effect, 'Allow');
  assert.equal(placed, `acs:ens:local:${account}:loadbalancer/${id}`);
});

test('conditions count as given, and the time is now unless given', async () => {
  await ram('CreateUser', { UserName: 'amy' });
  const statement = JSON.parse(policyDocument('ens:*')).Statement[0];
  const Condition = {
    IpAddress: { 'acs:SourceIp': '10.0.0.0/8' },
    DateLessThan: { 'acs:CurrentTime': '2026-11-24T08:00:01Z' },
  };
  await attach(JSON.stringify({ Version: '1', Statement: { ...statement, Condition } }));
  const from = (Value: string) => [{ Key: 'acs:SourceIp', Value }];
  assert.match((await explain(asked)).Remedy, /acs:SourceIp were, .* \(the call has none\)/);
  assert.equal((await explain({ ...asked, Conditions: from('10.1.1.1') })).Effect, 'Allow');
  const later = [...from('10.1.1.1'), { Key: 'ACS:currenttime', Value: '2026-11-24T08:00:01Z' }];
  assert.equal((await explain({ ...asked, Conditions: later })).Effect, 'ImplicitDeny');
});

test('a role is asked with the policy of its session', async () => {
  const trust = trustDocument(`acs:ram::${account}:root`);
  await ram('CreateRole', { RoleName: 'deploy', AssumeRolePolicyDocument: trust });
  await attach(policyDocument('ens:*'), { RoleName: 'deploy' });
  const { UserName: _, ...rest } = asked;
  const role = { ...rest, RoleName: 'deploy' };
  assert.equal((await explain(role)).Effect, 'Allow');
  const narrowed = await explain({ ...role, SessionPolicy: policyDocument('ens:Describe*') });
  assert.deepEqual([narrowed.Effect, narrowed.PolicyType], ['ImplicitDeny', 'SessionPolicy']);
});

test('who or what cannot be asked about is refused', async () => {
  await ram('CreateUser', { UserName: 'amy' });
  const { UserName: _, ...nobody } = asked;
  const cases: [Parameters, string][] = [
    [nobody, 'MissingUserName'],
    [{ ...asked, RoleName: 'deploy' }, 'InvalidRoleName'],
    [{ ...asked, UserName: 'bob' }, 'EntityNotExist.User'],
    [{ ...nobody, RoleName: 'deploy' }, 'EntityNotExist.Role'],
    [{ ...asked, SessionPolicy: policyDocument('*') }, 'InvalidSessionPolicy'],
    [{ ...asked, ActionName: 'ens:*' }, 'InvalidActionName'],
    [{ ...asked, Resource: 'lb-1' }, 'InvalidResource'],
  ];
  for (const [parameters, code] of cases) {
    await assert.rejects(explain(parameters), failsWith(code), code);
  }
});
