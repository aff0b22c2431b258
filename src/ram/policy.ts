import { operators } from './operators.ts';

/**
 * A policy document of RAM, parsed. `identity`: attached to a user, group or role. `trust`: of a
 * role, says who may assume it. `session`: narrows one session of a role.
 */
export type PolicyKind = 'identity' | 'trust' | 'session';

export interface Policy {
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  /** Patterns as written; compared without case. */
  readonly actions: readonly string[];
  /** The statement is about every action but these (`NotAction`). */
  readonly exceptActions: boolean;
  /** Patterns as written; none in a trust policy. */
  readonly resources: readonly string[];
  /** Of a trust policy: whom it is about. */
  readonly principals?: readonly PolicyPrincipal[];
  /** All of them must hold. */
  readonly conditions: readonly Condition[];
}

export interface PolicyPrincipal {
  readonly kind: 'RAM' | 'Service' | 'Federated';
  /** An ARN, or the name of a service. */
  readonly name: string;
}

export interface Condition {
  /** One of `operators`. */
  readonly operator: string;
  /** As written; compared without case. */
  readonly key: string;
  /** One of them must match, or none for a negated operator. */
  readonly values: readonly string[];
}

/** Names of members and places in lists that lead from the whole document to a part of it. */
export type Path = readonly (string | number)[];

/** Why a text is no policy document; `reason` is a sentence for the one who wrote it. */
export class MalformedPolicy extends Error {
  readonly reason: string;
  /** To the part that is wrong, or where it should be. */
  readonly path: Path;

  constructor(reason: string, path: Path) {
    super(reason);
    this.name = 'MalformedPolicy';
    this.reason = reason;
    this.path = path;
  }
}

/** A part of the document: what sentences call it, and the path to it. */
interface Place {
  readonly name: string;
  readonly path: Path;
}

/** Documented: characters of a document; a session's is a parameter of AssumeRole. */
const mostCharacters: Readonly<Record<PolicyKind, number>> = {
  identity: 6_144,
  trust: 6_144,
  session: 2_048,
};

const principalForms: Readonly<Record<PolicyPrincipal['kind'], RegExp>> = {
  RAM: /^acs:ram:\*?:[\w-]+:(root|user\/[\w.@-]+|role\/[\w.-]+)$/,
  Service: /^[\w-]+(\.[\w-]+)+$/,
  Federated: /^acs:ram:\*?:[\w-]+:(saml|oidc)-provider\/[\w.-]+$/,
};

/**
 * Reads a policy document. What RAM does not have (other versions, operators, elements) or what
 * could never match is refused rather than passed over: a rule that is not understood would
 * protect nothing.
 * @throws MalformedPolicy
 */
export function parsePolicy(text: string, kind: PolicyKind): Policy {
  const most = mostCharacters[kind];
  const whole: Place = { name: 'The document', path: [] };
  if (text.length > most) refuse(whole, `The document has more than ${most} characters.`);
  const document = fieldsOf(parseJson(text, whole), whole, ['Version', 'Statement']);
  if (document.get('Version') !== '1') refuse(within(whole, 'Version'), 'Version must be "1".');
  const list = within(whole, 'Statement');
  const statements = itemsOf(document.get('Statement'), list);
  if (statements.length === 0) refuse(list, 'Statement must have at least one statement.');
  return {
    statements: statements.map(({ value, place: { path } }, index) =>
      readStatement(value, kind, { name: `Statement ${index + 1}`, path }),
    ),
  };
}

function refuse({ path }: Place, reason: string): never {
  throw new MalformedPolicy(reason, path);
}

/** A member of a part, which goes by its own name or by that of the part. */
function within({ name, path }: Place, member: string | number, called = name): Place {
  return { name: called, path: [...path, member] };
}

function parseJson(text: string, whole: Place): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse(whole, 'The document is not valid JSON.');
  }
}

interface Item {
  readonly value: unknown;
  readonly place: Place;
}

/** A single value and a list of one are equal. */
function itemsOf(value: unknown, place: Place): readonly Item[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [{ value, place }];
  return value.map((each: unknown, index) => ({ value: each, place: within(place, index) }));
}

/** The elements of a JSON object, of which only the `known` are allowed. */
function fieldsOf(value: unknown, place: Place, known?: readonly string[]): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(place, `${place.name} must be a JSON object.`);
  }
  const fields = new Map(Object.entries(value));
  const stranger = known && fields.keys().find((name) => !known.includes(name));
  if (stranger !== undefined) {
    refuse(within(place, stranger), `${place.name} has an unknown element: ${show(stranger)}.`);
  }
  return fields;
}

