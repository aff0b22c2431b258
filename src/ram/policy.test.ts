import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MalformedPolicy, type PolicyKind, parsePolicy } from './policy.ts';
import { systemPolicies } from './system-policies.ts';

const fine = { Effect: 'Allow', Action: 'ens:*', Resource: '*' };
const document = (statement: unknown) => JSON.stringify({ Version: '1', Statement: statement });
const withCondition = (condition: unknown) => document({ ...fine, Condition: condition });
const trusting = (principal: unknown, more: object = {}) =>
  document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: principal, ...more });
const root = 'acs:ram::1000000000000001:root';

describe('what is no policy document is refused, with the reason', () => {
  const cases: readonly (readonly [string, RegExp, PolicyKind?])[] = [
    ['', /not valid JSON/],
    ['{', /not valid JSON/],
    ['[]', /must be a JSON object/],
    ['null', /must be a JSON object/],
    ['{"Version":"2012-10-17","Statement":[]}', /Version must be "1"/],
    ['{"Version":1,"Statement":[]}', /Version must be "1"/],
    [JSON.stringify({ Statement: [fine] }), /Version must be "1"/],
    ['{"Version":"1"}', /at least one statement/],
    ['{"Version":"1","Statement":[]}', /at least one statement/],
    [JSON.stringify({ Version: '1', Id: 'x', Statement: fine }), /unknown element: "Id"/],
    [document(['x']), /Statement 1 must be a JSON object/],
    [document([fine, { ...fine, Effect: 'allow' }]), /Statement 2: Effect must be/],
    [document({ Action: 'ens:*', Resource: '*' }), /Effect must be/],
    [document({ ...fine, Sid: 'x' }), /unknown element: "Sid"/],
    [document({ ...fine, NotResource: '*' }), /unknown element: "NotResource"/],
    [document({ ...fine, Principal: { RAM: root } }), /unknown element: "Principal"/],
    [document({ ...fine, NotAction: 'ram:*' }), /Action or NotAction, and not both/],
    [document({ Effect: 'Allow', Resource: '*' }), /Action or NotAction/],
    [document({ ...fine, Action: [] }), /Action must have at least one value/],
    [document({ ...fine, Action: [''] }), /none of them empty/],
    [document({ ...fine, Action: 5 }), /must be a text/],
    [document({ ...fine, Action: { a: 'b' } }), /must be a text/],
    [document({ ...fine, Action: 'DescribeRegions' }), /"DescribeRegions" is no action/],
    [document({ ...fine, Action: 'ens:' }), /is no action/],
    [document({ Effect: 'Allow', Action: '*' }), /Resource must have at least one value/],
    [document({ ...fine, Resource: 'lb-1' }), /"lb-1" is neither/],
    [document({ ...fine, Resource: 'acs:*' }), /is neither/],
    [document({ ...fine, Resource: 'arn:aws:s3:::x:y' }), /is neither/],
    [withCondition([]), /Condition must be a JSON object/],
    [withCondition({ Null: { 'acs:SourceIp': 'true' } }), /"Null" is no condition operator/],
    [withCondition({ StringEqualsIfExists: { 'a:b': 'c' } }), /is no condition operator/],
    [withCondition({ 'ForAnyValue:StringEquals': { 'a:b': 'c' } }), /is no condition operator/],
    [withCondition({ ArnLike: { 'a:b': 'c' } }), /is no condition operator/],
    [withCondition({ stringEquals: { 'a:b': 'c' } }), /is no condition operator/],
    [withCondition({ constructor: { 'a:b': 'c' } }), /is no condition operator/],
    [withCondition({ StringEquals: {} }), /StringEquals must name a key/],
    [withCondition({ StringEquals: 'x' }), /StringEquals must be a JSON object/],
    [withCondition({ StringEquals: { SourceIp: 'x' } }), /"SourceIp" is no condition key/],
    [withCondition({ StringEquals: { 'a:b': [] } }), /a:b must have at least one value/],
    [withCondition({ StringEquals: { 'a:b': null } }), /a:b must be a text/],
    [withCondition({ StringEquals: { 'a:b': [['c']] } }), /a:b must be a text/],
    [withCondition({ NumericEquals: { 'a:b': 'ten' } }), /NumericEquals takes decimal numbers/],
    [withCondition({ NumericEquals: { 'a:b': 1e30 } }), /a:b must be a text/],
    [withCondition({ DateLessThan: { 'a:b': '2026-02-30T00:00:00Z' } }), /takes ISO 8601/],
    [withCondition({ DateLessThan: { 'a:b': '2026-02-03T24:00:00Z' } }), /takes ISO 8601/],
    [withCondition({ DateLessThan: { 'a:b': '2026-02-03T00:00:00' } }), /takes ISO 8601/],
    [withCondition({ DateLessThan: { 'a:b': '2026-02-03' } }), /takes ISO 8601/],
    [withCondition({ Bool: { 'a:b': 'yes' } }), /takes true or false/],
    [withCondition({ IpAddress: { 'a:b': '300.0.0.1' } }), /takes addresses or CIDR blocks/],
    [withCondition({ IpAddress: { 'a:b': '10.0.0.0/33' } }), /takes addresses/],
    [withCondition({ IpAddress: { 'a:b': '10.0.0.010' } }), /takes addresses/],
    [withCondition({ IpAddress: { 'a:b': '1::2::3' } }), /takes addresses/],
    [withCondition({ IpAddress: { 'a:b': '10.0.0.1/' } }), /takes addresses/],
    [trusting(undefined), /Principal must be a JSON object/, 'trust'],
    [trusting('*'), /Principal must be a JSON object/, 'trust'],
    [trusting({}), /Principal must name someone/, 'trust'],
    [trusting({ AWS: root }), /unknown element: "AWS"/, 'trust'],
    [trusting({ RAM: [] }), /Principal RAM must have at least one value/, 'trust'],
    [trusting({ RAM: '*' }), /"\*" is no principal of the kind RAM/, 'trust'],
    [trusting({ Service: 'ens' }), /is no principal of the kind Service/, 'trust'],
    [trusting({ RAM: root }, { Resource: '*' }), /unknown element: "Resource"/, 'trust'],
  ];
  for (const [text, reason, kind = 'identity'] of cases) {
    test(text === '' ? 'an empty text' : text, () => {
      const thrown = (error: unknown) =>
        error instanceof MalformedPolicy && reason.test(error.reason);
      assert.throws(() => parsePolicy(text, kind), thrown);
    });
  }

  test('more characters than documented', () => {
    const padded = (length: number) => document(fine).padEnd(length);
    for (const [kind, most] of [
      ['identity', 6_144],
      ['session', 2_048],
    ] as const) {
      parsePolicy(padded(most), kind);
      assert.throws(() => parsePolicy(padded(most + 1), kind), /more than/);
    }
    assert.throws(() => parsePolicy('['.repeat(6_144), 'identity'), MalformedPolicy);
  });
});

