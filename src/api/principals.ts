import type { Context } from '../ram/evaluate.ts';
import { isoSeconds } from '../signing.ts';
import type { Caller } from './call.ts';

/** The ARN of a role. */
export function roleArn(account: string, name: string): string {
  return `acs:ram::${account}:role/${name}`;
}

/** The ARN that GetCallerIdentity tells, and that `acs:PrincipalARN` compares. */
export function arnOf({ account, principal }: Pick<Caller, 'account' | 'principal'>): string {
  switch (principal.kind) {
    case 'root':
      return `acs:ram::${account}:root`;
    case 'user':
      return `acs:ram::${account}:user/${principal.name}`;
    case 'role':
      return `acs:ram::${account}:assumed-role/${principal.name}/${principal.session}`;
    case 'forwarder':
      return `acs:sluice::${account}:forwarder/${principal.site}/${principal.name}`;
  }
}

/** The condition keys that a call can have. */
export const conditionKeys = [
  'acs:SourceIp',
  'acs:SecureTransport',
  'acs:CurrentTime',
  'acs:MFAPresent',
  'acs:PrincipalARN',
] as const;

/**
 * The condition keys that every call has.
 * @param now Unix milliseconds
 */
export function contextOf(caller: Caller, now: number): Context {
  return {
    'acs:SourceIp': caller.sourceIp,
    'acs:SecureTransport': String(caller.secure),
    'acs:CurrentTime': isoSeconds(now),
    'acs:MFAPresent': 'false',
    'acs:PrincipalARN': arnOf(caller),
  } satisfies Record<(typeof conditionKeys)[number], string>;
}
