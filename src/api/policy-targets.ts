import { fitsResource, isAboutAction } from '../ram/evaluate.ts';
import { operators } from '../ram/operators.ts';
import type { Condition, Policy, PolicyKind, Statement } from '../ram/policy.ts';
import { overlaps } from '../ram/wildcard.ts';
import { type Action, ramName } from './actions/action.ts';
import type { Caller } from './call.ts';
import { conditionKeys } from './principals.ts';

/** What calls ask RAM for: an action by its RAM name, on resources of these forms. */
interface Target {
  readonly name: string;
  forms(account: string): readonly string[];
}

/** Only trust policies name these; of them AssumeRole alone is served. */
const trusted = ['sts:AssumeRole', 'sts:AssumeRoleWithOIDC', 'sts:AssumeRoleWithSAML'];

/**
 * Finds parts of a policy that no call can ever match: a Deny of them would deny nothing, and
 * nobody would notice.
 */
export class PolicyTargets {
  readonly #targets: readonly Target[];
  readonly #products: ReadonlySet<string>;

  constructor(actions: readonly Action[]) {
    this.#targets = actions
      .filter(({ forEverybody }) => !forEverybody)
      .map((action) => ({
        name: ramName(action),
        forms: (account) => formsOf(action, account),
      }));
    this.#products = new Set(this.#targets.map(({ name }) => productOf(name)));
  }

  /**
   * Says in a sentence what of a policy can match no call. What another service of the cloud would
   * match may be allowed: that allows nothing here.
   * @returns undefined when there is nothing of that kind
   */
  fault({ statements }: Policy, kind: PolicyKind, account: string): string | undefined {
    for (const [index, statement] of statements.entries()) {
      const fault =
        (kind === 'trust' ? this.#trustFault(statement) : this.#actionFault(statement)) ??
        (kind === 'trust' ? undefined : this.#resourceFault(statement, account)) ??
        conditionFault(statement, kind);
      if (fault !== undefined) return `Statement ${index + 1}: ${fault}`;
    }
    return undefined;
  }

  #trustFault(statement: Statement): string | undefined {
    const known = trusted.map((name) => ({ name, forms: () => [] }));
    return unknownAction(statement, known, () => true);
  }

  #actionFault(statement: Statement): string | undefined {
    return unknownAction(statement, this.#targets, (product) => this.#products.has(product));
  }

  /** Of what is denied, each action must have a resource that fits, and each resource an action. */
  #resourceFault(statement: Statement, account: string): string | undefined {
    const { effect, resources, actions, exceptActions } = statement;
    const about = this.#targets.filter(({ name }) => isAboutAction(statement, name));
    // Actions of other services: whose resources these are nobody here knows.
    if (about.length === 0) return undefined;
    const forms = new Map(about.map((target) => [target, target.forms(account)]));
    const canBe = (pattern: string, target: Target) =>
      forms.get(target)!.some((form) => canMatch(pattern, form));
    for (const pattern of resources) {
      if (about.some((target) => canBe(pattern, target))) continue;
      if (effect === 'Allow' && !this.#products.has(pattern.split(':')[1] ?? '')) continue;
      const some = [...new Set([...forms.values()].flat())].slice(0, 5).join(', ');
      return `no call of these actions asks for ${pattern}; they ask for ${some}.`;
    }
    if (effect === 'Allow' || exceptActions) return undefined;
    for (const pattern of actions) {
      const matched = about.filter(({ name }) => fitsAction(pattern, name));
      const hasEffect = matched.some((target) => resources.some((each) => canBe(each, target)));
      if (matched.length === 0 || hasEffect) continue;
      const asks = matched[0]!.forms(account).join(', ');
      return `${pattern} asks for ${asks}, so denying it on these resources denies nothing.`;
    }
    return undefined;
  }
}

function unknownAction(
  statement: Statement,
  targets: readonly Target[],
  isOurs: (product: string) => boolean,
): string | undefined {
  const { actions, effect, exceptActions } = statement;
  const known = (pattern: string) => targets.some(({ name }) => fitsAction(pattern, name));
  for (const pattern of actions.filter((each) => !known(each))) {
    const near = nearest(
      pattern,
      targets.map(({ name }) => name),
    );
    // To allow what is not served, or to except another service, is harmless; a slip is not.
    const isSlip = near !== undefined && near.distance <= 2;
    const isHarmless = exceptActions ? !isOurs(productOf(pattern)) : effect === 'Allow';
    if (isHarmless && !isSlip) continue;
    const hint = near === undefined ? '' : ` The nearest is ${near.name}.`;
    return `no action fits ${pattern}.${hint}`;
  }
  return undefined;
}

function fitsAction(pattern: string, name: string): boolean {
  return isAboutAction({ actions: [pattern], exceptActions: false } as unknown as Statement, name);
}

function productOf(name: string): string {
  return name.split(':')[0]!.toLowerCase();
}

/**
 * The forms of the resources that calls of an action name, `*` for what a parameter says: found by
 * naming them for parameters that are all `*`, for system policies, and for none at all.
 */
function formsOf(action: Action, account: string): readonly string[] {
  const { resource } = action;
  if (resource === undefined) return ['*'];
  const parameters = (special: Readonly<Record<string, string>>) =>
    new Proxy({}, { get: (_, name) => special[String(name)] ?? '*' });
  const role = { RoleArn: 'acs:ram:*:*:role/*' };
  const probes = [parameters(role), parameters({ ...role, PolicyType: 'System' }), {}];
  const caller = { account, principal: { kind: 'root' } } as Caller;
  const forms = probes.flatMap((input) => resource(input, account, caller));
  return [...new Set(forms)].filter((form) => form !== undefined && !form.includes('undefined'));
}

/** Whether some resource of a form fits a pattern. */
function canMatch(pattern: string, form: string): boolean {
  if (pattern === '*' || form === '*') return fitsResource(pattern, form);
  const fields = (text: string) => {
    const parts = text.split(':');
    return [...parts.slice(0, 4), parts.slice(4).join(':')];
  };
  const [wanted, given] = [fields(pattern), fields(form)];
  return wanted.every((field, index) =>
    overlaps(index === 2 && field === '' ? '*' : field, given[index]!),
  );
}

/** A condition on a key that no call has makes a Deny, or what is allowed unless, void. */
function conditionFault({ effect, conditions }: Statement, kind: PolicyKind): string | undefined {
  const keys = kind === 'trust' ? [...conditionKeys, 'sts:ExternalId'] : conditionKeys;
  const isKnown = ({ key }: Condition) =>
    keys.some((each) => each.toLowerCase() === key.toLowerCase());
  const voids = ({ operator }: Condition) =>
    (operators.get(operator)?.negated ?? false) === (effect === 'Allow');
  const found = conditions.find((each) => !isKnown(each) && voids(each));
  return (
    found &&
    `no call has ${found.key}. The nearest is ${nearest(found.key, keys)?.name ?? keys[0]}.`
  );
}

interface Near {
  readonly name: string;
  /** Signs to add, leave out or change. */
  readonly distance: number;
}

function nearest(text: string, names: readonly string[]): Near | undefined {
  const wanted = text.slice(0, 100).toLowerCase();
  return names
    .map((name) => ({ name, distance: distanceOf(wanted, name.toLowerCase()) }))
    .reduce<Near | undefined>(
      (best, each) => (best === undefined || each.distance < best.distance ? each : best),
      undefined,
    );
}

/** Levenshtein's distance. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = one[i - 1] === other[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + change));
    }
    row = next;
  }
  return row.at(-1)!;
}
