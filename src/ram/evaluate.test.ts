import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { authorise } from './authorise.ts';
import {
  type AccessRequest,
  type AttachedPolicy,
  type Context,
  evaluatePolicies,
  evaluateTrust,
} from './evaluate.ts';
import { type PolicyKind, parsePolicy } from './policy.ts';

interface Vector {
  readonly name: string;
  readonly principal: 'root' | 'user' | 'role';
  readonly identityPolicies: readonly object[];
  readonly sessionPolicy: object | null;
  readonly request: AccessRequest;
  readonly expect: string;
}

const fixture = new URL('../../test/fixtures/ram-policy.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(fixture, 'utf8')) as { vectors: Vector[] };

const parse = (document: object, kind: PolicyKind = 'identity') =>
  parsePolicy(JSON.stringify(document), kind);

function attach(document: object, index = 0): AttachedPolicy {
  const name = `policy-${index}`;
  const policy = parse(document);
  return { type: 'Custom', name, version: 'v1', attachedTo: 'user/alice', policy };
}

const only = (statement: object) => ({ Version: '1', Statement: statement });

describe('decisions of the vectors', () => {
  for (const { name, principal, identityPolicies, sessionPolicy, request, expect } of vectors) {
    test(name, () => {
      const policies = identityPolicies.map(attach);
      const session = sessionPolicy === null ? {} : { session: parse(sessionPolicy, 'session') };
      const subject =
        principal === 'root'
          ? { kind: principal }
          : ({ kind: 'identity', policies, ...session } as const);
      assert.equal(authorise(subject, request).effect, expect);
    });
  }
});

describe('what a decision tells', () => {
  const request = { action: 'ens:StopLoadBalancer', resource: '*', context: {} };
  const allow = only([
    { Effect: 'Allow', Action: 'ens:Describe*', Resource: '*' },
    { Effect: 'Allow', Action: 'ens:*', Resource: '*' },
  ]);

  test('the policy, where it is attached, and the statement', () => {
    const { decidedBy, statement } = evaluatePolicies(request, [attach(allow)]);
    assert.equal(decidedBy, 'Custom policy policy-0 v1 of user/alice, statement 2');
    assert.equal(statement?.attached?.name, 'policy-0');
    assert.equal(statement?.number, 2);
  });

  test('whether the session or the identity decided', () => {
    const reads = parse(only({ Effect: 'Allow', Action: 'ens:Describe*', Resource: '*' }));
    const denies = parse(only({ Effect: 'Deny', Action: '*', Resource: '*' }));
    const told = [reads, denies, undefined].map((session) => {
      const { policyKind, decidedBy } = evaluatePolicies(request, [], session);
      return { policyKind, decidedBy };
    });
    assert.deepEqual(told, [
      { policyKind: 'session', decidedBy: 'ImplicitDeny (session policy)' },
      { policyKind: 'session', decidedBy: 'session policy, statement 1' },
      { policyKind: 'identity', decidedBy: 'ImplicitDeny' },
    ]);
  });
});

describe('resources', () => {
  const allows = (pattern: string, resource: string) => {
    const policy = attach(only({ Effect: 'Allow', Action: '*', Resource: pattern }));
    const request = { action: 'ens:StopLoadBalancer', resource, context: {} };
    return evaluatePolicies(request, [policy]).effect === 'Allow';
  };
  const one = 'acs:ens:hz:1000000000000001:loadbalancer/lb-1';

  test('a wildcard of one field does not reach into the next', () => {
    assert.equal(allows('acs:ens:*:1000000000000001*b-1:*', one), false);
    assert.equal(allows('acs:e*:1000000000000001:*:loadbalancer/lb-1', one), false);
    assert.equal(allows('acs:ens:h?:1000000000000001:loadbalancer/*', one), true);
  });

  test('the name takes all that follows, colons and slashes too', () => {
    assert.equal(allows('acs:ens:*:*:loadbalancer/*', `${one}/a:b/c`), true);
    assert.equal(allows('acs:ens:*:*:loadbalancer/lb-1:b', `${one}:b`), true);
    assert.equal(allows('acs:ens:*:*:loadbalancer/lb-1:b', one), false);
  });

  test('an empty region is any, and another one is none', () => {
    assert.equal(allows('acs:ens::1000000000000001:loadbalancer/lb-1', one), true);
    assert.equal(allows('acs:ens:sh:1000000000000001:loadbalancer/lb-1', one), false);
  });

  test('what names no resource needs a statement about all', () => {
    assert.equal(allows('*', '*'), true);
    assert.equal(allows('acs:*:*:*:*', '*'), true);
    assert.equal(allows('acs:ens:*:*:loadbalancer/*', '*'), false);
  });
});

describe('conditions: request value, policy value, whether it holds', () => {
  const cases: readonly (readonly [string, string, string, boolean])[] = [
    ['StringEquals', 'a', 'a', true],
    ['StringEquals', 'a', 'A', false],
    ['StringEquals', 'a', '*', false],
    ['StringNotEquals', 'a', 'a', false],
    ['StringNotEquals', 'a', 'A', true],
    ['StringEqualsIgnoreCase', 'a', 'A', true],
    ['StringEqualsIgnoreCase', 'a', 'b', false],
    ['StringNotEqualsIgnoreCase', 'a', 'A', false],
    ['StringNotEqualsIgnoreCase', 'a', 'b', true],
    ['StringLike', 'cn-hangzhou', 'cn-*', true],
    ['StringLike', 'cn-hangzhou', 'CN-*', false],
    ['StringLike', 'cn-1', 'cn-?', true],
    ['StringLike', 'cn-12', 'cn-?', false],
    ['StringNotLike', 'cn-1', 'cn-?', false],
    ['StringNotLike', 'cn-12', 'cn-?', true],
    ['NumericEquals', '1.50', '1.5', true],
    ['NumericEquals', '100000000000000001', '100000000000000002', false],
    ['NumericNotEquals', '7', '7.0', false],
    ['NumericNotEquals', '7', '8', true],
    ['NumericLessThan', '9', '10', true],
    ['NumericLessThan', '10', '10', false],
    ['NumericLessThan', '-1', '-0.5', true],
    ['NumericLessThanEquals', '10', '10', true],
    ['NumericLessThanEquals', '11', '10', false],
    ['NumericGreaterThan', '10', '9', true],
    ['NumericGreaterThan', '10', '10', false],
    ['NumericGreaterThanEquals', '10', '10', true],
    ['NumericGreaterThanEquals', '9', '10', false],
    ['NumericGreaterThan', 'ten', '9', false],
    ['DateEquals', '2026-01-01T00:00:00Z', '2026-01-01T08:00:00+08:00', true],
    ['DateEquals', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z', false],
    ['DateNotEquals', '2026-01-01T00:00:00Z', '2025-12-31T16:30:00-07:30', false],
    ['DateNotEquals', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00.001Z', true],
    ['DateLessThan', '2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z', true],
    ['DateLessThan', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', false],
    ['DateLessThanEquals', '2026-01-01T00:00:00Z', '2026-01-01T00:00Z', true],
    ['DateLessThanEquals', '2026-01-01T00:00:01Z', '2026-01-01T00:00:00Z', false],
    ['DateGreaterThan', '2026-01-01T00:00:01Z', '2026-01-01T00:00:00Z', true],
    ['DateGreaterThan', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', false],
    ['DateGreaterThanEquals', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', true],
    ['DateGreaterThanEquals', '2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z', false],
    ['Bool', 'true', 'TRUE', true],
    ['Bool', 'false', 'true', false],
    ['Bool', 'yes', 'true', false],
    ['IpAddress', '203.0.113.9', '203.0.113.9', true],
    ['IpAddress', '203.0.113.9', '203.0.113.10', false],
    ['IpAddress', '203.0.113.0', '203.0.113.0/24', true],
    ['IpAddress', '203.0.113.255', '203.0.113.0/24', true],
    ['IpAddress', '203.0.114.0', '203.0.113.0/24', false],
    ['IpAddress', '203.0.113.255', '203.0.113.9/24', true],
    ['IpAddress', '198.51.100.1', '0.0.0.0/0', true],
    ['IpAddress', '::1', '0.0.0.0/0', false],
    ['IpAddress', '2001:db8::1', '2001:DB8:0:0::/64', true],
    ['IpAddress', '2001:db8:0:1::1', '2001:db8::/64', false],
    ['IpAddress', '::ffff:203.0.113.9', '203.0.113.0/24', true],
    ['IpAddress', '203.0.113.9', '::ffff:203.0.113.0/120', true],
    ['NotIpAddress', '203.0.113.9', '203.0.113.0/24', false],
    ['NotIpAddress', '203.0.114.9', '203.0.113.0/24', true],
  ];
  const met = (condition: object, context: Context) => {
    const statement = { Effect: 'Allow', Action: '*', Resource: '*', Condition: condition };
    const request = { action: 'ens:A', resource: '*', context };
    return evaluatePolicies(request, [attach(only(statement))]).effect === 'Allow';
  };

  for (const [operator, asked, wanted, expected] of cases) {
    test(`${operator} ${asked} ${wanted}: ${expected}`, () => {
      assert.equal(met({ [operator]: { 'x:y': wanted } }, { 'x:y': asked }), expected);
    });
  }

  test('a key that the request lacks: negated operators hold, all others do not', () => {
    const wanted = new Map(cases.map(([operator, , value]) => [operator, value]));
    assert.equal(wanted.size, 21);
    for (const [operator, value] of wanted) {
      assert.equal(met({ [operator]: { 'x:y': value } }, {}), /Not/.test(operator), operator);
    }
  });

  test('keys are compared without case, and several request values count alike', () => {
    assert.equal(met({ StringEquals: { 'ACS:sourceip': 'b' } }, { 'acs:SourceIp': 'b' }), true);
    const asked = { 'x:y': ['a', 'b'] };
    assert.equal(met({ StringEquals: { 'x:y': ['b', 'c'] } }, asked), true);
    assert.equal(met({ StringNotEquals: { 'x:y': ['b', 'c'] } }, asked), false);
    assert.equal(met({ StringNotEquals: { 'x:y': ['c', 'd'] } }, asked), true);
  });

  test('JSON numbers and truth values count as their texts', () => {
    assert.equal(met({ NumericLessThan: { 'x:y': 5 }, Bool: { 'x:z': true } }, {}), false);
    const asked = { 'x:y': '4', 'x:z': 'true' };
    assert.equal(met({ NumericLessThan: { 'x:y': 5 }, Bool: { 'x:z': true } }, asked), true);
  });
});

describe('trust policies', () => {
  const trust = (principal: object, rest: object = {}) =>
    parse(
      only({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: principal, ...rest }),
      'trust',
    );
  const alice = {
    kind: 'RAM',
    names: ['acs:ram::1000000000000001:user/alice', 'acs:ram::1000000000000001:root'],
  } as const;
  const effectOf = (policy: ReturnType<typeof trust>, context: Context = {}) =>
    evaluateTrust(policy, alice, 'sts:AssumeRole', context);

  test('a user is trusted by its own name, or by its account', () => {
    for (const name of ['user/alice', 'root']) {
      for (const region of ['', '*']) {
        const policy = trust({ RAM: [`acs:ram:${region}:1000000000000001:${name}`] });
        assert.equal(effectOf(policy), 'Allow');
      }
    }
  });

  test('nobody else is', () => {
    for (const name of ['1000000000000001:user/bob', '1000000000000002:root']) {
      assert.equal(effectOf(trust({ RAM: `acs:ram::${name}` })), 'ImplicitDeny');
    }
    assert.equal(effectOf(trust({ Service: 'ens.aliyuncs.com' })), 'ImplicitDeny');
  });

  test('conditions such as sts:ExternalId must hold', () => {
    const condition = { Condition: { StringEquals: { 'sts:ExternalId': 'abc' } } };
    const policy = trust({ RAM: 'acs:ram::1000000000000001:root' }, condition);
    assert.equal(effectOf(policy), 'ImplicitDeny');
    assert.equal(effectOf(policy, { 'sts:ExternalId': 'abc' }), 'Allow');
  });
});
