import { z } from 'zod';
import type { Caller } from '../../call.ts';
import { arnOf } from '../../principals.ts';
import { defineAction } from '../action.ts';
import { limits } from '../ram/fields.ts';
import { AssumeRole } from './assume-role.ts';

/** What GetCallerIdentity tells of each kind of caller. */
function identityOf({ account, principal }: Caller) {
  switch (principal.kind) {
    case 'root':
      return { IdentityType: 'Account', PrincipalId: account };
    case 'user':
      return { IdentityType: 'RAMUser', PrincipalId: principal.id, UserId: principal.id };
    case 'role':
      return {
        IdentityType: 'AssumedRoleUser',
        PrincipalId: `${principal.id}:${principal.session}`,
        RoleId: principal.id,
      };
    case 'forwarder':
      return { IdentityType: 'Forwarder', PrincipalId: `${principal.site}/${principal.name}` };
  }
}

const GetCallerIdentity = defineAction({
  name: 'GetCallerIdentity',
  product: 'Sts',
  access: 'get',
  summary: 'Tells who the caller is.',
  input: z.object({}),
  output: z.object({
    IdentityType: z.string().describe('Account, RAMUser, AssumedRoleUser or Forwarder.'),
    AccountId: z.string(),
    PrincipalId: z.string(),
    UserId: z.string().optional(),
    RoleId: z.string().optional(),
    Arn: z.string(),
  }),
  errors: [],
  limits,
  forEverybody: true,
  run: async (_, { caller }) => ({
    ...identityOf(caller),
    AccountId: caller.account,
    Arn: arnOf(caller),
  }),
});

/** Security Token Service: who is calling, and temporary access keys. */
export const stsActions = [AssumeRole, GetCallerIdentity];
