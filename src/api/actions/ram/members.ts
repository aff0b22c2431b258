import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads } from '../../call.ts';
import type { GroupRecord, UserRecord } from '../../identity-records.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { groupOf, readsOf, userOf } from './directory.ts';
import { errorsOf, groupName, limits, pageOutput, paging, resources, userName } from './fields.ts';

/** Who is in which group. A user's record says it; the group's counts, so that both must agree. */

const both = z.object({ UserName: userName, GroupName: groupName });

const resource = ({ UserName, GroupName }: z.infer<typeof both>, account: string) => [
  resources.user(UserName, account),
  resources.group(GroupName, account),
];

async function bothOf({ UserName, GroupName }: z.infer<typeof both>, call: Call, reads: Reads) {
  const user = await userOf(UserName, call, reads);
  const group = await groupOf(GroupName, call, reads);
  return { user, group, isIn: user.groups.some(({ id }) => id === group.id) };
}

function putsOf(user: UserRecord, group: GroupRecord): Map<string, unknown> {
  return new Map<string, unknown>([
    [keys.user(user.account, user.name), user],
    [keys.group(group.account, group.name), group],
  ]);
}

export const AddUserToGroup = defineAction({
  name: 'AddUserToGroup',
  product: 'Ram',
  access: 'update',
  summary: "Puts a user into a group: the group's policies count for the user too.",
  input: both,
  output: nothing,
  errors: errorsOf(
    'EntityNotExist.User',
    'EntityNotExist.Group',
    'EntityAlreadyExists.User.Group',
    'LimitExceeded.User.Group',
  ),
  limits,
  resource,
  run: (input, call) =>
    call.transact(async (reads) => {
      const { user, group, isIn } = await bothOf(input, call, reads);
      if (isIn) throw new Refusal('EntityAlreadyExists.User.Group');
      if (user.groups.length >= bounds.groupsPerUser) {
        throw new Refusal('LimitExceeded.User.Group');
      }
      const groups = [...user.groups, { id: group.id, date: isoSeconds(call.now()) }];
      const members = group.members + 1;
      return { puts: putsOf({ ...user, groups }, { ...group, members }), result: {} };
    }),
});

export const RemoveUserFromGroup = defineAction({
  name: 'RemoveUserFromGroup',
  product: 'Ram',
  access: 'update',
  summary: 'Takes a user out of a group.',
  input: both,
  output: nothing,
  errors: errorsOf('EntityNotExist.User', 'EntityNotExist.Group', 'EntityNotExist.User.Group'),
  limits,
  resource,
  run: (input, call) =>
    call.transact(async (reads) => {
      const { user, group, isIn } = await bothOf(input, call, reads);
      if (!isIn) throw new Refusal('EntityNotExist.User.Group');
      const groups = user.groups.filter(({ id }) => id !== group.id);
      const members = group.members - 1;
      return { puts: putsOf({ ...user, groups }, { ...group, members }), result: {} };
    }),
});

const joined = { GroupName: z.string(), Comments: z.string(), JoinDate: z.string() };

export const ListGroupsForUser = defineAction({
  name: 'ListGroupsForUser',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the groups that a user is in.',
  input: z.object({ UserName: userName }),
  output: z.object({
    Groups: z.object({ Group: z.array(z.object({ GroupId: z.string(), ...joined })) }),
  }),
  errors: errorsOf('EntityNotExist.User'),
  limits,
  resource: ({ UserName }, account) => resources.user(UserName, account),
  run: async ({ UserName }, call) => {
    const user = await userOf(UserName, call, readsOf(call));
    const Group = [];
    for await (const { value } of call.list<GroupRecord>(keys.groups(user.account))) {
      const membership = user.groups.find(({ id }) => id === value.id);
      if (membership === undefined) continue;
      const { id: GroupId, name: GroupName, comments: Comments } = value;
      Group.push({ GroupId, GroupName, Comments, JoinDate: membership.date });
    }
    return { Groups: { Group } };
  },
});

export const ListUsersForGroup = defineAction({
  name: 'ListUsersForGroup',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the users that are in a group, by name.',
  input: z.object({ GroupName: groupName, ...paging }),
  output: z.object({
    Users: z.object({
      User: z.array(
        z.object({ UserName: z.string(), DisplayName: z.string(), JoinDate: z.string() }),
      ),
    }),
    ...pageOutput,
  }),
  errors: errorsOf('EntityNotExist.Group'),
  limits,
  resource: ({ GroupName }, account) => resources.group(GroupName, account),
  run: async ({ GroupName, Marker = '', MaxItems }, call) => {
    const group = await groupOf(GroupName, call, readsOf(call));
    const User = [];
    for await (const { value } of call.list<UserRecord>(keys.users(group.account))) {
      const membership = value.groups.find(({ id }) => id === group.id);
      if (membership === undefined || value.name <= Marker) continue;
      const last = User.at(-1);
      if (last !== undefined && User.length === MaxItems) {
        return { Users: { User }, IsTruncated: true, Marker: last.UserName };
      }
      const { name: UserName, displayName: DisplayName } = value;
      User.push({ UserName, DisplayName, JoinDate: membership.date });
    }
    return { Users: { User }, IsTruncated: false };
  },
});
