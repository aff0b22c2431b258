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

const keys = Object.keys(attributes);

const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  .refine((text) => !Number.isNaN(Date.parse(text)), 'no such time')
  .optional();

const input = z.object({
  StartTime: time.describe('UTC, such as 2026-11-24T08:00:00Z; 7 days before the end unless said.'),
  EndTime: time.describe('UTC: events before then. Now unless said.'),
  Direction: z
    .enum(['BACKWARD', 'FORWARD'])
    .default('BACKWARD')
    .describe('BACKWARD: newest first.'),
  LookupAttribute: z
    .array(
      z.object({
        Key: z.enum(keys).describe('What of an event is compared.'),
        Value: z.string().max(1_024).describe('What it has to be.'),
      }),
    )
    .max(bounds.lookupResults)
    .default([])
    .describe(
      `Key is one of ${keys.join(', ')}. The first two count, and an event has to have both; of ` +
        'two with one Key the second.',
    ),
  MaxResults: z
    .int()
    .min(0)
    .max(bounds.lookupResults)
    .default(20)
    .describe('The most events in one answer; 0 is the default.'),
  NextToken: z
    .string()
    .regex(tokenForm)
    .optional()
    .describe('The one of the answer before, with the same parameters.'),
});
type Wanted = z.infer<typeof input>;

/** @throws Refusal InvalidParameterCombination */
function timesOf({ StartTime, EndTime }: Wanted, call: Call) {
  const end = EndTime === undefined ? call.now() + 1_000 : Date.parse(EndTime);
  const start = StartTime === undefined ? end - bounds.lookupWindow : Date.parse(StartTime);
  if (start >= end) throw new Refusal('InvalidParameterCombination');
  return { start, end };
}

function filterOf({ LookupAttribute }: Wanted): (event: TrailEvent) => boolean {
  const wanted = new Map(LookupAttribute.slice(0, 2).map(({ Key, Value }) => [Key, Value]));
  return (event) => [...wanted].every(([key, value]) => attributes[key]!(event).includes(value));
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
    'Forbidden.NoPermission',
  ],
  /** Documented: two calls a second. */
  limits: { perApi: 100, perAccount: 2 },
  resource: (_, account) => `acs:actiontrail:*:${account}:*`,
  async run(wanted, call) {
    const { start, end } = timesOf(wanted, call);
    const { Direction: direction, NextToken: token } = wanted;
    const matches = filterOf(wanted);
    const window = { after: auditPlace(start), before: auditPlace(end) };
    const { records, next } = await search(call.store, {
      window: windowFrom(window, direction, token),
      direction,
      account: call.caller.account,
      isWanted: (record) => matches(eventOf(record)),
      most: wanted.MaxResults || 20,
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
