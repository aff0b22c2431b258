import type { Action } from '../action.ts';
import { ClearAccountAlias, GetAccountAlias, SetAccountAlias } from './alias.ts';
import { attachmentActions } from './attachments.ts';
import { DeleteLoginProfile, UnbindMFADevice } from './console-access.ts';
import { DecodeDiagnosticMessage } from './diagnostics.ts';
import { CreateGroup, DeleteGroup, GetGroup, ListGroups, UpdateGroup } from './groups.ts';
import {
  CreateAccessKey,
  DeleteAccessKey,
  GetAccessKeyLastUsed,
  ListAccessKeys,
  UpdateAccessKey,
} from './keys.ts';
import {
  AddUserToGroup,
  ListGroupsForUser,
  ListUsersForGroup,
  RemoveUserFromGroup,
} from './members.ts';
import { CreatePolicy, DeletePolicy, GetPolicy, ListPolicies } from './policies.ts';
import {
  CreatePolicyVersion,
  DeletePolicyVersion,
  GetPolicyVersion,
  ListPolicyVersions,
  SetDefaultPolicyVersion,
} from './policy-versions.ts';
import { CreateRole, DeleteRole, GetRole, ListRoles, UpdateRole } from './roles.ts';
import { CreateUser, DeleteUser, GetUser, ListUsers, UpdateUser } from './users.ts';

/** Resource Access Management: who may do what. */
export const ramActions: readonly Action[] = [
  CreateUser,
  GetUser,
  UpdateUser,
  DeleteUser,
  DeleteLoginProfile,
  UnbindMFADevice,
  ListUsers,
  CreateAccessKey,
  ListAccessKeys,
  UpdateAccessKey,
  DeleteAccessKey,
  GetAccessKeyLastUsed,
  CreateGroup,
  GetGroup,
  UpdateGroup,
  DeleteGroup,
  ListGroups,
  AddUserToGroup,
  RemoveUserFromGroup,
  ListGroupsForUser,
  ListUsersForGroup,
  CreatePolicy,
  GetPolicy,
  ListPolicies,
  DeletePolicy,
  CreatePolicyVersion,
  GetPolicyVersion,
  ListPolicyVersions,
  SetDefaultPolicyVersion,
  DeletePolicyVersion,
  ...attachmentActions,
  CreateRole,
  GetRole,
  UpdateRole,
  DeleteRole,
  ListRoles,
  GetAccountAlias,
  SetAccountAlias,
  ClearAccountAlias,
  DecodeDiagnosticMessage,
];
