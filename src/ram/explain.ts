import {
  type AccessRequest,
  type AttachedPolicy,
  type Context,
  type Decision,
  fitsResource,
  holds,
  isAboutAction,
  valuesOf,
} from './evaluate.ts';
import { operators } from './operators.ts';
import type { Condition, Policy, Statement } from './policy.ts';

/** A decision in sentences, for the one who manages policies. */
export interface Explanation {
  /** What decided. */
  readonly reason: string;
  /** What would have to change for another decision. */
  readonly remedy: string;
}

/**
 * Says why a decision is what it is. Where no statement allows the request, the remedy is what
 * the one that comes nearest lacks.
 * @param identity and `session` are those that the decision rests on
 */
export function explain(
  decision: Decision,
  request: AccessRequest,
  identity: readonly AttachedPolicy[],
  session?: Policy,
): Explanation {
  const asked = `${request.action} on ${request.resource}`;
  const { effect, decidedBy, policyKind, statement } = decision;
  if (effect === 'Allow') {
    return {
      reason: `${decidedBy} allows ${asked}, and none denies it.`,
      remedy: 'To deny it, add a statement that does, or change each that allows it.',
    };
  }
  if (effect === 'ExplicitDeny') {
    const isConditional = (statement?.statement.conditions.length ?? 0) > 0;
    const otherwise = isConditional ? ', or call so that its Condition does not hold' : '';
    return {
      reason: `${decidedBy} denies ${asked}, whatever others allow.`,
      remedy: `Narrow this statement or take it away${otherwise}.`,
    };
  }
  if (policyKind === 'session' && session !== undefined) {
    const near = nearest(request, [{ place: 'session policy', policy: session }]);
    return {
      reason: `No statement of the session policy allows ${asked}.`,
      remedy: near ?? `Assume the role with a session policy that allows ${asked}, or with none.`,
    };
  }
  const near = nearest(
    request,
    identity.map(({ type, name, attachedTo, policy }) => ({
      place: `${type} policy ${name} of ${attachedTo}`,
      policy,
    })),
  );
  return {
    reason: `No statement of an attached policy allows ${asked}.`,
    remedy: near ?? `Attach a policy that allows ${asked}.`,
  };
}

/** What the allowing statement about this action that lacks least would need; if there is one. */
function nearest(
  request: AccessRequest,
  sources: readonly { readonly place: string; readonly policy: Policy }[],
): string | undefined {
  const candidates = sources.flatMap(({ place, policy }) =>
    policy.statements.flatMap((statement, index) =>
      statement.effect === 'Allow' && isAboutAction(statement, request.action)
        ? [{ place: `Statement ${index + 1} of the ${place}`, lacks: lacksOf(statement, request) }]
        : [],
    ),
  );
  const [best] = candidates.toSorted((a, b) => a.lacks.length - b.lacks.length);
  return best && `${best.place} would allow it if ${best.lacks.join(' and ')}.`;
}

function lacksOf({ resources, conditions }: Statement, request: AccessRequest): string[] {
  const isCovered = resources.some((pattern) => fitsResource(pattern, request.resource));
  return [
    ...(isCovered ? [] : [`its Resource covered ${request.resource}`]),
    ...conditions
      .filter((condition) => !holds(condition, request.context))
      .map((condition) => conditionText(condition, request.context)),
  ];
}

/** `acs:SourceIp were, by IpAddress, 10.0.0.0/8 (it is 192.0.2.1)` */
function conditionText({ operator, key, values }: Condition, context: Context): string {
  const none = operators.get(operator)?.negated ? 'none of ' : '';
  const asked = valuesOf(context, key);
  const is = asked.length === 0 ? 'the call has none' : `it is ${asked.join(', ')}`;
  return `${key} were, by ${operator}, ${none}${values.join(' or ')} (${is})`;
}
