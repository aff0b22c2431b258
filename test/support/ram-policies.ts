import fc from 'fast-check';
import type { AccessRequest, AttachedPolicy } from '../../src/ram/evaluate.ts';
import { type PolicyKind, parsePolicy } from '../../src/ram/policy.ts';

/** Policies and requests in their parts, over alphabets so small that they often meet. */

export interface ModelStatement {
  readonly effect: 'Allow' | 'Deny';
  readonly except: boolean;
  readonly actions: readonly string[];
  /** Five fields each, or one `*`. */
  readonly resources: readonly (readonly string[])[];
  readonly conditions: readonly ModelCondition[];
}

export interface ModelCondition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

export type ModelPolicy = readonly ModelStatement[];

export interface ModelRequest {
  readonly action: string;
  readonly resource: readonly string[];
  /** Keys in lower case. */
  readonly context: Readonly<Record<string, readonly string[]>>;
}

interface ConditionKind {
  readonly key: string;
  readonly operators: readonly string[];
  readonly wanted: fc.Arbitrary<string>;
  readonly asked: fc.Arbitrary<string>;
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'A'), minLength: 1, maxLength: 3 });
const pattern = (wildcards: readonly string[], ...more: string[]) =>
  fc.string({
    unit: fc.constantFrom('a', 'b', 'A', ...more, ...wildcards),
    minLength: 1,
    maxLength: 4,
  });

const orders = ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan'];
const ordered = (name: string) =>
  [...orders, 'GreaterThanEquals'].map((order) => `${name}${order}`);

const number = fc.constantFrom('0', '1', '1.0', '1.05', '-1', '+2', '2.5', '10', '09.5');
const time = fc.constantFrom(
  '2026-01-01T00:00:00Z',
  '2026-01-01T08:00:00+08:00',
  '2025-12-31T20:30:00-03:30',
  '2026-01-01T00:00:01Z',
  '2026-01-01T00:00:00.001Z',
  '2024-02-29T23:59:59Z',
);
const address = fc.constantFrom('10.0.0.1', '10.0.1.1', '192.0.2.9', '::1', '2001:db8::1');
const block = fc.constantFrom(
  '10.0.0.0/24',
  '10.0.0.0/16',
  '10.0.1.1',
  '0.0.0.0/0',
  '2001:db8::/32',
  '::/0',
  '192.0.2.8/31',
);

function kinds(wildcards: readonly string[]): readonly ConditionKind[] {
  const names = ['StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike'];
  const folded = ['StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase'];
  return [
    { key: 'x:s', operators: names, wanted: pattern(wildcards), asked: word },
    { key: 'x:f', operators: folded, wanted: word, asked: word },
    { key: 'x:n', operators: ordered('Numeric'), wanted: number, asked: number },
    { key: 'acs:currenttime', operators: ordered('Date'), wanted: time, asked: time },
    {
      key: 'acs:securetransport',
      operators: ['Bool'],
      wanted: fc.constantFrom('true', 'false', 'True'),
      asked: fc.constantFrom('true', 'false'),
    },
    {
      key: 'acs:sourceip',
      operators: ['IpAddress', 'NotIpAddress'],
      wanted: block,
      asked: address,
    },
  ];
}

const list = <Value>(each: fc.Arbitrary<Value>, maxLength: number, minLength = 1) =>
  fc.array(each, { minLength, maxLength });

/** Statements; `wildcards` are those that patterns may have. */
function statementOf(wildcards: readonly string[]): fc.Arbitrary<ModelStatement> {
  const action = fc.oneof(
    fc.constant('*'),
    fc
      .tuple(fc.constantFrom('ens', 'ENS', 'ram', '*'), pattern(wildcards))
      .map((parts) => parts.join(':')),
  );
  const resource = fc.oneof(
    fc.constant(['*']),
    fc.tuple(
      fc.constant('acs'),
      fc.constantFrom('ens', '*', 'e*'),
      fc.constantFrom('hz', 'h*', '*', ''),
      fc.constantFrom('1', '*'),
      pattern(['*', ...wildcards], ':', '/'),
    ),
  );
  const condition = fc.constantFrom(...kinds(wildcards)).chain(({ key, operators, wanted }) =>
    fc.record({
      operator: fc.constantFrom(...operators),
      key: fc.constantFrom(key, key.toUpperCase()),
      values: list(wanted, 2),
    }),
  );
  return fc.record({
    effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
    except: fc.integer({ min: 0, max: 4 }).map((each) => each === 0),
    actions: list(action, 2),
    resources: list(resource, 2),
    conditions: fc.uniqueArray(condition, {
      maxLength: 2,
      selector: ({ operator, key }) => `${operator} ${key}`,
    }),
  });
}

export function policyOf(wildcards: readonly string[] = ['*', '?']): fc.Arbitrary<ModelPolicy> {
  return list(statementOf(wildcards), 3);
}

export const request: fc.Arbitrary<ModelRequest> = fc.record({
  action: fc.tuple(fc.constantFrom('ens', 'ram'), word).map((parts) => parts.join(':')),
  resource: fc.oneof(
    fc.constant(['acs', '*', '*', '*', '*']),
    fc.tuple(
      fc.constant('acs'),
      fc.constant('ens'),
      fc.constantFrom('hz', 'sh', '*', ''),
      fc.constantFrom('1', '2'),
      pattern([':', '/']),
    ),
  ),
  context: fc.record(
    Object.fromEntries(kinds([]).map(({ key, asked }) => [key, list(asked, 2, 0)])),
    { noNullPrototype: true },
  ),
});

/** The document of a policy, with every single value now as a list, now alone. */
export function documentOf(policy: ModelPolicy): string {
  const one = <Value>(values: readonly Value[]) => (values.length === 1 ? values[0] : values);
  const statements = policy.map(({ effect, except, actions, resources, conditions }) => {
    const condition: Record<string, Record<string, unknown>> = {};
    for (const { operator, key, values } of conditions) {
      condition[operator] ??= {};
      condition[operator][key] = one(values);
    }
    return {
      Effect: effect,
      [except ? 'NotAction' : 'Action']: one(actions),
      Resource: one(resources.map((fields) => fields.join(':'))),
      ...(conditions.length === 0 ? {} : { Condition: condition }),
    };
  });
  return JSON.stringify({ Version: '1', Statement: one(statements) });
}

export const parsed = (policy: ModelPolicy, kind: PolicyKind = 'identity') =>
  parsePolicy(documentOf(policy), kind);

export function attached(policies: readonly ModelPolicy[]): AttachedPolicy[] {
  return policies.map((policy, index) => ({
    type: 'Custom',
    name: `${index}`,
    version: 'v1',
    attachedTo: 'user/alice',
    policy: parsed(policy),
  }));
}

export function requestOf({ action, resource, context }: ModelRequest): AccessRequest {
  const isAll = resource.every((field, index) => index === 0 || field === '*');
  return { action, resource: isAll ? '*' : resource.join(':'), context };
}
