/** Users, groups, roles and policies of an account, as the store holds them. */

/** What a policy can be attached to. */
export type HolderKind = 'User' | 'Group' | 'Role';

/** A policy that is attached to a user, group or role. */
export interface Attached {
  readonly type: 'System' | 'Custom';
  readonly name: string;
  readonly date: string;
}

interface Identity {
  readonly v: 1;
  readonly account: string;
  /** Never changes, and never comes again; a name may do both. */
  readonly id: string;
  readonly name: string;
  readonly policies: readonly Attached[];
  readonly createTime: string;
  readonly updateTime: string;
}

export interface UserRecord extends Identity {
  readonly displayName: string;
  readonly comments: string;
  readonly email: string;
  readonly mobilePhone: string;
  readonly accessKeys: readonly string[];
  readonly groups: readonly { readonly id: string; readonly date: string }[];
}

export interface GroupRecord extends Identity {
  readonly comments: string;
  /** How many users it has; each of them says that it is in the group. */
  readonly members: number;
}

export interface RoleRecord extends Identity {
  readonly description: string;
  /** The trust policy: who may assume the role. */
  readonly trust: string;
  readonly maxSessionSeconds: number;
}

export interface PolicyVersion {
  readonly id: string;
  readonly document: string;
  readonly createTime: string;
}

export interface PolicyRecord {
  readonly v: 1;
  readonly account: string;
  readonly name: string;
  readonly description: string;
  readonly versions: readonly PolicyVersion[];
  readonly defaultVersion: string;
  /** Of the last version made; numbers are not used again. */
  readonly lastVersion: number;
  /** To how many of each kind it is attached. */
  readonly attachments: Readonly<Record<HolderKind, number>>;
  readonly createTime: string;
  readonly updateTime: string;
}

/** How many of each kind an account has: written with each that is made or deleted. */
export interface DirectoryRecord {
  readonly v: 1;
  readonly account: string;
  readonly users: number;
  readonly groups: number;
  readonly roles: number;
  readonly policies: number;
  readonly alias?: string;
}
