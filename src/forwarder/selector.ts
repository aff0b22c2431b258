import { backOff } from '../clock.ts';
import { limits } from '../limits.ts';

/**
 * How a control plane failed:
 * - `unreachable`: the connection ended before the control plane said anything;
 * - `lost`: its stream went silent, ended, or was out of step;
 * - `refused`: it answered the stream's request with an error;
 * - `unanswered`: a report failed or got no answer in time, while the stream goes on.
 */
export type Failure = 'unreachable' | 'lost' | 'refused' | 'unanswered';

/** What happened on a connection. */
export type ConnectionEvent = { readonly connection: number } & (
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** A report was answered in time, and so was the last one that the store had to take. */
  | { readonly kind: 'answered' }
  /** It has lasted for `limits.steadyConnection`. */
  | { readonly kind: 'steady' }
  /** `leaveMs` have passed since it was set. */
  | { readonly kind: 'expired' }
);

/** Which control plane a forwarder uses. */
export interface Selection {
  /** Number of the connection, from 0: events of an earlier one change nothing. */
  readonly connection: number;
  /** Index of its control plane. */
  readonly endpoint: number;
  /** Milliseconds to wait before it is opened. */
  readonly waitMs: number;
  /** Failures in a row, over all control planes, since a connection was steady. */
  readonly failures: number;
  /** Set while its reports fail and the others have failed too: how long it is kept, unless a
   * report is answered before. Milliseconds. */
  readonly leaveMs?: number;
}

export const firstSelection: Selection = { connection: 0, endpoint: 0, waitMs: 0, failures: 0 };

/**
 * The selection after an event. Pure. A failure moves on to the next control plane: at once while
 * there is one that has not failed, else after a backoff that grows with each round over all.
 * There is no way back but by another failure, so nothing flaps between two that work.
 * @param endpoints how many control planes there are
 * @param random 0 to 1, as Math.random gives it
 * @returns `selection` itself when the event changes nothing
 */
export function select(
  selection: Selection,
  event: ConnectionEvent,
  endpoints: number,
  random: () => number,
): Selection {
  if (event.connection !== selection.connection) return selection;
  const { leaveMs, ...trusted } = selection;
  const isDoubted = leaveMs !== undefined;
  switch (event.kind) {
    case 'answered':
      return isDoubted ? trusted : selection;
    case 'steady':
      return isDoubted || selection.failures === 0 ? selection : { ...selection, failures: 0 };
    case 'expired':
      return isDoubted ? next(selection, 0, endpoints) : selection;
    case 'failed': {
      const waitMs = waitAfter(event.failure, selection.failures + 1, endpoints, random);
      if (event.failure !== 'unanswered' || waitMs === 0) return next(selection, waitMs, endpoints);
      // Its stream is worth keeping while there is none better; only the wait is spent on it.
      return isDoubted ? selection : { ...selection, leaveMs: waitMs };
    }
  }
}

function next(
  { connection, endpoint, failures }: Selection,
  waitMs: number,
  endpoints: number,
): Selection {
  return {
    connection: connection + 1,
    endpoint: (endpoint + 1) % endpoints,
    waitMs,
    failures: failures + 1,
  };
}

/** @param failures in a row, this one included */
function waitAfter(
  failure: Failure,
  failures: number,
  endpoints: number,
  random: () => number,
): number {
  if (failures % endpoints !== 0) return 0;
  return backOff(failures / endpoints - 1, limits.reconnect[failure], random);
}
