import { type AuditFacts, auditRecord, isWrite } from '../audit-records.ts';
import type { Call } from '../call.ts';
import type { ApiError } from '../errors.ts';
import type { AuditQueue } from './queue.ts';

/** A call that has been answered, whose caller was proven. */
export interface EndedCall {
  readonly asked: Pick<AuditFacts, 'action' | 'requestId' | 'host' | 'caller' | 'parameters'>;
  /** Absent when it was refused before it ran. */
  readonly call?: Pick<Call, 'recorded' | 'extensions'>;
  readonly decidedBy?: string;
  /** As the caller was told. */
  readonly error?: ApiError;
}

export interface EndedCallsOptions {
  readonly queue: Pick<AuditQueue, 'add' | 'admitThrottled'>;
  /** Reads are recorded too. */
  readonly reads: boolean;
  readonly now: () => number;
}

/**
 * Records the calls that have committed no record of their own: refused and failed writes, what
 * RAM denied, writes that changed nothing (dry runs), and reads where that is asked for. What
 * forwarders ask and report every second is not recorded unless it is refused. Of throttled calls
 * one a minute is recorded, the others are counted: they cost the caller next to nothing.
 */
export function recordEndedCalls({ queue, reads, now }: EndedCallsOptions) {
  return ({ asked, call, decidedBy, error }: EndedCall): void => {
    const isMachine = error === undefined && asked.caller.principal.kind === 'forwarder';
    if (call?.recorded || isMachine) return;
    if (!reads && !isWrite(asked.action) && error?.decidedBy === undefined) return;
    const isThrottled = error?.code.startsWith('Throttling') ?? false;
    if (isThrottled && !queue.admitThrottled(asked.caller.account)) return;
    queue.add(
      auditRecord({
        ...asked,
        time: now(),
        decidedBy: error?.decidedBy ?? decidedBy ?? '',
        changes: [],
        ignored: [],
        ...(call?.extensions.dryRun ? { isDryRun: true } : {}),
        ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
      }),
    );
  };
}
