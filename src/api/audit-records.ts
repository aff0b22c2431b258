import { limits } from '../limits.ts';
import type { Action, Product } from './actions/action.ts';
import type { Caller } from './call.ts';

/** One record of the store that a commit writes; undefined = absent. */
export interface AuditChange {
  readonly key: string;
  readonly before: object | undefined;
  readonly after: object | undefined;
}

export interface AuditFacts {
  /** Unix milliseconds. */
  readonly time: number;
  readonly action: Action;
  readonly caller: Caller;
  readonly requestId: string;
  /** The host that was called. */
  readonly host: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly decidedBy: string;
  readonly changes: readonly AuditChange[];
  /** Servers named but not attached. */
  readonly ignored: readonly string[];
  /** The call was a rehearsal. */
  readonly isDryRun?: boolean;
  /** What the call answers, where that is known. */
  readonly response?: unknown;
  /** Of a call that was refused or failed. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** An audit record as it is stored. */
export interface AuditRecord {
  readonly v: 1;
  /** UTC with milliseconds, as in the record's key. */
  readonly time: string;
  readonly requestId: string;
  readonly account: string;
  readonly principal: Caller['principal'];
  readonly accessKeyId: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** The call came over TLS. */
  readonly secure: boolean;
  readonly host: string;
  readonly product: Product;
  readonly action: string;
  readonly rw: 'Read' | 'Write';
  /** What allowed the call. */
  readonly decidedBy: string;
  /** Those that the action declares, as sent; secrets masked, each of bounded length. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly ignored: readonly string[];
  /** Each record of the store that was made, changed or deleted. */
  readonly changes: readonly ChangedRecord[];
  readonly isDryRun?: boolean;
  /** The record was longer than one may be: texts are cut, of lists only what differs is left. */
  readonly isCut?: true;
  /** Refused calls of the account before this one, since its last record, that have none. */
  readonly omitted?: number;
  /** Members of the answer, secrets masked; absent where it was not known. */
  readonly response?: Readonly<Record<string, string>>;
  readonly error?: NonNullable<AuditFacts['error']>;
}

/** The top-level members of one record that differ; null = there was no record, or is none. */
export interface ChangedRecord {
  readonly key: string;
  readonly before: Members | null;
  readonly after: Members | null;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * The record that is committed with every change, or told of a call that changed nothing: who,
 * from where, what, why allowed, and of each record of the store what differs. Its revision is the
 * commit's. Records that a commit writes as they were, to hold their place, changed nothing and
 * are left out.
 */
export function auditRecord(facts: AuditFacts): AuditRecord {
  const { caller, action, error } = facts;
  const response = responseOf(action, facts.response);
  return {
    v: 1,
    time: new Date(facts.time).toISOString(),
    requestId: facts.requestId,
    account: caller.account,
    principal: caller.principal,
    accessKeyId: caller.accessKeyId,
    sourceIp: caller.sourceIp,
    userAgent: caller.userAgent,
    secure: caller.secure,
    host: facts.host.slice(0, limits.auditName),
    product: action.product,
    action: action.name,
    rw: isWrite(action) ? 'Write' : 'Read',
    decidedBy: facts.decidedBy,
    parameters: maskParameters(declared(action, facts.parameters)),
    ignored: facts.ignored,
    changes: facts.changes.flatMap(changedRecord),
    ...(facts.isDryRun ? { isDryRun: true } : {}),
    ...(response === undefined ? {} : { response }),
    ...(error === undefined ? {} : { error: { ...error, message: bounded(error.message) } }),
  };
}

/** What callers send besides is theirs to choose, so it could be anything and of any length. */
function declared(
  { input }: Action,
  parameters: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const known = Object.entries(parameters).filter(([name]) => {
    const dot = name.indexOf('.');
    const field = dot < 0 ? name : name.slice(0, dot);
    return name.length <= limits.auditName && Object.hasOwn(input.shape, field);
  });
  return Object.fromEntries(known.slice(0, limits.auditParameters));
}

export function isWrite({ access }: Pick<Action, 'access'>): boolean {
  return access !== 'get' && access !== 'list';
}

/** Of what a call is going to answer, the members that its action declares. */
function responseOf(action: Action, response: unknown): Record<string, string> | undefined {
  if (typeof response !== 'object' || response === null) return undefined;
  const members = Object.entries(response).filter(([name]) => name in action.output.shape);
  return members.length === 0 ? undefined : maskParameters(Object.fromEntries(members));
}

/** Names of members whose values are nobody's to read, however deep they stand. */
const secretMember = /secret|token|ticket|password|signature|private_?key|keymaterial/i;
/** The same of parameters and of members of a record: there, `Key` is a private key. */
const secretName = new RegExp(`${secretMember.source}|^key$`, 'i');
const masked = '******';

/** Parameters as sent, without secrets, each of bounded length. */
export function maskParameters(
  parameters: Readonly<Record<string, unknown>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      secretName.test(name) ? masked : bounded(withoutSecrets(textOf(value))),
    ]),
  );
}

/** A text that is JSON with its secret members masked; what only looks like it, as a whole. */
function withoutSecrets(text: string): string {
  if (!/^\s*[[{]/.test(text) || !secretMember.test(text)) return text;
  // Longer than any that an action takes: not worth the time it would hold up others.
  if (text.length > limits.auditMaskedText) return masked;
  try {
    return JSON.stringify(JSON.parse(text), (name, value) =>
      secretMember.test(name) ? masked : value,
    );
  } catch {
    // No JSON, so nobody can tell where the secret in it ends.
    return masked;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function bounded(text: string): string {
  if (text.length <= limits.auditParameter) return text;
  // Half of a surrogate pair is no text that every reader takes.
  return text.slice(0, limits.auditParameter).replace(/[\ud800-\udbff]$/, '');
}

function changedRecord({ key, before, after }: AuditChange): ChangedRecord[] {
  const was = (before ?? {}) as Members;
  const is = (after ?? {}) as Members;
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    (name) => was[name] !== is[name] && JSON.stringify(was[name]) !== JSON.stringify(is[name]),
  );
  if (names.length === 0 && (before === undefined) === (after === undefined)) return [];
  return [
    {
      key,
      before: before === undefined ? null : only(was, names),
      after: after === undefined ? null : only(is, names),
    },
  ];
}

function only(members: Members, names: readonly string[]): Members {
  return Object.fromEntries(
    names
      .filter((name) => members[name] !== undefined)
      .map((name) => [name, secretName.test(name) ? masked : members[name]]),
  );
}
