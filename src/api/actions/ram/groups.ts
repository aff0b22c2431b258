import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import type { GroupRecord } from '../../identity-records.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { counted, groupOf, newNumber, readsOf, sliceOf } from './directory.ts';
import { errorsOf, groupName, limits, note, pageOutput, paging, resources } from './fields.ts';

const view = {
  GroupId: z.string(),
  GroupName: z.string(),
  Comments: z.string(),
  CreateDate: z.string(),
  UpdateDate: z.string(),
};

function viewOf(group: GroupRecord) {
  return {
    GroupId: group.id,
    GroupName: group.name,
    Comments: group.comments,
    CreateDate: group.createTime,
    UpdateDate: group.updateTime,
  };
}

const oneGroup = z.object({ Group: z.object(view) });
const comments = note(128).describe('At most 128 characters.');

export const CreateGroup = defineAction({
  name: 'CreateGroup',
  product: 'Ram',
  access: 'create',
  summary: 'Makes a group: its policies are those of all users in it.',
  input: z.object({ GroupName: groupName, Comments: comments }),
  output: oneGroup,
  errors: errorsOf('EntityAlreadyExists.Group', 'LimitExceeded.Group'),
  limits,
  resource: (_, account) => resources.group('*', account),
  run: ({ GroupName, Comments = '' }, call) =>
    call.transact(async (reads) => {
      const { account } = call.caller;
      const key = keys.group(account, GroupName);
      if ((await reads.get(key)) !== undefined) throw new Refusal('EntityAlreadyExists.Group');
      const time = isoSeconds(call.now());
      const group: GroupRecord = {
        v: 1,
        account,
        id: newNumber(),
        name: GroupName,
        comments: Comments,
        members: 0,
        policies: [],
        createTime: time,
        updateTime: time,
      };
      const directory = await counted('groups', 1, call, reads);
      return {
        puts: new Map<string, unknown>([[key, group], directory]),
        result: { Group: viewOf(group) },
      };
    }),
});

export const GetGroup = defineAction({
  name: 'GetGroup',
  product: 'Ram',
  access: 'get',
  summary: 'Shows a group.',
  input: z.object({ GroupName: groupName }),
  output: oneGroup,
  errors: errorsOf('EntityNotExist.Group'),
  limits,
  resource: ({ GroupName }, account) => resources.group(GroupName, account),
  run: async ({ GroupName }, call) => ({
    Group: viewOf(await groupOf(GroupName, call, readsOf(call))),
  }),
});

const changes = z.object({
  GroupName: groupName,
  NewGroupName: groupName.optional().describe('A new name; GroupId stays.'),
  NewComments: comments,
});

async function update(
  input: z.infer<typeof changes>,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof oneGroup>>> {
  const { account } = call.caller;
  const before = await groupOf(input.GroupName, call, reads);
  const name = input.NewGroupName ?? before.name;
  const key = keys.group(account, name);
  if (name !== before.name && (await reads.get(key)) !== undefined) {
    throw new Refusal('EntityAlreadyExists.Group');
  }
  const group: GroupRecord = {
    ...before,
    name,
    comments: input.NewComments ?? before.comments,
    updateTime: isoSeconds(call.now()),
  };
  return {
    puts: new Map([[key, group]]),
    deletes: name === before.name ? [] : [keys.group(account, before.name)],
    result: { Group: viewOf(group) },
  };
}

export const UpdateGroup = defineAction({
  name: 'UpdateGroup',
  product: 'Ram',
  access: 'update',
  summary: 'Changes a group, or its name; its users and policies stay with it.',
  input: changes,
  output: oneGroup,
  errors: errorsOf('EntityNotExist.Group', 'EntityAlreadyExists.Group'),
  limits,
  resource: ({ GroupName, NewGroupName = GroupName }, account) => [
    resources.group(GroupName, account),
    resources.group(NewGroupName, account),
  ],
  run: (input, call) => call.transact((reads) => update(input, call, reads)),
});

export const DeleteGroup = defineAction({
  name: 'DeleteGroup',
  product: 'Ram',
  access: 'delete',
  summary: 'Deletes a group that has no user and no policy any more.',
  input: z.object({ GroupName: groupName }),
  output: nothing,
  errors: errorsOf(
    'EntityNotExist.Group',
    'DeleteConflict.Group.User',
    'DeleteConflict.Group.Policy',
  ),
  limits,
  resource: ({ GroupName }, account) => resources.group(GroupName, account),
  run: ({ GroupName }, call) =>
    call.transact(async (reads) => {
      const group = await groupOf(GroupName, call, reads);
      if (group.members > 0) throw new Refusal('DeleteConflict.Group.User');
      if (group.policies.length > 0) throw new Refusal('DeleteConflict.Group.Policy');
      const directory = await counted('groups', -1, call, reads);
      return {
        puts: new Map([directory]),
        deletes: [keys.group(group.account, group.name)],
        result: {},
      };
    }),
});

export const ListGroups = defineAction({
  name: 'ListGroups',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the groups of the account, by name.',
  input: z.object(paging),
  output: z.object({ Groups: z.object({ Group: z.array(z.object(view)) }), ...pageOutput }),
  errors: errorsOf(),
  limits,
  resource: (_, account) => resources.group('*', account),
  run: async (input, call) => {
    const prefix = keys.groups(call.caller.account);
    const { items, ...page } = await sliceOf<GroupRecord>(prefix, input, call);
    return { Groups: { Group: items.map(viewOf) }, ...page };
  },
});
