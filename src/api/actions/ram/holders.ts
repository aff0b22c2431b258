import { keys } from '../../../store/keys.ts';
import type { Call, Reads } from '../../call.ts';
import type {
  Attached,
  GroupRecord,
  HolderKind,
  RoleRecord,
  UserRecord,
} from '../../identity-records.ts';
import { groupOf, roleOf, userOf } from './directory.ts';

/** What policies are attached to: users, groups and roles. */

type HolderRecord = UserRecord | GroupRecord | RoleRecord;

export const holderKinds: readonly HolderKind[] = ['User', 'Group', 'Role'];

const find = { User: userOf, Group: groupOf, Role: roleOf } as const;
const keyOf = { User: keys.user, Group: keys.group, Role: keys.role } as const;
const prefixOf = { User: keys.users, Group: keys.groups, Role: keys.roles } as const;

/** @throws Refusal EntityNotExist.User, .Group, .Role */
export function holderOf(
  kind: HolderKind,
  name: string,
  call: Call,
  reads: Reads,
): Promise<HolderRecord> {
  return find[kind](name, call, reads);
}

/** The record's key and what it then holds. */
export function withPolicies(
  kind: HolderKind,
  holder: HolderRecord,
  policies: readonly Attached[],
): readonly [key: string, value: HolderRecord] {
  return [keyOf[kind](holder.account, holder.name), { ...holder, policies }];
}

/** Every attachment of the account, of one policy or of all. */
export async function* holders(call: Call, kinds: readonly HolderKind[] = holderKinds) {
  for (const kind of kinds) {
    const records = call.list<HolderRecord>(prefixOf[kind](call.caller.account));
    for await (const { value: holder } of records) {
      for (const attached of holder.policies) yield { kind, holder, attached };
    }
  }
}

/** Every attachment of a policy that comes with Sluice. */
export async function systemHolders(call: Call) {
  const all = await Array.fromAsync(holders(call));
  return all.filter(({ attached }) => attached.type === 'System');
}