function readStatement(value: unknown, kind: PolicyKind, place: Place): Statement {
  const { name } = place;
  const about = kind === 'trust' ? 'Principal' : 'Resource';
  const known = ['Effect', 'Action', 'NotAction', about, 'Condition'];
  const fields = fieldsOf(value, place, known);
  const effect = fields.get('Effect');
  if (effect !== 'Allow' && effect !== 'Deny') {
    return refuse(within(place, 'Effect'), `${name}: Effect must be "Allow" or "Deny".`);
  }
  const exceptActions = fields.has('NotAction');
  if (exceptActions === fields.has('Action')) {
    refuse(place, `${name} must have Action or NotAction, and not both.`);
  }
  const element = exceptActions ? 'NotAction' : 'Action';
  const actions = textsOf(fields.get(element), within(place, element, `${name}: ${element}`));
  for (const { text, at } of actions) {
    if (!isAction(text)) refuse(at, `${name}: ${show(text)} is no action such as ens:Describe*.`);
  }
  const common = {
    effect,
    actions: actions.map(({ text }) => text),
    exceptActions,
    conditions: readConditions(fields, place),
  } as const;
  if (kind === 'trust') {
    return { ...common, resources: [], principals: readPrincipals(fields, place) };
  }
  return { ...common, resources: readResources(fields, place) };
}

function isAction(text: string): boolean {
  return /^(\*|[\w*?.-]+:[\w*?.-]+)$/.test(text);
}

function isResource(text: string): boolean {
  return /^(\*|acs:[^:]+:[^:]*:[^:]+:.+)$/s.test(text);
}

function readResources(fields: ReadonlyMap<string, unknown>, place: Place): string[] {
  const { name } = place;
  const element = within(place, 'Resource', `${name}: Resource`);
  return textsOf(fields.get('Resource'), element).map(({ text, at }) =>
    isResource(text)
      ? text
      : refuse(
          at,
          `${name}: ${show(text)} is neither * nor acs:<service>:<region>:<account>:<name>.`,
        ),
  );
}

interface Text {
  readonly text: string;
  readonly at: Place;
}

/** @throws MalformedPolicy unless it is a text or a list of texts, none of them empty */
function textsOf(value: unknown, place: Place): Text[] {
  const items = itemsOf(value, place);
  if (items.length === 0) refuse(place, `${place.name} must have at least one value.`);
  return items.map(({ value: each, place: at }) =>
    typeof each === 'string' && each !== ''
      ? { text: each, at }
      : refuse(at, `${place.name} must be a text or a list of texts, none of them empty.`),
  );
}

function readPrincipals(fields: ReadonlyMap<string, unknown>, place: Place): PolicyPrincipal[] {
  const { name } = place;
  const kinds = Object.keys(principalForms) as PolicyPrincipal['kind'][];
  const principal = within(place, 'Principal', `${name}: Principal`);
  const named = fieldsOf(fields.get('Principal'), principal, kinds);
  if (named.size === 0) refuse(principal, `${name}: Principal must name someone.`);
  return kinds
    .filter((kind) => named.has(kind))
    .flatMap((kind) =>
      textsOf(named.get(kind), within(principal, kind, `${name}: Principal ${kind}`)).map(
        ({ text, at }) =>
          principalForms[kind].test(text)
            ? { kind, name: text }
            : refuse(at, `${name}: ${show(text)} is no principal of the kind ${kind}.`),
      ),
    );
}

function readConditions(fields: ReadonlyMap<string, unknown>, place: Place): Condition[] {
  if (!fields.has('Condition')) return [];
  const { name } = place;
  const all = within(place, 'Condition', `${name}: Condition`);
  return [...fieldsOf(fields.get('Condition'), all)].flatMap(([operator, keys]) => {
    const at = within(all, operator, `${name}: ${operator}`);
    if (!operators.has(operator)) {
      refuse(at, `${name}: ${show(operator)} is no condition operator of RAM.`);
    }
    const byKey = fieldsOf(keys, at);
    if (byKey.size === 0) refuse(at, `${name}: ${operator} must name a key.`);
    return [...byKey].map(([key, value]) =>
      readCondition(operator, key, value, within(at, key, name)),
    );
  });
}

/** @param place named as its statement */
function readCondition(operator: string, key: string, value: unknown, place: Place): Condition {
  const { name } = place;
  if (!/^[\w-]+:[^\s:][^\s]*$/.test(key)) {
    refuse(place, `${name}: ${show(key)} is no condition key such as acs:SourceIp.`);
  }
  const items = itemsOf(value, place);
  if (items.length === 0) refuse(place, `${name}: ${key} must have at least one value.`);
  const { accepts, kind } = operators.get(operator)!;
  const values = items.map(({ value: each, place: at }) => {
    const text = scalar(each) ?? refuse(at, `${name}: ${key} must be a text or a list of texts.`);
    if (!accepts(text)) refuse(at, `${name}: ${operator} takes ${kind}, not ${show(text)}.`);
    return text;
  });
  return { operator, key, values };
}

/** Numbers and truth values should be texts; JSON's own are taken where they are exact. */
function scalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const isExact = typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return isExact || typeof value === 'boolean' ? String(value) : undefined;
}

/** A text of the document in a sentence: quoted, and cut where it is long. */
function show(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
