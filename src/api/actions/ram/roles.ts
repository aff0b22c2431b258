import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { RoleRecord } from '../../identity-records.ts';
import { roleArn } from '../../principals.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { counted, newNumber, readsOf, roleOf, sliceOf } from './directory.ts';
import { checkDocument } from './documents.ts';
import {
  errorsOf,
  limits,
  note,
  pageOutput,
  paging,
  policyDocument,
  resources,
  roleName,
} from './fields.ts';

const listed = {
  RoleId: z.string(),
  RoleName: z.string(),
  Arn: z.string(),
  Description: z.string(),
  MaxSessionDuration: z.int(),
  CreateDate: z.string(),
  UpdateDate: z.string(),
};
const oneRole = z.object({
  Role: z.object({
    ...listed,
    AssumeRolePolicyDocument: z.string(),
    AllowConsoleLogin: z.boolean(),
  }),
});

function listedView(role: RoleRecord) {
  return {
    RoleId: role.id,
    RoleName: role.name,
    Arn: roleArn(role.account, role.name),
    Description: role.description,
    MaxSessionDuration: role.maxSessionSeconds,
    CreateDate: role.createTime,
    UpdateDate: role.updateTime,
  };
}

/** There is no console to log in to. */
function viewOf(role: RoleRecord) {
  return { ...listedView(role), AssumeRolePolicyDocument: role.trust, AllowConsoleLogin: false };
}

const description = note(1_024).describe('At most 1,024 characters.');
const trust = policyDocument('The trust policy: who may assume the role');
const maxSession = z.int().min(bounds.sessionSeconds).max(bounds.sessionSecondsMax);
const sessionText = 'How long a session may last at most, 3600 to 43200 seconds.';
const resource = ({ RoleName }: { readonly RoleName: string }, account: string) =>
  resources.role(RoleName, account);

export const CreateRole = defineAction({
  name: 'CreateRole',
  product: 'Ram',
  access: 'create',
  summary: 'Makes a role, whose policies count for whoever has assumed it.',
  input: z.object({
    RoleName: roleName,
    AssumeRolePolicyDocument: trust,
    Description: description,
    MaxSessionDuration: maxSession.default(bounds.sessionSeconds).describe(sessionText),
  }),
  output: oneRole,
  errors: errorsOf('EntityAlreadyExists.Role', 'LimitExceeded.Role', 'MalformedPolicyDocument'),
  limits,
  resource: (_, account) => resources.role('*', account),
  run: async (
    { RoleName, AssumeRolePolicyDocument, Description = '', MaxSessionDuration },
    call,
  ) => {
    checkDocument(AssumeRolePolicyDocument, 'trust', call);
    return call.transact(async (reads) => {
      const { account } = call.caller;
      const key = keys.role(account, RoleName);
      if ((await reads.get(key)) !== undefined) throw new Refusal('EntityAlreadyExists.Role');
      const time = isoSeconds(call.now());
      const role: RoleRecord = {
        v: 1,
        account,
        id: newNumber(),
        name: RoleName,
        description: Description,
        trust: AssumeRolePolicyDocument,
        maxSessionSeconds: MaxSessionDuration,
        policies: [],
        createTime: time,
        updateTime: time,
      };
      const directory = await counted('roles', 1, call, reads);
      return {
        puts: new Map<string, unknown>([[key, role], directory]),
        result: { Role: viewOf(role) },
      };
    });
  },
});

export const GetRole = defineAction({
  name: 'GetRole',
  product: 'Ram',
  access: 'get',
  summary: 'Shows a role with its trust policy.',
  input: z.object({ RoleName: roleName }),
  output: oneRole,
  errors: errorsOf('EntityNotExist.Role'),
  limits,
  resource,
  run: async ({ RoleName }, call) => ({
    Role: viewOf(await roleOf(RoleName, call, readsOf(call))),
  }),
});

export const UpdateRole = defineAction({
  name: 'UpdateRole',
  product: 'Ram',
  access: 'update',
  summary: 'Changes a role; another trust policy counts for sessions to come.',
  input: z.object({
    RoleName: roleName,
    NewAssumeRolePolicyDocument: trust.optional(),
    NewDescription: description,
    NewMaxSessionDuration: maxSession.optional().describe(sessionText),
  }),
  output: oneRole,
  errors: errorsOf('EntityNotExist.Role', 'MalformedPolicyDocument'),
  limits,
  resource,
  run: async (input, call) => {
    const { NewAssumeRolePolicyDocument: newTrust } = input;
    if (newTrust !== undefined) checkDocument(newTrust, 'trust', call);
    return call.transact(async (reads) => {
      const before = await roleOf(input.RoleName, call, reads);
      const role: RoleRecord = {
        ...before,
        trust: newTrust ?? before.trust,
        description: input.NewDescription ?? before.description,
        maxSessionSeconds: input.NewMaxSessionDuration ?? before.maxSessionSeconds,
        updateTime: isoSeconds(call.now()),
      };
      const key = keys.role(role.account, role.name);
      return { puts: new Map([[key, role]]), result: { Role: viewOf(role) } };
    });
  },
});

export const DeleteRole = defineAction({
  name: 'DeleteRole',
  product: 'Ram',
  access: 'delete',
  summary: 'Deletes a role that has no policy any more; its sessions may do nothing from then on.',
  input: z.object({ RoleName: roleName }),
  output: nothing,
  errors: errorsOf('EntityNotExist.Role', 'DeleteConflict.Role.Policy'),
  limits,
  resource,
  run: ({ RoleName }, call) =>
    call.transact(async (reads) => {
      const role = await roleOf(RoleName, call, reads);
      if (role.policies.length > 0) throw new Refusal('DeleteConflict.Role.Policy');
      const directory = await counted('roles', -1, call, reads);
      return {
        puts: new Map([directory]),
        deletes: [keys.role(role.account, role.name)],
        result: {},
      };
    }),
});

export const ListRoles = defineAction({
  name: 'ListRoles',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the roles of the account, by name.',
  input: z.object(paging),
  output: z.object({ Roles: z.object({ Role: z.array(z.object(listed)) }), ...pageOutput }),
  errors: errorsOf(),
  limits,
  resource: (_, account) => resources.role('*', account),
  run: async (input, call) => {
    const prefix = keys.roles(call.caller.account);
    const { items, ...page } = await sliceOf<RoleRecord>(prefix, input, call);
    return { Roles: { Role: items.map(listedView) }, ...page };
  },
});
