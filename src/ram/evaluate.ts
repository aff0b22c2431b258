/** Who asks, for what, on which resource. */
export interface AccessRequest {
  readonly principal:
    | { readonly kind: 'root' }
    | { readonly kind: 'forwarder'; readonly site: string; readonly name: string };
  /** `ens:RemoveBackendServers` */
  readonly action: string;
  /** `acs:sluice:<site>:<account>:site/<site>` or `*` */
  readonly resource: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Names the statement (or its absence) that decided; kept in the audit record. */
  readonly decidedBy: string;
}

const forwarderActions = ['sluice:WatchSite', 'sluice:ReportSite'];

/**
 * Decides a call. The account itself may do all; a forwarder may watch and report the site it was
 * registered for (`*`: every site); everything else is denied for want of an allowing statement.
 */
export function evaluate({ principal, action, resource }: AccessRequest): Decision {
  if (principal.kind === 'root') return { allowed: true, decidedBy: 'account' };
  const own = principal.site === '*' || resource.endsWith(`:site/${principal.site}`);
  return forwarderActions.includes(action) && own
    ? { allowed: true, decidedBy: 'forwarder' }
    : { allowed: false, decidedBy: 'ImplicitDeny' };
}
