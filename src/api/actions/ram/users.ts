import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import type { UserRecord } from '../../identity-records.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { counted, newNumber, readsOf, sliceOf, userOf } from './directory.ts';
import { errorsOf, limits, note, pageOutput, paging, resources, userName } from './fields.ts';

const view = {
  UserId: z.string(),
  UserName: z.string(),
  DisplayName: z.string(),
  Email: z.string(),
  MobilePhone: z.string(),
  Comments: z.string(),
  CreateDate: z.string(),
  UpdateDate: z.string(),
};

function viewOf(user: UserRecord) {
  return {
    UserId: user.id,
    UserName: user.name,
    DisplayName: user.displayName,
    Email: user.email,
    MobilePhone: user.mobilePhone,
    Comments: user.comments,
    CreateDate: user.createTime,
    UpdateDate: user.updateTime,
  };
}

const oneUser = z.object({ User: z.object(view) });

/** LastLoginDate is empty: there is no console to log in to. */
const userShown = z.object({ User: z.object({ ...view, LastLoginDate: z.string() }) });

const notes = {
  displayName: note(128).describe('How people call the user, at most 128 characters.'),
  comments: note(128).describe('At most 128 characters.'),
  email: note(128).describe('Kept and shown; nothing is sent.'),
  mobilePhone: note(32).describe('Kept and shown; nothing is sent.'),
};

export const CreateUser = defineAction({
  name: 'CreateUser',
  product: 'Ram',
  access: 'create',
  summary: 'Makes a user, who may do nothing until a policy is attached.',
  input: z.object({
    UserName: userName,
    DisplayName: notes.displayName,
    Comments: notes.comments,
    Email: notes.email,
    MobilePhone: notes.mobilePhone,
  }),
  output: oneUser,
  errors: errorsOf('EntityAlreadyExists.User', 'LimitExceeded.User'),
  limits,
  resource: (_, account) => resources.user('*', account),
  run: (input, call) =>
    call.transact(async (reads) => {
      const { account } = call.caller;
      const key = keys.user(account, input.UserName);
      if ((await reads.get(key)) !== undefined) throw new Refusal('EntityAlreadyExists.User');
      const time = isoSeconds(call.now());
      const user: UserRecord = {
        v: 1,
        account,
        id: newNumber(),
        name: input.UserName,
        displayName: input.DisplayName ?? '',
        comments: input.Comments ?? '',
        email: input.Email ?? '',
        mobilePhone: input.MobilePhone ?? '',
        accessKeys: [],
        groups: [],
        policies: [],
        createTime: time,
        updateTime: time,
      };
      const directory = await counted('users', 1, call, reads);
      return {
        puts: new Map<string, unknown>([[key, user], directory]),
        result: { User: viewOf(user) },
      };
    }),
});

export const GetUser = defineAction({
  name: 'GetUser',
  product: 'Ram',
  access: 'get',
  summary: 'Shows a user.',
  input: z.object({ UserName: userName }),
  output: userShown,
  errors: errorsOf('EntityNotExist.User'),
  limits,
  resource: ({ UserName }, account) => resources.user(UserName, account),
  run: async ({ UserName }, call) => {
    const user = await userOf(UserName, call, readsOf(call));
    return { User: { ...viewOf(user), LastLoginDate: '' } };
  },
});

const changes = z.object({
  UserName: userName,
  NewUserName: userName.optional().describe('A new name; UserId stays.'),
  NewDisplayName: notes.displayName,
  NewComments: notes.comments,
  NewEmail: notes.email,
  NewMobilePhone: notes.mobilePhone,
});

async function update(
  input: z.infer<typeof changes>,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof oneUser>>> {
  const { account } = call.caller;
  const before = await userOf(input.UserName, call, reads);
  const name = input.NewUserName ?? before.name;
  const key = keys.user(account, name);
  if (name !== before.name && (await reads.get(key)) !== undefined) {
    throw new Refusal('EntityAlreadyExists.User');
  }
  const user: UserRecord = {
    ...before,
    name,
    displayName: input.NewDisplayName ?? before.displayName,
    comments: input.NewComments ?? before.comments,
    email: input.NewEmail ?? before.email,
    mobilePhone: input.NewMobilePhone ?? before.mobilePhone,
    updateTime: isoSeconds(call.now()),
  };
  return {
    puts: new Map([[key, user]]),
    deletes: name === before.name ? [] : [keys.user(account, before.name)],
    result: { User: viewOf(user) },
  };
}

export const UpdateUser = defineAction({
  name: 'UpdateUser',
  product: 'Ram',
  access: 'update',
  summary: 'Changes a user, or its name; access keys, groups and policies stay with it.',
  input: changes,
  output: oneUser,
  errors: errorsOf('EntityNotExist.User', 'EntityAlreadyExists.User'),
  limits,
  resource: ({ UserName, NewUserName = UserName }, account) => [
    resources.user(UserName, account),
    resources.user(NewUserName, account),
  ],
  run: (input, call) => call.transact((reads) => update(input, call, reads)),
});

export const DeleteUser = defineAction({
  name: 'DeleteUser',
  product: 'Ram',
  access: 'delete',
  summary: 'Deletes a user that has no access key, group and policy any more.',
  input: z.object({ UserName: userName }),
  output: nothing,
  errors: errorsOf(
    'EntityNotExist.User',
    'DeleteConflict.User.Group',
    'DeleteConflict.User.AccessKey',
    'DeleteConflict.User.Policy',
  ),
  limits,
  resource: ({ UserName }, account) => resources.user(UserName, account),
  run: ({ UserName }, call) =>
    call.transact(async (reads) => {
      const user = await userOf(UserName, call, reads);
      if (user.groups.length > 0) throw new Refusal('DeleteConflict.User.Group');
      if (user.accessKeys.length > 0) throw new Refusal('DeleteConflict.User.AccessKey');
      if (user.policies.length > 0) throw new Refusal('DeleteConflict.User.Policy');
      const directory = await counted('users', -1, call, reads);
      return {
        puts: new Map([directory]),
        deletes: [keys.user(user.account, user.name)],
        result: {},
      };
    }),
});

export const ListUsers = defineAction({
  name: 'ListUsers',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the users of the account, by name.',
  input: z.object(paging),
  output: z.object({ Users: z.object({ User: z.array(z.object(view)) }), ...pageOutput }),
  errors: errorsOf(),
  limits,
  resource: (_, account) => resources.user('*', account),
  run: async (input, call) => {
    const { items, ...page } = await sliceOf<UserRecord>(
      keys.users(call.caller.account),
      input,
      call,
    );
    return { Users: { User: items.map(viewOf) }, ...page };
  },
});