describe('what is one is read', () => {
  test('a single value and a list of one are equal', () => {
    const one = { Effect: 'Deny', NotAction: 'ens:*', Resource: 'acs:ens:*:*:loadbalancer/a' };
    const list = { Effect: 'Deny', NotAction: ['ens:*'], Resource: [one.Resource] };
    const condition = (value: unknown) => ({ Condition: { Bool: { 'acs:MFAPresent': value } } });
    assert.deepEqual(
      parsePolicy(document({ ...one, ...condition('true') }), 'identity'),
      parsePolicy(document([{ ...list, ...condition(['true']) }]), 'identity'),
    );
  });

  test('a trust policy, for each kind of principal', () => {
    const provider = 'acs:ram::1000000000000001:oidc-provider/idp';
    const principal = { Federated: provider, RAM: [root], Service: 'ens.aliyuncs.com' };
    const { statements } = parsePolicy(trusting(principal), 'trust');
    assert.deepEqual(statements[0]?.principals, [
      { kind: 'RAM', name: root },
      { kind: 'Service', name: 'ens.aliyuncs.com' },
      { kind: 'Federated', name: provider },
    ]);
  });

  test('an empty Condition is none', () => {
    assert.deepEqual(parsePolicy(withCondition({}), 'identity').statements[0]?.conditions, []);
  });

  test('the system policies, whose texts are their policies', () => {
    assert.equal(systemPolicies.size, 6);
    for (const { document: text, policy } of systemPolicies.values()) {
      assert.deepEqual(parsePolicy(text, 'identity'), policy);
    }
  });
});

test('what is wrong is told with the path to it', () => {
  const pathOf = (text: string, kind: PolicyKind = 'identity') => {
    try {
      parsePolicy(text, kind);
    } catch (error) {
      if (error instanceof MalformedPolicy) return error.path;
    }
    return undefined;
  };
  const { Effect: _, ...withoutEffect } = fine;
  const cases = [
    ['{', []],
    ['{"Version":"2","Statement":[]}', ['Version']],
    [document([fine, withoutEffect]), ['Statement', 1, 'Effect']],
    [document(withoutEffect), ['Statement', 'Effect']],
    [document([{ ...fine, Sid: 'x' }]), ['Statement', 0, 'Sid']],
    [document([{ ...fine, Action: ['ens:*', 'x'] }]), ['Statement', 0, 'Action', 1]],
    [document([{ ...fine, Action: 'x' }]), ['Statement', 0, 'Action']],
    [document([{ ...fine, Resource: ['*', 'lb-1'] }]), ['Statement', 0, 'Resource', 1]],
    [withCondition({ Null: {} }), ['Statement', 'Condition', 'Null']],
    [
      withCondition({ Bool: { 'acs:MFAPresent': ['true', 'yes'] } }),
      ['Statement', 'Condition', 'Bool', 'acs:MFAPresent', 1],
    ],
  ] as const;
  for (const [text, path] of cases) assert.deepEqual(pathOf(text), path, text);
  const principal = trusting({ RAM: [root, 'me'] });
  assert.deepEqual(pathOf(principal, 'trust'), ['Statement', 'Principal', 'RAM', 1]);
});
