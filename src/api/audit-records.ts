import { limits } from '../limits.ts';
import type { Action } from './actions/action.ts';
import type { Caller } from './call.ts';

/** An audit record as it is stored. */
export type AuditRecord = ReturnType<typeof auditRecord>;

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

/**
 * The record that is committed with every change: who, from where, what, why allowed, and of each
 * record of the store the members that differ before and after. Its revision is the commit's.
 */
export function auditRecord(facts: AuditFacts) {
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
    changes: facts.changes.map(({ key, before, after }) => ({ key, ...difference(before, after) })),
  };
}

const secretName = /secret|token|password|signature|privatekey/i;
const masked = '******';

/** Parameters as sent, without secrets, each of bounded length. */
export function maskParameters(
  parameters: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      secretName.test(name) ? masked : String(value).slice(0, limits.auditParameter),
    ]),
  );
}

type Members = Readonly<Record<string, unknown>>;

/** The top-level members that differ; secrets are masked, and absent records show as null. */
function difference(before: object | undefined, after: object | undefined) {
  const [was, is] = [(before ?? {}) as Members, (after ?? {}) as Members];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    (name) => JSON.stringify(was[name]) !== JSON.stringify(is[name]),
  );
  const only = (members: Members) =>
    Object.fromEntries(
      names
        .filter((name) => members[name] !== undefined)
        .map((name) => [name, secretName.test(name) ? masked : members[name]]),
    );
  return {
    before: before === undefined ? null : only(was),
    after: after === undefined ? null : only(is),
  };
}
