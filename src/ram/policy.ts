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

/** Why a text is no policy document; `reason` is a sentence for the one who wrote it. */
export class MalformedPolicy extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'MalformedPolicy';
    this.reason = reason;
  }
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
  if (text.length > most) refuse(`The document has more than ${most} characters.`);
  const document = fieldsOf(parseJson(text), 'The document', ['Version', 'Statement']);
  if (document.get('Version') !== '1') refuse('Version must be "1".');
  const statements = listOf(document.get('Statement'));
  if (statements.length === 0) refuse('Statement must have at least one statement.');
  return {
    statements: statements.map((value, index) =>
      readStatement(value, kind, `Statement ${index + 1}`),
    ),
  };
}

function refuse(reason: string): never {
  throw new MalformedPolicy(reason);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse('The document is not valid JSON.');
  }
}

/** A single value and a list of one are equal. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** The elements of a JSON object, of which only the `known` are allowed. */
function fieldsOf(value: unknown, where: string, known?: readonly string[]): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(`${where} must be a JSON object.`);
  }
  const fields = new Map(Object.entries(value));
  const stranger = known && fields.keys().find((name) => !known.includes(name));
  if (stranger !== undefined) refuse(`${where} has an unknown element: ${show(stranger)}.`);
  return fields;
}

function readStatement(value: unknown, kind: PolicyKind, where: string): Statement {
  const about = kind === 'trust' ? 'Principal' : 'Resource';
  const known = ['Effect', 'Action', 'NotAction', about, 'Condition'];
  const fields = fieldsOf(value, where, known);
  const effect = fields.get('Effect');
  if (effect !== 'Allow' && effect !== 'Deny') {
    return refuse(`${where}: Effect must be "Allow" or "Deny".`);
  }
  const exceptActions = fields.has('NotAction');
  if (exceptActions === fields.has('Action')) {
    refuse(`${where} must have Action or NotAction, and not both.`);
  }
  const actionElement = exceptActions ? 'NotAction' : 'Action';
  const actions = textsOf(fields.get(actionElement), `${where}: ${actionElement}`);
  for (const each of actions) {
    if (!isAction(each)) refuse(`${where}: ${show(each)} is no action such as ens:Describe*.`);
  }
  const conditions = readConditions(fields, where);
  const common = { effect, actions, exceptActions, conditions } as const;
  if (kind === 'trust') {
    return { ...common, resources: [], principals: readPrincipals(fields, where) };
  }
  const resources = textsOf(fields.get('Resource'), `${where}: Resource`);
  for (const each of resources) {
    if (!isResource(each)) {
      refuse(`${where}: ${show(each)} is neither * nor acs:<service>:<region>:<account>:<name>.`);
    }
  }
  return { ...common, resources };
}

function isAction(text: string): boolean {
  return /^(\*|[\w*?.-]+:[\w*?.-]+)$/.test(text);
}

function isResource(text: string): boolean {
  return /^(\*|acs:[^:]+:[^:]*:[^:]+:.+)$/s.test(text);
}

/** @throws MalformedPolicy unless it is a text or a list of texts, none of them empty */
function textsOf(value: unknown, where: string): string[] {
  const list = listOf(value);
  if (list.length === 0) refuse(`${where} must have at least one value.`);
  return list.map((each) =>
    typeof each === 'string' && each !== ''
      ? each
      : refuse(`${where} must be a text or a list of texts, none of them empty.`),
  );
}

function readPrincipals(fields: ReadonlyMap<string, unknown>, where: string): PolicyPrincipal[] {
  const kinds = Object.keys(principalForms) as PolicyPrincipal['kind'][];
  const named = fieldsOf(fields.get('Principal'), `${where}: Principal`, kinds);
  if (named.size === 0) refuse(`${where}: Principal must name someone.`);
  return kinds
    .filter((kind) => named.has(kind))
    .flatMap((kind) =>
      textsOf(named.get(kind), `${where}: Principal ${kind}`).map((name) =>
        principalForms[kind].test(name)
          ? { kind, name }
          : refuse(`${where}: ${show(name)} is no principal of the kind ${kind}.`),
      ),
    );
}

function readConditions(fields: ReadonlyMap<string, unknown>, where: string): Condition[] {
  if (!fields.has('Condition')) return [];
  const byOperator = fieldsOf(fields.get('Condition'), `${where}: Condition`);
  return [...byOperator].flatMap(([operator, keys]) => {
    if (!operators.has(operator)) {
      refuse(`${where}: ${show(operator)} is no condition operator of RAM.`);
    }
    const byKey = fieldsOf(keys, `${where}: ${operator}`);
    if (byKey.size === 0) refuse(`${where}: ${operator} must name a key.`);
    return [...byKey].map(([key, values]) => readCondition(operator, key, values, where));
  });
}

function readCondition(operator: string, key: string, value: unknown, where: string): Condition {
  if (!/^[\w-]+:[^\s:][^\s]*$/.test(key)) {
    refuse(`${where}: ${show(key)} is no condition key such as acs:SourceIp.`);
  }
  const values = listOf(value).map((each) => scalar(each, `${where}: ${key}`));
  if (values.length === 0) refuse(`${where}: ${key} must have at least one value.`);
  const { accepts, kind } = operators.get(operator)!;
  const wrong = values.find((each) => !accepts(each));
  if (wrong !== undefined) refuse(`${where}: ${operator} takes ${kind}, not ${show(wrong)}.`);
  return { operator, key, values };
}

/** Numbers and truth values should be texts; JSON's own are taken where they are exact. */
function scalar(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  const isExact = typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  if (isExact || typeof value === 'boolean') return String(value);
  return refuse(`${where} must be a text or a list of texts.`);
}

/** A text of the document in a sentence: quoted, and cut where it is long. */
function show(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
