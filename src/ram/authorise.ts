import {
  type AccessRequest,
  type AttachedPolicy,
  type Decision,
  evaluatePolicies,
} from './evaluate.ts';
import type { Policy } from './policy.ts';

/** Whom a decision is about, and what it rests on. */
export type Principal =
  | { readonly kind: 'root' }
  | { readonly kind: 'forwarder'; readonly site: string }
  | {
      readonly kind: 'identity';
      /** Of the user and all its groups, or of the role. */
      readonly policies: readonly AttachedPolicy[];
      /** Of a role's session that was given one. */
      readonly session?: Policy;
    };

const forwarderActions = ['sluice:WatchSite', 'sluice:ReportSite'];

/**
 * Decides a call. The account itself may do all, and no policy is looked at; a forwarder may watch
 * and report the site it was registered for (`*`: every site), and nothing else; users and roles
 * may do what their policies allow.
 */
export function authorise(principal: Principal, request: AccessRequest): Decision {
  if (principal.kind === 'identity') {
    return evaluatePolicies(request, principal.policies, principal.session);
  }
  if (principal.kind === 'root') {
    return { effect: 'Allow', decidedBy: 'account', policyKind: 'identity' };
  }
  const isOwn = principal.site === '*' || request.resource.endsWith(`:site/${principal.site}`);
  return forwarderActions.includes(request.action) && isOwn
    ? { effect: 'Allow', decidedBy: 'forwarder', policyKind: 'identity' }
    : { effect: 'ImplicitDeny', decidedBy: 'ImplicitDeny', policyKind: 'identity' };
}
