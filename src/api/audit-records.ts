import { limits } from '../limits.ts';
import type { Action } from './actions/action.ts';
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
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly decidedBy: string;
  readonly changes: readonly AuditChange[];
  /** Servers named but not attached. */
  readonly ignored: readonly string[];
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
  readonly product: string;
  readonly action: string;
  /** What allowed the call. */
  readonly decidedBy: string;
  /** As sent; secrets masked, each of bounded length. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly ignored: readonly string[];
  /** Each record of the store that was made, changed or deleted. */
  readonly changes: readonly ChangedRecord[];
}

/** The top-level members of one record that differ; null = there was no record, or is none. */
export interface ChangedRecord {
  readonly key: string;
  readonly before: Members | null;
  readonly after: Members | null;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * The record that is committed with every change: who, from where, what, why allowed, and of each
 * record of the store what differs. Its revision is the commit's. Records that a commit writes as
 * they were, to hold their place, changed nothing and are left out.
 */
export function auditRecord(facts: AuditFacts): AuditRecord {
  const { caller, action } = facts;
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
    product: action.product,
    action: action.name,
    decidedBy: facts.decidedBy,
    parameters: maskParameters(facts.parameters),
    ignored: facts.ignored,
    changes: facts.changes.flatMap(changedRecord),
  };
}

/** Names of parameters and members whose values are nobody's to read; `Key` is a private key. */
const secretName = /secret|token|password|signature|privatekey|keymaterial|^key$/i;
const masked = '******';

/** Parameters as sent, without secrets, each of bounded length. */
export function maskParameters(
  parameters: Readonly<Record<string, unknown>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      secretName.test(name) ? masked : bounded(textOf(value)),
    ]),
  );
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
