import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { auditPlace } from '../../audit-log.ts';
import type { Call } from '../../call.ts';
import { eventOf, type TrailEvent } from '../../trail/event.ts';
import { search, tokenForm, windowFrom } from '../../trail/search.ts';
import { defineAction } from '../action.ts';

/** ActionTrail: what the account's callers did, in its own words. */

/** By the key of a LookupAttribute: what of an event has to be its value, to the letter. */
const attributes: Readonly<Record<string, (event: TrailEvent) => readonly string[]>> = {
  ServiceName: ({ serviceName }) => [serviceName],
  EventName: ({ eventName }) => [eventName],
  User: ({ userIdentity }) => [userIdentity.userName],
  EventId: ({ eventId }) => [eventId],
  ResourceType: ({ referencedResources }) => Object.keys(referencedResources),
  ResourceName: ({ referencedResources }) => Object.values(referencedResources).flat(),
  EventRW: ({ eventRW }) => [eventRW],
  EventAccessKeyId: ({ userIdentity }) => [userIdentity.accessKeyId],
  SensitiveAction: () => ['false'],
  SourceIpAddress: ({ sourceIpAddress }) => [sourceIpAddress],
  EventType: ({ eventType }) => [eventType],
  RoleName: ({ userIdentity: { type, userName } }) =>
    type === 'assumed-role' ? [userName.split(':')[0]!] : [],
};

/** Texts, as the official SDKs have them: what is wrong with one has a code of its own. */
const text = z.string().max(1_024).optional();

const input = z.object({
  StartTime: text.describe('UTC, such as 2026-11-24T08:00:00Z; 7 days before the end unless said.'),
  EndTime: text.describe('UTC: events before then. Now unless said.'),
  Direction: text.describe('BACKWARD, newest first (the default), or FORWARD.'),
  LookupAttribute: z
    .array(z.object({ Key: text, Value: text }))
    .max(bounds.lookupResults)
    .default([])
    .describe(
      `Key is one of ${Object.keys(attributes).join(', ')}. The first two count, and an event ` +
        'has to have both; of two with one Key the second.',
    ),
  MaxResults: text.describe('The most events in one answer: 0 to 50; 0 is the default, 20.'),
  NextToken: text.describe('The one of the answer before, with the same parameters.'),
});
type Wanted = z.infer<typeof input>;

const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** @throws Refusal of the parameter's own code for a text that is no time */
function timeOf(name: 'StartTime' | 'EndTime', text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = timeForm.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new Refusal(`InvalidParameter${name}`);
  return time;
}

/** @throws Refusal as `timeOf`, and InvalidParameterCombination */
function timesOf({ StartTime, EndTime }: Wanted, call: Call) {
  const end = timeOf('EndTime', EndTime) ?? call.now() + 1_000;
  const start = timeOf('StartTime', StartTime) ?? end - bounds.lookupWindow;
  if (start >= end) throw new Refusal('InvalidParameterCombination');
  return { start, end };
}

function invalid(): Refusal {
  return new Refusal('InvalidQueryParameter');
}

/** @throws Refusal InvalidQueryParameter */
function filterOf({ LookupAttribute }: Wanted): (event: TrailEvent) => boolean {
  const wanted = new Map<string, string>();
  for (const { Key = '', Value } of LookupAttribute.slice(0, 2)) {
    if (!Object.hasOwn(attributes, Key) || Value === undefined) throw invalid();
    wanted.set(Key, Value);
  }
  return (event) => [...wanted].every(([key, value]) => attributes[key]!(event).includes(value));
}

/** @throws Refusal InvalidQueryParameter */
function pageOf({ Direction = 'BACKWARD', MaxResults = '0', NextToken }: Wanted) {
  if (Direction !== 'FORWARD' && Direction !== 'BACKWARD') throw invalid();
  if (!/^\d{1,2}$/.test(MaxResults) || Number(MaxResults) > bounds.lookupResults) throw invalid();
  if (NextToken !== undefined && !tokenForm.test(NextToken)) throw invalid();
  return { direction: Direction, most: Number(MaxResults) || 20, token: NextToken } as const;
}

const LookupEvents = defineAction({
  name: 'LookupEvents',
  product: 'Actiontrail',
  access: 'get',
  summary: 'Looks events of the audit log up: by time, action, resource, caller.',
  description:
    'Writes, refused calls, and reads where Sluice was started with --audit reads. NextToken is ' +
    `absent at the end. An answer looks through ${bounds.auditScan.toLocaleString('en')} events ` +
    'at most, so it may hold few, or none, and a NextToken.',
  input,
  output: z.object({
    StartTime: z.string(),
    EndTime: z.string(),
    Events: z.array(z.record(z.string(), z.unknown())),
    NextToken: z.string().optional(),
  }),
  errors: [
    'InvalidParameterCombination',
    'InvalidQueryParameter',
    'InvalidParameterEndTime',
    'InvalidParameterStartTime',
    'Missing%s',
    'Invalid%s',
    'InvalidParameter.%s',
    'Forbidden.NoPermission',
  ],
  /** Documented: two calls a second. */
  limits: { perApi: 100, perAccount: 2 },
  async run(wanted, call) {
    const { start, end } = timesOf(wanted, call);
    const { direction, most, token } = pageOf(wanted);
    const matches = filterOf(wanted);
    const window = { after: auditPlace(start), before: auditPlace(end) };
    const { records, next } = await search(call.store, {
      window: windowFrom(window, direction, token),
      direction,
      account: call.caller.account,
      isWanted: (record) => matches(eventOf(record)),
      most,
    });
    return {
      StartTime: isoSeconds(start),
      EndTime: isoSeconds(end),
      Events: records.map(eventOf),
      ...(next === undefined ? {} : { NextToken: next }),
    };
  },
});

export const actiontrailActions = [LookupEvents];
