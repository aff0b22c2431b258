import { z } from 'zod';
import { newAccessKeyPair } from '../../../access-key-pair.ts';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import type { AccessKeyRecord } from '../../access-keys.ts';
import type { Call, Caller, Reads, Writes } from '../../call.ts';
import type { UserRecord } from '../../identity-records.ts';
import type { KeyUseRecord } from '../../key-use.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { directoryOf, readsOf, userOf } from './directory.ts';
import { errorsOf, limits, resources, userAccessKeyId, userName } from './fields.ts';

/**
 * Access keys of users, and of the account itself: the caller's own where UserName is absent.
 */

const owner = userName.optional().describe('The user; absent = the caller.');
const known = { UserName: owner, UserAccessKeyId: userAccessKeyId };
const errors = errorsOf('EntityNotExist.User');
const keyErrors = errorsOf('EntityNotExist.User', 'EntityNotExist.User.AccessKey');

const keyView = { AccessKeyId: z.string(), Status: z.string(), CreateDate: z.string() };

function viewOf({ id, status, createTime }: AccessKeyRecord) {
  return { AccessKeyId: id, Status: status, CreateDate: createTime };
}

function nameOf(given: string | undefined, { principal }: Caller): string | undefined {
  return given ?? (principal.kind === 'user' ? principal.name : undefined);
}

function resource(
  { UserName }: { readonly UserName?: string | undefined },
  account: string,
  caller: Caller,
): string {
  const name = nameOf(UserName, caller);
  return name === undefined ? resources.all(account) : resources.user(name, account);
}

/** Whose keys a call is about: a user's, or (undefined) the account's own. */
async function ownerOf(
  UserName: string | undefined,
  call: Call,
  reads: Reads,
): Promise<UserRecord | undefined> {
  const name = nameOf(UserName, call.caller);
  if (name !== undefined) return userOf(name, call, reads);
  // A role has no access keys; its session's are not its own to manage.
  if (call.caller.principal.kind !== 'root') throw new Refusal('EntityNotExist.User');
  return undefined;
}

/** The ids of an owner's keys; those of the account stand in no record of their own. */
async function idsOf(user: UserRecord | undefined, call: Call): Promise<readonly string[]> {
  if (user !== undefined) return user.accessKeys;
  const ids: string[] = [];
  for await (const { value } of call.list<AccessKeyRecord>(keys.allAccessKeys)) {
    if (value.principal.kind === 'root') ids.push(value.id);
  }
  return ids;
}

/** @throws Refusal EntityNotExist.User.AccessKey, also for another owner's */
async function keyOf(
  input: { readonly UserName?: string | undefined; readonly UserAccessKeyId: string },
  call: Call,
  reads: Reads,
) {
  const user = await ownerOf(input.UserName, call, reads);
  const found = (await reads.get<AccessKeyRecord>(keys.accessKey(input.UserAccessKeyId)))?.value;
  const isOwn =
    user === undefined
      ? found?.principal.kind === 'root' && found.account === call.caller.account
      : user.accessKeys.includes(input.UserAccessKeyId);
  if (found === undefined || !isOwn) throw new Refusal('EntityNotExist.User.AccessKey');
  return { user, record: found };
}

const made = z.object({
  AccessKey: z.object({
    ...keyView,
    AccessKeySecret: z.string().describe('Shown this once.'),
  }),
});

