import type { AttachedPolicy } from '../ram/evaluate.ts';
import { parsePolicy } from '../ram/policy.ts';
import { systemPolicies } from '../ram/system-policies.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { PolicyHolder } from './call.ts';
import type {
  Attached,
  GroupRecord,
  PolicyRecord,
  RoleRecord,
  UserRecord,
} from './identity-records.ts';
import { WatchedView } from './watched-view.ts';

type Policy = Omit<AttachedPolicy, 'attachedTo'>;

interface Named {
  readonly id: string;
  readonly name: string;
  readonly policies: readonly Attached[];
}

/** Records of one kind, by their keys, and by ids that no change of name touches. */
class ById<Value extends { readonly id: string }> {
  readonly #values = new Map<string, Value>();
  readonly #keys = new Map<string, string>();

  get(id: string): Value | undefined {
    return this.#values.get(this.#keys.get(id) ?? '');
  }

  set(key: string, value: Value | undefined): void {
    const before = this.#values.get(key);
    // A record that moved to another key has been set there already, or will be.
    if (before !== undefined && this.#keys.get(before.id) === key) this.#keys.delete(before.id);
    this.#values.delete(key);
    if (value === undefined) return;
    this.#values.set(key, value);
    this.#keys.set(value.id, key);
  }

  clear(): void {
    this.#values.clear();
    this.#keys.clear();
  }
}

/**
 * Users, groups, roles and policies of all accounts: a local view that a watch keeps true, so that
 * deciding a call costs no trip to the store.
 */
export class Identities {
  readonly #onFault: (error: unknown, key: string) => void;
  readonly #user = new ById<UserRecord>();
  readonly #group = new ById<GroupRecord>();
  readonly #role = new ById<RoleRecord>();
  readonly #policies = new Map<string, Policy>();
  #view: WatchedView | undefined;

  private constructor(onFault: (error: unknown, key: string) => void) {
    this.#onFault = onFault;
  }

  /**
   * Reads every record and follows their changes until closed.
   * @param onFault told of a record that cannot be read; it then counts as absent
   * @throws StoreUnavailable
   */
  static async open(
    store: Store,
    onFault: (error: unknown, key: string) => void,
  ): Promise<Identities> {
    const opened = new Identities(onFault);
    opened.#view = await WatchedView.open(store, {
      prefix: keys.identities,
      learn: (key, value) => opened.#learn(key, value),
      clear: () => opened.#clear(),
    });
    return opened;
  }

  /** The name that a user has now; undefined when it is gone. */
  userName(account: string, id: string): string | undefined {
    const user = this.#user.get(id);
    return user?.account === account ? user.name : undefined;
  }

  /**
   * What a user has, itself and by its groups, or what a role has; nothing when it is gone.
   * @throws Error for a policy that cannot be read: what it denies must not be passed over
   */
  policiesOf(account: string, { kind, id }: PolicyHolder): AttachedPolicy[] {
    const own = (kind === 'user' ? this.#user : this.#role).get(id);
    if (own?.account !== account) return [];
    const groups = 'groups' in own ? own.groups : [];
    return [
      ...this.#attachedTo(kind, account, own),
      ...groups.flatMap((each) => {
        const group = this.#group.get(each.id);
        return group === undefined ? [] : this.#attachedTo('group', account, group);
      }),
    ];
  }

  /** Resolves once the view has the commit with this revision (see WatchedView). */
  async reached(revision: number): Promise<void> {
    await this.#view?.reached(revision);
  }

  close(): void {
    this.#view?.close();
  }

  #attachedTo(kind: string, account: string, { name, policies }: Named): AttachedPolicy[] {
    const attachedTo = `${kind}/${name}`;
    return policies.map((each) => ({ ...this.#policyOf(account, each), attachedTo }));
  }

  #policyOf(account: string, { type, name }: Attached): Policy {
    const own = () => this.#policies.get(keys.policy(account, name));
    const found = type === 'Custom' ? own() : systemPolicy(name);
    if (found === undefined) throw new Error(`the policy ${name} of ${account} cannot be read`);
    return found;
  }

  #learn(key: string, value: string | null): void {
    const [, , kind] = key.split('/', 3);
    try {
      const record = value === null ? undefined : JSON.parse(value);
      if (kind === 'user') this.#user.set(key, record);
      else if (kind === 'group') this.#group.set(key, record);
      else if (kind === 'role') this.#role.set(key, record);
      else if (kind === 'policy') this.#setPolicy(key, record);
    } catch (error) {
      this.#onFault(error, key);
      if (value !== null) this.#learn(key, null);
    }
  }

  #setPolicy(key: string, record: PolicyRecord | undefined): void {
    this.#policies.delete(key);
    const version = record?.versions.find(({ id }) => id === record.defaultVersion);
    if (record === undefined || version === undefined) return;
    const policy = parsePolicy(version.document, 'identity');
    this.#policies.set(key, { type: 'Custom', name: record.name, version: version.id, policy });
  }

  #clear(): void {
    for (const each of [this.#user, this.#group, this.#role, this.#policies]) each.clear();
  }
}

function systemPolicy(name: string): Policy | undefined {
  const found = systemPolicies.get(name);
  return found && { type: 'System', name, version: 'v1', policy: found.policy };
}
