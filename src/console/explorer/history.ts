import { effect, signal } from '@preact/signals';
import { limits } from '../../limits.ts';
import { session } from '../session.ts';

/** A call that was made from this tab. */
export interface PastCall {
  readonly product: string;
  readonly action: string;
  /** Opens the form as it was, less what addresses do not hold. */
  readonly query: string;
  readonly at: Date;
  readonly status: number;
  /** `OK`, or the code of the error. */
  readonly code: string;
  readonly milliseconds: number;
  readonly isDryRun: boolean;
}

/**
 * The calls of this tab, newest first. They are kept in memory alone: whatever the browser stores
 * outlives the session, and parameters tell a lot of an account even less their secrets. The audit
 * trail is the lasting record, but it has no reads unless asked for, and cuts long parameters.
 */
export const pastCalls = signal<readonly PastCall[]>([]);

export function remember(call: PastCall): void {
  pastCalls.value = [call, ...pastCalls.value].slice(0, limits.explorerHistory);
}

let whose = '';

// Who signs in next must not see what somebody else has called.
effect(() => {
  if (!session.value || session.value.arn === whose) return;
  whose = session.value.arn;
  pastCalls.value = [];
});
