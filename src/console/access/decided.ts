/** The statement that a decision rests on. */
export interface Deciding {
  readonly type: string;
  readonly policy: string;
  readonly version: string;
  /** From 1. */
  readonly statement: number;
}

/**
 * Reads `Custom policy drain-only v2 of user/deploy, statement 3`, as decisions and audit records
 * name what decided; undefined for root, a session policy and the want of any statement.
 */
export function decidingOf(decidedBy: string): Deciding | undefined {
  const form = /^(Custom|System) policy ([A-Za-z0-9-]+) (v\d+) of \S+, statement (\d+)$/;
  const [, type, policy = '', version = '', number] = form.exec(decidedBy) ?? [];
  return type === undefined ? undefined : { type, policy, version, statement: Number(number) };
}

/** The policy's page at that statement. */
export function decidingAddress({ type, policy, version, statement }: Deciding): string {
  return `/console/access/policies/${type}/${policy}?version=${version}&statement=${statement}`;
}
