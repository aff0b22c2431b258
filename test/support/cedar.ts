import assert from 'node:assert/strict';
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { ModelCondition, ModelPolicy, ModelRequest, ModelStatement } from './ram-policies.ts';

/**
 * What Cedar, another policy engine, makes of the same policies: each statement becomes a permit
 * or a forbid, each value of a condition key an attribute of its own (`x:n/0`, `x:n/1`).
 */

/** Values that a request may have of one key. */
const mostValues = 2;

const text = JSON.stringify;
const any = (terms: readonly string[]) =>
  terms.length === 0 ? 'false' : `(${terms.join(' || ')})`;
const like = (attribute: string, pattern: string) => `context.${attribute} like ${text(pattern)}`;

function policyText({ effect, ...statement }: ModelStatement): string {
  const action = any(statement.actions.map((each) => like('action', each.toLowerCase())));
  const resource = any(statement.resources.map(resourceText));
  const terms = [
    statement.except ? `!${action}` : action,
    resource,
    ...statement.conditions.map(conditionText),
  ];
  const head = effect === 'Allow' ? 'permit' : 'forbid';
  return `${head} (principal, action, resource) when { ${terms.join(' && ')} };`;
}

function resourceText(fields: readonly string[]): string {
  if (fields.length === 1) return 'true';
  const terms = fields.map((field, index) =>
    like(`field${index}`, index === 2 && field === '' ? '*' : field),
  );
  return `(${terms.join(' && ')})`;
}

function conditionText({ operator, key, values }: ModelCondition): string {
  const negated = operator.includes('Not');
  const positive = operator.replace('Not', '');
  const terms = Array.from({ length: mostValues }, (_, index) => {
    const name = text(`${key.toLowerCase()}/${index}`);
    const compared = values.map((value) => comparison(positive, `context[${name}]`, value));
    return `(context has ${name} && ${any(compared)})`;
  });
  return `${negated ? '!' : ''}${any(terms)}`;
}

function comparison(operator: string, asked: string, wanted: string): string {
  if (operator === 'StringLike') return `${asked} like ${text(wanted)}`;
  if (operator === 'StringEquals') return `${asked} == ${text(wanted)}`;
  if (operator === 'StringEqualsIgnoreCase') return `${asked} == ${text(wanted.toLowerCase())}`;
  if (operator === 'Bool') return `${asked} == ${wanted.toLowerCase()}`;
  if (operator === 'IpAddress') return `${asked}.isInRange(ip(${text(wanted)}))`;
  const order = operator.replace(/^(Numeric|Date)/, '');
  if (operator.startsWith('Date')) {
    const signs = {
      Equals: '==',
      LessThan: '<',
      LessThanEquals: '<=',
      GreaterThan: '>',
      GreaterThanEquals: '>=',
    };
    return `${asked} ${signs[order as keyof typeof signs]} datetime(${text(timeText(wanted))})`;
  }
  const value = `decimal(${text(decimalText(wanted))})`;
  if (order === 'Equals') return `${asked} == ${value}`;
  const method = order.replace('Equals', 'OrEqual');
  return `${asked}.${method[0]!.toLowerCase()}${method.slice(1)}(${value})`;
}

/** Cedar's offsets have no colon. */
const timeText = (value: string) => value.replace(/(\d\d):(\d\d)$/, '$1$2');
/** Cedar's decimals have a point and no plus. */
const decimalText = (value: string) => value.replace('+', '').replace(/^[^.]*$/, '$&.0');

function cedarValue(key: string, value: string) {
  const typed = (fn: string, arg: string) => ({ __extn: { fn, arg } });
  if (key === 'x:n') return typed('decimal', decimalText(value));
  if (key === 'acs:currenttime') return typed('datetime', timeText(value));
  if (key === 'acs:sourceip') return typed('ip', value);
  if (key === 'acs:securetransport') return value === 'true';
  return key === 'x:f' ? value.toLowerCase() : value;
}

function contextOf({ action, resource, context }: ModelRequest) {
  return Object.fromEntries([
    ['action', action.toLowerCase()],
    ...resource.map((field, index) => [`field${index}`, field]),
    ...Object.entries(context).flatMap(([key, values]) =>
      values.map((value, index) => [`${key}/${index}`, cedarValue(key, value)]),
    ),
  ]);
}

/** Gives Cedar the policies; statements are then known as `<policy>/<number of statement>`. */
export function teach(set: string, policies: readonly ModelPolicy[]): void {
  const staticPolicies = Object.fromEntries(
    policies.flatMap((policy, index) =>
      policy.map((statement, place) => [`${index}/${place + 1}`, policyText(statement)]),
    ),
  );
  const answer = preparsePolicySet(set, { staticPolicies });
  assert.equal(answer.type, 'success', JSON.stringify(answer));
}

export interface CedarDecision {
  readonly effect: 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';
  readonly reasons: readonly string[];
}

/** Cedar's decision by a set that it was taught. */
export function ask(set: string, request: ModelRequest): CedarDecision {
  const answer = statefulIsAuthorized({
    principal: { type: 'User', id: 'alice' },
    action: { type: 'Action', id: 'call' },
    resource: { type: 'Resource', id: 'one' },
    context: contextOf(request),
    preparsedPolicySetId: set,
    entities: [],
  });
  assert.ok(answer.type === 'success', JSON.stringify(answer));
  const { decision, diagnostics } = answer.response;
  assert.deepEqual(diagnostics.errors, []);
  const { reason } = diagnostics;
  if (decision === 'allow') return { effect: 'Allow', reasons: reason };
  return { effect: reason.length > 0 ? 'ExplicitDeny' : 'ImplicitDeny', reasons: reason };
}
