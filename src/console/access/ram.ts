import { type Asked, call } from '../door.ts';

/** What users, groups and roles have in common: policies are attached to them. */
export type HolderKind = 'User' | 'Group' | 'Role';

export interface Attached {
  readonly PolicyName: string;
  readonly PolicyType: 'System' | 'Custom';
  readonly DefaultVersion: string;
  readonly Description: string;
}

/** A call of product Ram. */
export function ram(action: string, parameters: Readonly<Record<string, unknown>> = {}): Asked {
  return { product: 'Ram', action, parameters };
}

/**
 * Everything that a list of RAM has, `ListUsers` for `User`: one call for each thousand.
 * @throws CallFailed
 */
export async function listAll<Item>(
  action: string,
  item: string,
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<readonly Item[]> {
  const found: Item[] = [];
  let more: { readonly Marker?: string } = {};
  for (;;) {
    const { body } = await call('Ram', action, { ...parameters, MaxItems: 1_000, ...more });
    found.push(...itemsIn<Item>(body, item));
    if (body.IsTruncated !== true) return found;
    more = { Marker: String(body.Marker) };
  }
}

/** The items of `{"Users": {"User": […]}}`. */
export function itemsIn<Item>(body: Readonly<Record<string, unknown>>, item: string): Item[] {
  const lists = Object.values(body) as (Record<string, Item[]> | undefined)[];
  return lists.map((list) => list?.[item]).find(Array.isArray) ?? [];
}

/** The address of a user's, group's or role's page. */
export function addressOf(kind: HolderKind, name: string): string {
  return `/console/access/${kind.toLowerCase()}s/${name}`;
}

export function policyAddress(type: string, name: string, version = ''): string {
  return `/console/access/policies/${type}/${name}${version === '' ? '' : `?version=${version}`}`;
}
