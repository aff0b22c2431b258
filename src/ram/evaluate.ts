import { operators } from './operators.ts';
import type { Condition, Policy, PolicyPrincipal, Statement } from './policy.ts';
import { fits } from './wildcard.ts';

/** Values of condition keys, such as `acs:SourceIp`; keys are compared without case. */
export type Context = Readonly<Record<string, string | readonly string[]>>;

/** What is asked: an action on a resource. */
export interface AccessRequest {
  /** `ens:RemoveBackendServers` */
  readonly action: string;
  /** `acs:ens:<site>:<account>:loadbalancer/<id>`, or `*` for an action that names none. */
  readonly resource: string;
  readonly context: Context;
}

/** A policy as a user, group or role has it. */
export interface AttachedPolicy {
  readonly type: 'System' | 'Custom';
  readonly name: string;
  /** `v1` */
  readonly version: string;
  /** `user/<name>`, `group/<name>`, `role/<name>` */
  readonly attachedTo: string;
  readonly policy: Policy;
}

/** The statement that decided, and where it stands. */
export interface DecidingStatement {
  /** Absent: the session policy. */
  readonly attached?: AttachedPolicy;
  /** From 1, as it stands in its document. */
  readonly number: number;
  readonly statement: Statement;
}

export interface Decision {
  readonly effect: 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';
  /** Names the statement (or its absence) that decided; kept in the audit record. */
  readonly decidedBy: string;
  /** Absent for an implicit deny. */
  readonly statement?: DecidingStatement;
  /** Which policies decided. */
  readonly policyKind: 'identity' | 'session';
}

/**
 * Decides by policies: any statement that matches and denies wins, else any that allows, else it
 * is denied for want of one. A session's own policy must allow too, and grants nothing.
 */
export function evaluatePolicies(
  request: AccessRequest,
  identity: readonly AttachedPolicy[],
  session?: Policy,
): Decision {
  if (session !== undefined) {
    const narrowed = decide(request, [{ policy: session }], 'session');
    if (narrowed.effect !== 'Allow') return narrowed;
  }
  const policies = identity.map((attached) => ({ policy: attached.policy, attached }));
  return decide(request, policies, 'identity');
}

/** Who wants to assume a role: every name it goes by, such as its own ARN and its account's. */
export interface Assumer {
  readonly kind: PolicyPrincipal['kind'];
  /** `acs:ram::<account>:user/<name>`, `acs:ram::<account>:root` */
  readonly names: readonly string[];
}

/** Decides by a role's trust policy, the same way. */
export function evaluateTrust(
  trust: Policy,
  assumer: Assumer,
  action: string,
  context: Context,
): Decision['effect'] {
  const names = assumer.names.map(withoutRegion);
  const isAbout = ({ principals = [] }: Statement) =>
    principals.some(
      ({ kind, name }) => kind === assumer.kind && names.includes(withoutRegion(name)),
    );
  const effects = trust.statements
    .filter((each) => isAbout(each) && isAboutAction(each, action) && isMet(each, context))
    .map(({ effect }) => effect);
  if (effects.includes('Deny')) return 'ExplicitDeny';
  return effects.includes('Allow') ? 'Allow' : 'ImplicitDeny';
}

interface Source {
  readonly policy: Policy;
  readonly attached?: AttachedPolicy;
}

function decide(
  request: AccessRequest,
  sources: readonly Source[],
  policyKind: Decision['policyKind'],
): Decision {
  let allowing: DecidingStatement | undefined;
  for (const { policy, ...origin } of sources) {
    for (const [index, statement] of policy.statements.entries()) {
      if (statement.effect === 'Allow' && allowing !== undefined) continue;
      if (!matches(statement, request)) continue;
      const found = { ...origin, number: index + 1, statement };
      if (statement.effect === 'Deny') return decided('ExplicitDeny', found, policyKind);
      allowing = found;
    }
  }
  if (allowing !== undefined) return decided('Allow', allowing, policyKind);
  const decidedBy = policyKind === 'session' ? 'ImplicitDeny (session policy)' : 'ImplicitDeny';
  return { effect: 'ImplicitDeny', decidedBy, policyKind };
}

function decided(
  effect: Decision['effect'],
  statement: DecidingStatement,
  policyKind: Decision['policyKind'],
): Decision {
  const { attached, number } = statement;
  const policy =
    attached === undefined
      ? 'session policy'
      : `${attached.type} policy ${attached.name} ${attached.version} of ${attached.attachedTo}`;
  return { effect, decidedBy: `${policy}, statement ${number}`, statement, policyKind };
}

function matches(statement: Statement, { action, resource, context }: AccessRequest): boolean {
  return (
    isAboutAction(statement, action) &&
    statement.resources.some((pattern) => fitsResource(pattern, resource)) &&
    isMet(statement, context)
  );
}

/** Actions are compared without case. */
export function isAboutAction({ actions, exceptActions }: Statement, action: string): boolean {
  const asked = action.toLowerCase();
  return actions.some((pattern) => fits(pattern.toLowerCase(), asked)) !== exceptActions;
}

/**
 * Compares field by field, so that no `*` reaches over into the next field; the last field is all
 * that follows the fourth colon. A pattern's empty region is any. A request for `*` is one for all
 * there is: only a pattern with nothing but `*` in its fields fits.
 */
export function fitsResource(pattern: string, resource: string): boolean {
  if (pattern === '*') return true;
  const wanted = resourceFields(pattern);
  const asked = resource === '*' ? ['acs', '*', '*', '*', '*'] : resourceFields(resource);
  return (
    wanted.length === asked.length &&
    wanted.every((field, index) => fits(index === 2 && field === '' ? '*' : field, asked[index]!))
  );
}

function resourceFields(text: string): string[] {
  const fields = text.split(':');
  return fields.length <= 5 ? fields : [...fields.slice(0, 4), fields.slice(4).join(':')];
}

function isMet({ conditions }: Statement, context: Context): boolean {
  return conditions.every((condition) => holds(condition, context));
}

/** A key that the request lacks matches nothing: negated operators hold, all others do not. */
export function holds({ operator, key, values }: Condition, context: Context): boolean {
  const { matches: matchesValue, negated } = operators.get(operator)!;
  const asked = valuesOf(context, key);
  return asked.some((each) => values.some((wanted) => matchesValue(each, wanted))) !== negated;
}

/** The values that a request has of a key. */
export function valuesOf(context: Context, key: string): readonly string[] {
  const wanted = key.toLowerCase();
  return Object.entries(context)
    .filter(([name]) => name.toLowerCase() === wanted)
    .flatMap(([, value]) => value);
}

/** `acs:ram:*:…` and `acs:ram::…` name the same. */
function withoutRegion(name: string): string {
  return name.replace(/^acs:ram:\*:/, 'acs:ram::');
}
