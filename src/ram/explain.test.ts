import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AttachedPolicy, type Context, evaluatePolicies } from './evaluate.ts';
import { explain } from './explain.ts';
import { type PolicyKind, parsePolicy } from './policy.ts';

const resource = 'acs:ens:hz:1:loadbalancer/lb-1';
const parse = (statements: object, kind: PolicyKind = 'identity') =>
  parsePolicy(JSON.stringify({ Version: '1', Statement: statements }), kind);

function explained(statements: readonly object[], context: Context = {}, session?: object) {
  const attached: AttachedPolicy[] = statements.map((statement, index) => ({
    type: 'Custom',
    name: `p${index}`,
    version: 'v1',
    attachedTo: 'user/alice',
    policy: parse(statement),
  }));
  const narrowing = session && parse(session, 'session');
  const request = { action: 'ens:StopThing', resource, context };
  return explain(evaluatePolicies(request, attached, narrowing), request, attached, narrowing);
}

const allow = { Effect: 'Allow', Action: 'ens:*', Resource: '*' };
const office = { IpAddress: { 'acs:SourceIp': ['10.0.0.0/8', '192.0.2.1'] } };

test('what is allowed names the statement that allows it', () => {
  const { reason } = explained([allow]);
  assert.equal(
    reason,
    `Custom policy p0 v1 of user/alice, statement 1 allows ens:StopThing on ${resource}, ` +
      'and none denies it.',
  );
});

test('what is denied outright names the statement to change', () => {
  const denies = { ...allow, Effect: 'Deny' };
  assert.match(explained([allow, denies]).reason, /^Custom policy p1 v1 .* denies/);
  assert.equal(explained([denies]).remedy, 'Narrow this statement or take it away.');
  const conditional = explained([{ ...denies, Condition: office }], { 'acs:SourceIp': '10.1.1.1' });
  assert.match(conditional.remedy, /or call so that its Condition does not hold\.$/);
});

test('what no statement is about needs another policy', () => {
  const { reason, remedy } = explained([{ ...allow, Action: 'ram:*' }]);
  assert.equal(reason, `No statement of an attached policy allows ens:StopThing on ${resource}.`);
  assert.equal(remedy, `Attach a policy that allows ens:StopThing on ${resource}.`);
});

test('a near miss is named, with all it lacks', () => {
  const other = { ...allow, Resource: 'acs:ens:*:*:loadbalancer/lb-2' };
  assert.equal(
    explained([other]).remedy,
    `Statement 1 of the Custom policy p0 of user/alice would allow it if its Resource covered ` +
      `${resource}.`,
  );
  const both = { ...other, Condition: office };
  const conditional = { ...allow, Condition: office };
  assert.equal(
    explained([both, conditional], { 'acs:SourceIp': '198.51.100.7' }).remedy,
    'Statement 1 of the Custom policy p1 of user/alice would allow it if acs:SourceIp were, by ' +
      'IpAddress, 10.0.0.0/8 or 192.0.2.1 (it is 198.51.100.7).',
  );
  assert.match(explained([both]).remedy, /lb-1 and acs:SourceIp were, .* \(the call has none\)\.$/);
});

test('what its session does not allow is the session policy to change', () => {
  const { reason, remedy } = explained([allow], {}, { ...allow, Action: 'ens:Describe*' });
  assert.match(reason, /^No statement of the session policy allows/);
  assert.match(remedy, /^Assume the role with a session policy that allows ens:StopThing/);
});
