import type { AuditRecord } from '../audit-records.ts';

/** ActionTrail's userIdentity (gateway.md, section 12). */
export interface UserIdentity {
  readonly type: string;
  readonly principalId: string;
  readonly accountId: string;
  readonly userName: string;
  readonly accessKeyId: string;
}

/** Who called, as ActionTrail says it. A forwarder is part of the system, by its own name. */
export function userIdentity({ principal, account, accessKeyId }: Caller): UserIdentity {
  const common = { accountId: account, accessKeyId };
  switch (principal.kind) {
    case 'root':
      return { type: 'root-account', principalId: account, userName: 'root', ...common };
    case 'forwarder': {
      const name = `forwarder:${principal.site}/${principal.name}`;
      return { type: 'system', principalId: name, userName: name, ...common };
    }
    case 'user':
      return {
        type: 'ram-user',
        principalId: principal.id,
        userName: principal.name,
        ...common,
      };
    case 'role':
      return {
        type: 'assumed-role',
        principalId: `${principal.id}:${principal.session}`,
        userName: `${principal.name}:${principal.session}`,
        ...common,
      };
  }
}

type Caller = Pick<AuditRecord, 'principal' | 'account' | 'accessKeyId'>;