async function create(
  UserName: string | undefined,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof made>>> {
  const user = await ownerOf(UserName, call, reads);
  // Read before the account's keys are looked up, and written: two calls cannot both be last.
  const directory = user === undefined ? [await directoryOf(call, reads)] : [];
  const ids = await idsOf(user, call);
  if (ids.length >= bounds.accessKeysPerUser) throw new Refusal('LimitExceeded.User.AccessKey');
  const { account } = call.caller;
  const { accessKeyId, accessKeySecret } = newAccessKeyPair();
  const key = keys.accessKey(accessKeyId);
  const record: AccessKeyRecord = {
    v: 1,
    id: accessKeyId,
    account,
    principal: user === undefined ? { kind: 'root' } : { kind: 'user', id: user.id },
    secret: call.seal(accessKeySecret, key),
    status: 'Active',
    createTime: isoSeconds(call.now()),
  };
  const owned = user && { ...user, accessKeys: [...ids, accessKeyId] };
  return {
    puts: new Map<string, unknown>([
      [key, record],
      ...(owned === undefined ? [] : [[keys.user(account, owned.name), owned] as const]),
      ...directory,
    ]),
    result: { AccessKey: { ...viewOf(record), AccessKeySecret: accessKeySecret } },
  };
}

export const CreateAccessKey = defineAction({
  name: 'CreateAccessKey',
  product: 'Ram',
  access: 'create',
  summary: 'Makes an access key of a user and answers its secret, once.',
  description: 'A user, and the account itself, may have two at a time, so that they can rotate.',
  input: z.object({ UserName: owner }),
  output: made,
  errors: [...errors, 'LimitExceeded.User.AccessKey'],
  limits,
  resource,
  run: ({ UserName }, call) => call.transact((reads) => create(UserName, call, reads)),
});

export const ListAccessKeys = defineAction({
  name: 'ListAccessKeys',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the access keys of a user, without their secrets.',
  input: z.object({ UserName: owner }),
  output: z.object({ AccessKeys: z.object({ AccessKey: z.array(z.object(keyView)) }) }),
  errors,
  limits,
  resource,
  run: async ({ UserName }, call) => {
    const ids = await idsOf(await ownerOf(UserName, call, readsOf(call)), call);
    const entries = await Promise.all(ids.map((id) => call.store.get(keys.accessKey(id))));
    const AccessKey = entries
      .filter((entry) => entry !== undefined)
      .map((entry) => viewOf(parseRecord<AccessKeyRecord>(entry).value));
    return { AccessKeys: { AccessKey } };
  },
});

export const UpdateAccessKey = defineAction({
  name: 'UpdateAccessKey',
  product: 'Ram',
  access: 'update',
  summary: 'Makes an access key active or inactive; it counts from the next call on.',
  input: z.object({
    ...known,
    Status: z.enum(['Active', 'Inactive']).describe('Inactive: calls with the key are refused.'),
  }),
  output: nothing,
  errors: keyErrors,
  limits,
  resource,
  run: (input, call) =>
    call.transact(async (reads) => {
      const { record } = await keyOf(input, call, reads);
      const key = keys.accessKey(record.id);
      return { puts: new Map([[key, { ...record, status: input.Status }]]), result: {} };
    }),
});

export const DeleteAccessKey = defineAction({
  name: 'DeleteAccessKey',
  product: 'Ram',
  access: 'delete',
  summary: 'Deletes an access key; it ends with the answer.',
  input: z.object(known),
  output: nothing,
  errors: keyErrors,
  limits,
  resource,
  run: (input, call) =>
    call.transact(async (reads) => {
      const { user, record } = await keyOf(input, call, reads);
      const rest = user && {
        ...user,
        accessKeys: user.accessKeys.filter((id) => id !== record.id),
      };
      // The settings of a control plane may still name a root key: it must not come back by them.
      const left: readonly [string, unknown] =
        rest === undefined
          ? [keys.deletedRootKey(record.id), { v: 1, account: record.account }]
          : [keys.user(rest.account, rest.name), rest];
      return {
        puts: new Map([left]),
        deletes: [keys.accessKey(record.id), keys.accessKeyUse(record.id)],
        result: {},
      };
    }),
});

export const GetAccessKeyLastUsed = defineAction({
  name: 'GetAccessKeyLastUsed',
  product: 'Ram',
  access: 'get',
  summary: 'Tells when an access key was last used, to the hour; empty: never.',
  input: z.object(known),
  output: z.object({ AccessKeyLastUsed: z.object({ LastUsedDate: z.string() }) }),
  errors: keyErrors,
  limits,
  resource,
  run: async (input, call) => {
    const reads = readsOf(call);
    const { record } = await keyOf(input, call, reads);
    const use = (await reads.get<KeyUseRecord>(keys.accessKeyUse(record.id)))?.value;
    return { AccessKeyLastUsed: { LastUsedDate: use?.time ?? '' } };
  },
});
