import type { Principal } from '../ram/authorise.ts';
import type { AccessRequest, Context, Decision } from '../ram/evaluate.ts';
import { isoSeconds } from '../signing.ts';
import { type Action, ramName } from './actions/action.ts';
import type { Caller } from './call.ts';
import type { Diagnoses, Diagnosis } from './diagnoses.ts';
import { ApiError } from './errors.ts';
import type { LoadBalancerSites } from './load-balancer-sites.ts';

export interface AuthoriseOptions {
  readonly authorise: (principal: Principal, request: AccessRequest) => Decision;
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
  const principal = grantsOf(caller);
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

/** What a caller's rights rest on. */
function grantsOf({ principal }: Caller): Principal {
  return principal;
}

/**
 * The condition keys that every call has.
 * @param now Unix milliseconds
 */
function contextOf(caller: Caller, now: number): Context {
  return {
    'acs:SourceIp': caller.sourceIp,
    'acs:SecureTransport': String(caller.secure),
    'acs:CurrentTime': isoSeconds(now),
    'acs:MFAPresent': 'false',
  };
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
  { account, principal }: Caller,
  { action, resource, context }: AccessRequest,
  { effect, policyKind, statement }: Decision,
): Diagnosis {
  const { attached, statement: matched } = statement ?? {};
  return {
    AuthAction: action,
    AuthResource: resource,
    AuthPrincipal: {
      AuthPrincipalType: 'SubUser',
      AuthPrincipalOwnerId: account,
      AuthPrincipalDisplayName:
        principal.kind === 'forwarder' ? `forwarder:${principal.name}` : account,
    },
    AuthConditions: Object.entries(context).map(([ConditionKey, values]) => ({
      ConditionKey,
      ConditionValues: [values].flat(),
    })),
    ExplicitDeny: effect === 'ExplicitDeny',
    NoPermissionPolicyType:
      policyKind === 'session' ? 'SessionPolicy' : 'AccountLevelIdentityBasedPolicy',
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
