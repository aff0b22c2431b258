import type { Principal } from '../ram/authorise.ts';
import type { AccessRequest, Decision } from '../ram/evaluate.ts';
import { parsePolicy } from '../ram/policy.ts';
import { type Action, ramName } from './actions/action.ts';
import type { Caller } from './call.ts';
import { type Diagnoses, type Diagnosis, policyTypeOf } from './diagnoses.ts';
import { ApiError } from './errors.ts';
import type { Identities } from './identities.ts';
import type { LoadBalancerSites } from './load-balancer-sites.ts';
import { contextOf } from './principals.ts';

export interface AuthoriseOptions {
  readonly authorise: (principal: Principal, request: AccessRequest) => Decision;
  readonly identities: Pick<Identities, 'policiesOf'>;
  readonly sites: Pick<LoadBalancerSites, 'placed'>;
  readonly diagnoses: Pick<Diagnoses, 'seal'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/**
 * Lets a call pass or not, before anything of the action runs: dry runs are asked alike. Every
 * resource that the call names must be allowed.
 * @returns what allowed the call, for the audit record
 * @throws ApiError NoPermission; StoreUnavailable
 */
export async function authorise(
  options: AuthoriseOptions,
  action: Action,
  input: Record<string, unknown>,
  caller: Caller,
): Promise<string> {
  if (action.forEverybody) return 'everybody';
  const principal = grantsOf(options.identities, caller);
  const context = contextOf(caller, options.now());
  const named = [action.resource?.(input, caller.account, caller) ?? '*'].flat();
  const allowedBy: string[] = [];
  for (const each of named) {
    // The account itself and forwarders are decided without: the path of most calls.
    const resource = principal.kind === 'identity' ? await options.sites.placed(each) : each;
    const request = { action: ramName(action), resource, context };
    const decision = options.authorise(principal, request);
    if (decision.effect !== 'Allow') throw denial(action, caller, request, decision, options);
    allowedBy.push(decision.decidedBy);
  }
  return [...new Set(allowedBy)].join('; ');
}

/**
 * What a caller's rights rest on.
 * @throws Error for a policy that cannot be read
 */
function grantsOf(
  identities: AuthoriseOptions['identities'],
  { account, principal, sessionPolicy }: Caller,
): Principal {
  if (principal.kind === 'root' || principal.kind === 'forwarder') return principal;
  const policies = identities.policiesOf(account, principal);
  return sessionPolicy === undefined
    ? { kind: 'identity', policies }
    : { kind: 'identity', policies, session: parsePolicy(sessionPolicy, 'session') };
}

function displayNameOf({ account, principal }: Caller): string {
  switch (principal.kind) {
    case 'root':
      return account;
    case 'user':
      return principal.id;
    case 'role':
      return `${principal.name}:${principal.session}`;
    case 'forwarder':
      return `forwarder:${principal.name}`;
  }
}

function denial(
  action: Action,
  caller: Caller,
  request: AccessRequest,
  decision: Decision,
  { diagnoses }: AuthoriseOptions,
): ApiError {
  const diagnosis = diagnose(caller, request, decision);
  return new ApiError(action.product === 'Ens' ? 'NoPermission' : 'Forbidden.NoPermission', {
    decidedBy: decision.decidedBy,
    // Clients crash unless each of these is a text.
    accessDenied: {
      AuthAction: diagnosis.AuthAction,
      ...diagnosis.AuthPrincipal,
      PolicyType: diagnosis.NoPermissionPolicyType,
      NoPermissionType: decision.effect,
      EncodedDiagnosticMessage: diagnoses.seal(diagnosis),
    },
  });
}

function diagnose(
  caller: Caller,
  { action, resource, context }: AccessRequest,
  decision: Decision,
): Diagnosis {
  const { attached, statement: matched } = decision.statement ?? {};
  return {
    AuthAction: action,
    AuthResource: resource,
    AuthPrincipal: {
      AuthPrincipalType: caller.principal.kind === 'role' ? 'AssumedRoleUser' : 'SubUser',
      AuthPrincipalOwnerId: caller.account,
      AuthPrincipalDisplayName: displayNameOf(caller),
    },
    AuthConditions: Object.entries(context).map(([ConditionKey, values]) => ({
      ConditionKey,
      ConditionValues: [values].flat(),
    })),
    ExplicitDeny: decision.effect === 'ExplicitDeny',
    NoPermissionPolicyType: policyTypeOf(decision),
    MatchedPolicies:
      attached === undefined || matched === undefined
        ? []
        : [
            {
              AttachedEntityType: entityTypeOf(attached.attachedTo),
              AttachedScope: 'Account',
              Effect: matched.effect,
              PolicyIdentifier: attached.name,
              PolicyType: attached.type,
              PolicyVersion: attached.version,
            },
          ],
  };
}

const entityTypes = new Map([
  ['user', 'RamUser'],
  ['group', 'RamGroup'],
  ['role', 'RamRole'],
]);

function entityTypeOf(attachedTo: string): string {
  return entityTypes.get(attachedTo.split('/')[0] ?? '') ?? '';
}
