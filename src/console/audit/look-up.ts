import { call } from '../door.ts';
import type { AuditEvent } from './event.ts';
import { attributesOf, type Filters, isWanted, timesOf } from './filters.ts';

interface Answer {
  readonly Events: readonly AuditEvent[];
  readonly NextToken?: string;
}

/** Events found, and where to go on; no token at the end of the log. */
export interface Found {
  readonly events: readonly AuditEvent[];
  readonly token?: string | undefined;
}

/** Events that one look is for: what a page shows well. */
const wanted = 50;
/** Calls of one look, when few events match: LookupEvents takes two a second. */
const callsAtOnce = 4;
const pauseMs = 600;

/**
 * The next events that match, newest first.
 * @throws CallFailed; AbortError when `signal` aborts
 */
export async function lookUp(
  filters: Filters,
  from: string | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const events: AuditEvent[] = [];
  const times = timesOf(filters, Date.now());
  let token = from;
  for (let calls = 1; ; calls++) {
    const { body } = await call<Answer>(
      'Actiontrail',
      'LookupEvents',
      {
        ...times,
        LookupAttribute: attributesOf(filters),
        MaxResults: wanted,
        ...(token === undefined ? {} : { NextToken: token }),
      },
      { signal },
    );
    events.push(...body.Events.filter((event) => isWanted(event, filters)));
    token = body.NextToken;
    if (token === undefined || events.length >= wanted || calls === callsAtOnce) {
      return { events, token };
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** One event, whenever it was; undefined when the log has it no more. @throws CallFailed */
export async function eventBy(id: string): Promise<AuditEvent | undefined> {
  const { body } = await call<Answer>('Actiontrail', 'LookupEvents', {
    StartTime: '1970-01-01T00:00:00Z',
    LookupAttribute: [{ Key: 'EventId', Value: id }],
    MaxResults: 1,
  });
  return body.Events[0];
}
