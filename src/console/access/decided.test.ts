import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluatePolicies } from '../../ram/evaluate.ts';
import { parsePolicy } from '../../ram/policy.ts';
import { decidingAddress, decidingOf } from './decided.ts';

const document = JSON.stringify({
  Version: '1',
  Statement: [
    { Effect: 'Deny', Action: 'ram:*', Resource: '*' },
    { Effect: 'Allow', Action: 'ens:*', Resource: '*' },
  ],
});

test('what RAM says decided leads to its statement', () => {
  const attached = {
    type: 'Custom',
    name: 'ens-only',
    version: 'v2',
    attachedTo: 'user/deploy',
    policy: parsePolicy(document, 'identity'),
  } as const;
  const request = { action: 'ens:DescribeRegions', resource: '*', context: {} };
  const deciding = decidingOf(evaluatePolicies(request, [attached]).decidedBy);
  assert.deepEqual(deciding, { type: 'Custom', policy: 'ens-only', version: 'v2', statement: 2 });
  assert.equal(
    decidingAddress(deciding!),
    '/console/access/policies/Custom/ens-only?version=v2&statement=2',
  );
});

test('what is no statement of a policy leads nowhere', () => {
  for (const decidedBy of ['root', 'ImplicitDeny', 'session policy, statement 1', '']) {
    assert.equal(decidingOf(decidedBy), undefined);
  }
});
