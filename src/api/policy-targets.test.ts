import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../ram/policy.ts';
import { systemPolicies } from '../ram/system-policies.ts';
import { fits, overlaps } from '../ram/wildcard.ts';
import { actions } from './actions/index.ts';
import { PolicyTargets } from './policy-targets.ts';

const account = '1000000000000001';
const targets = new PolicyTargets(actions);

function faultOf(
  Effect: 'Allow' | 'Deny',
  Action: string | string[],
  Resource: string | string[] = '*',
  Condition?: object,
): string | undefined {
  const statement = { Effect, Action, Resource, ...(Condition === undefined ? {} : { Condition }) };
  const text = JSON.stringify({ Version: '1', Statement: [statement] });
  return targets.fault(parsePolicy(text, 'identity'), 'identity', account);
}

describe('a policy of which a part can match no call', () => {
  test('is told so, with the nearest name', () => {
    assert.match(faultOf('Deny', 'ens:RemoveBackendServer') ?? '', /ens:RemoveBackendServers\.$/);
    assert.match(faultOf('Allow', 'ens:RemoveBackendServer') ?? '', /ens:RemoveBackendServers\.$/);
    assert.match(faultOf('Deny', 'esn:*') ?? '', /no action fits esn:\*/);
    assert.match(faultOf('Deny', ['ens:DeleteNetwork', 'ens:Remov']) ?? '', /ens:Remov\./);
    const text =
      '{"Version":"1","Statement":{"Effect":"Allow","NotAction":"ens:Delet","Resource":"*"}}';
    assert.ok(targets.fault(parsePolicy(text, 'identity'), 'identity', account));
  });

  test('because its actions ask for other resources', () => {
    const network = `acs:ens:*:${account}:network/n-1`;
    assert.equal(faultOf('Deny', 'ens:DeleteNetwork', network), undefined);
    assert.equal(faultOf('Deny', 'ens:*', network), undefined);
    assert.match(faultOf('Deny', 'ens:RemoveBackendServers', network) ?? '', /loadbalancer/);
    assert.ok(faultOf('Deny', ['ens:DeleteNetwork', 'ens:DeleteVSwitch'], network));
    assert.ok(faultOf('Deny', 'ens:DescribeEnsRegions', network));
    assert.ok(faultOf('Deny', 'ens:DeleteNetwork', 'acs:ens:*:2000000000000002:network/n-1'));
    assert.equal(faultOf('Deny', 'ens:DeleteNetwork', 'acs:ens:hz-*:*:network/*'), undefined);
    assert.equal(faultOf('Deny', 'ram:AttachPolicyToUser', 'acs:ram:*:system:policy/*'), undefined);
  });

  test('because its condition holds never, or always', () => {
    const to = { 'acs:SorceIp': '10.0.0.0/8' };
    assert.match(faultOf('Deny', 'ens:*', '*', { IpAddress: to }) ?? '', /acs:SourceIp\.$/);
    assert.ok(faultOf('Allow', 'ens:*', '*', { NotIpAddress: to }));
    assert.equal(faultOf('Allow', 'ens:*', '*', { IpAddress: to }), undefined);
    assert.equal(
      faultOf('Deny', 'ens:*', '*', { IpAddress: { 'acs:sourceip': '::1' } }),
      undefined,
    );
  });

  test('is let pass where it allows what only the cloud has', () => {
    assert.equal(faultOf('Allow', ['oss:Get*', 'ecs:*'], 'acs:oss:*:*:bucket/x'), undefined);
    assert.equal(faultOf('Allow', 'ens:CreateEnsService'), undefined);
  });
});

test('policies that come with Sluice, and every action on its own resources, are whole', () => {
  for (const { policy } of systemPolicies.values()) {
    assert.equal(targets.fault(policy, 'identity', account), undefined);
  }
  for (const pattern of ['ens:RemoveBackendServers', 'sluice:SetFreeze', 'ram:*', '*']) {
    assert.equal(faultOf('Deny', pattern), undefined);
  }
});

test('two patterns overlap when one text fits both', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, pattern, text, (one, other, each) => {
      if (fits(one, each) && fits(other, each)) assert.ok(overlaps(one, other));
      assert.equal(overlaps(one, other), overlaps(other, one));
      assert.equal(overlaps(one, each), fits(one, each));
    }),
    { numRuns: 2_000 },
  );
});
