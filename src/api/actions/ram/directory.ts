import { randomInt } from 'node:crypto';
import { Refusal } from '../../../elb/refusal.ts';
import { limits } from '../../../limits.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import type { Call, Reads } from '../../call.ts';
import type {
  DirectoryRecord,
  GroupRecord,
  PolicyRecord,
  RoleRecord,
  UserRecord,
} from '../../identity-records.ts';

/** How the actions of RAM find, count and list what an account has. */

type Kind = 'users' | 'groups' | 'roles' | 'policies';

const bounds = {
  users: { most: limits.users, code: 'LimitExceeded.User' },
  groups: { most: limits.groups, code: 'LimitExceeded.Group' },
  roles: { most: limits.roles, code: 'LimitExceeded.Role' },
  policies: { most: limits.policies, code: 'LimitExceeded.Policy' },
} as const;

/**
 * The account's directory with one more or one less of a kind, to be written along: whoever makes
 * another one meanwhile counts anew.
 * @throws Refusal LimitExceeded.…
 */
export async function counted(
  kind: Kind,
  by: 1 | -1,
  call: Call,
  reads: Reads,
): Promise<readonly [key: string, value: DirectoryRecord]> {
  const [key, before] = await directoryOf(call, reads);
  const count = before[kind] + by;
  const { most, code } = bounds[kind];
  if (by > 0 && count > most) throw new Refusal(code);
  return [key, { ...before, [kind]: count }];
}

/** The account's directory; an empty one where it has none yet. */
export async function directoryOf(
  { caller: { account } }: Call,
  reads: Reads,
): Promise<readonly [key: string, value: DirectoryRecord]> {
  const key = keys.directory(account);
  const none = { v: 1, account, users: 0, groups: 0, roles: 0, policies: 0 } as const;
  return [key, (await reads.get<DirectoryRecord>(key))?.value ?? none];
}

/** @throws Refusal EntityNotExist.User */
export async function userOf(name: string, call: Call, reads: Reads): Promise<UserRecord> {
  const found = await reads.get<UserRecord>(keys.user(call.caller.account, name));
  if (found === undefined) throw new Refusal('EntityNotExist.User');
  return found.value;
}

/** @throws Refusal EntityNotExist.Group */
export async function groupOf(name: string, call: Call, reads: Reads): Promise<GroupRecord> {
  const found = await reads.get<GroupRecord>(keys.group(call.caller.account, name));
  if (found === undefined) throw new Refusal('EntityNotExist.Group');
  return found.value;
}

/** @throws Refusal EntityNotExist.Role */
export async function roleOf(name: string, call: Call, reads: Reads): Promise<RoleRecord> {
  const found = await reads.get<RoleRecord>(keys.role(call.caller.account, name));
  if (found === undefined) throw new Refusal('EntityNotExist.Role');
  return found.value;
}

/** @throws Refusal EntityNotExist.Policy */
export async function policyOf(name: string, call: Call, reads: Reads): Promise<PolicyRecord> {
  const found = await reads.get<PolicyRecord>(keys.policy(call.caller.account, name));
  if (found === undefined) throw new Refusal('EntityNotExist.Policy');
  return found.value;
}

/** What is read outside of transactions, by the same functions. */
export function readsOf({ store }: Call): Reads {
  return {
    get: async (key) => {
      const entry = await store.get(key);
      return entry && parseRecord(entry);
    },
  };
}

/** The part of a listing that an answer holds: what follows `Marker`, `MaxItems` at most. */
export async function sliceOf<T extends { readonly name: string }>(
  prefix: string,
  { Marker, MaxItems }: { readonly Marker?: string | undefined; readonly MaxItems: number },
  { store }: Call,
): Promise<{ items: T[]; IsTruncated: boolean; Marker?: string }> {
  const { entries } = await store.range(prefix, {
    limit: MaxItems + 1,
    ...(Marker === undefined ? {} : { after: `${prefix}${Marker}` }),
  });
  const items = entries.slice(0, MaxItems).map((entry) => parseRecord<T>(entry).value);
  const last = items.at(-1);
  return entries.length > MaxItems && last !== undefined
    ? { items, IsTruncated: true, Marker: last.name }
    : { items, IsTruncated: false };
}

/** An id of 18 digits, as users, groups and roles have: one that never comes again. */
export function newNumber(): string {
  const digits = (count: number) => String(randomInt(10 ** count)).padStart(count, '0');
  return `${randomInt(1, 10)}${digits(9)}${digits(8)}`;
}
