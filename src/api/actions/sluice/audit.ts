import { z } from 'zod';
import { limits as bounds } from '../../../limits.ts';
import { auditPlace, type LoggedRecord } from '../../audit-log.ts';
import type { ChangedRecord } from '../../audit-records.ts';
import type { Call } from '../../call.ts';
import { userIdentity } from '../../trail/identity.ts';
import { search, tokenForm, windowFrom } from '../../trail/search.ts';
import { defineAction } from '../action.ts';
import { id, loadBalancerId } from '../fields.ts';
import { errors, limits, sluiceResource } from './fields.ts';

const time = z.iso.datetime({ message: 'no time such as 2026-11-24T08:00:00Z' }).optional();

const input = z.object({
  StartTime: time.describe('UTC, such as 2026-11-24T08:00:00Z: records from then on.'),
  EndTime: time.describe('UTC: records before then.'),
  LoadBalancerId: loadBalancerId.optional().describe('Records of what changed this one.'),
  ActionName: id.optional().describe('Records of one action, such as RemoveBackendServers.'),
  NextToken: z
    .string()
    .regex(tokenForm)
    .optional()
    .describe('The one of the answer before: the list goes on where that one ended.'),
  MaxResults: z.int().min(1).max(100).default(50).describe('The most records in one answer.'),
});
type Wanted = z.infer<typeof input>;

const members = z
  .record(z.string(), z.unknown())
  .nullable()
  .describe('The members that differ, as stored; null: there is no record.');

const view = z.object({
  Time: z.string().describe('UTC with milliseconds.'),
  Revision: z.int().describe("The store's revision, as the answer had it in x-sluice-revision."),
  RequestId: z.string(),
  Product: z.string(),
  Action: z.string(),
  AccountId: z.string(),
  Principal: z.string().describe('root, or forwarder:<site>/<name>.'),
  AccessKeyId: z.string(),
  SourceIp: z.string(),
  UserAgent: z.string(),
  Secure: z.boolean().describe('The call came over TLS.'),
  DecidedBy: z.string().describe('What allowed the call.'),
  Parameters: z
    .object({ Parameter: z.array(z.object({ Name: z.string(), Value: z.string() })) })
    .describe('Those of the action, as sent; secrets are masked.'),
  IgnoredServers: z.array(z.string()).describe('Servers named but not attached.'),
  Changes: z.object({
    Change: z.array(z.object({ Key: z.string(), Before: members, After: members })),
  }),
  Truncated: z
    .boolean()
    .describe('The record was too long: texts are cut, lists show only what differs.'),
  OmittedCalls: z
    .int()
    .describe('Refused calls of the account before this one that were only counted.'),
  ErrorCode: z.string().optional().describe('Of a call that was refused or failed.'),
  ErrorMessage: z.string().optional(),
});

function viewOf({ value, revision }: LoggedRecord): z.infer<typeof view> {
  const { error } = value;
  return {
    Time: value.time,
    Revision: revision,
    RequestId: value.requestId,
    Product: value.product,
    Action: value.action,
    AccountId: value.account,
    Principal: userIdentity(value).userName,
    AccessKeyId: value.accessKeyId,
    SourceIp: value.sourceIp,
    UserAgent: value.userAgent,
    Secure: value.secure,
    DecidedBy: value.decidedBy,
    // A list, since callers choose the names and XML takes few of them.
    Parameters: { Parameter: Object.entries(value.parameters).map(toParameter) },
    IgnoredServers: [...value.ignored],
    Changes: { Change: value.changes.map(changeView) },
    Truncated: value.isCut ?? false,
    OmittedCalls: value.omitted ?? 0,
    ...(error === undefined ? {} : { ErrorCode: error.code, ErrorMessage: error.message }),
  };
}

function toParameter([Name, Value]: [string, string]) {
  return { Name, Value };
}

function changeView({ key, before, after }: ChangedRecord) {
  return { Key: key, Before: before, After: after };
}

/** The part of the log that is asked for, less what earlier answers had. */
function windowOf({ StartTime, EndTime, NextToken }: Wanted, call: Call) {
  const end = EndTime === undefined ? call.now() + bounds.clockSkew : Date.parse(EndTime);
  const window = {
    after: auditPlace(StartTime === undefined ? 0 : Date.parse(StartTime)),
    before: auditPlace(end),
  };
  return windowFrom(window, 'BACKWARD', NextToken);
}

function isWanted({ value }: LoggedRecord, wanted: Wanted): boolean {
  const { LoadBalancerId, ActionName } = wanted;
  const touches = ({ key }: ChangedRecord) =>
    key.startsWith('lb/') && key.endsWith(`/${LoadBalancerId}`);
  return (
    (ActionName === undefined || value.action === ActionName) &&
    (LoadBalancerId === undefined || value.changes.some(touches))
  );
}

export const DescribeAuditRecords = defineAction({
  name: 'DescribeAuditRecords',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists the records of calls, newest first: who, from where, what, before and after.',
  description:
    'Every committed change has one, written with it. Writes that were refused or changed ' +
    'nothing have one too, with Revision of when it was written; reads with --audit reads. ' +
    'NextToken is empty at the end of the list. An answer looks through ' +
    `${bounds.auditScan.toLocaleString('en')} records at most and holds a megabyte of them at ` +
    'most, so it may hold few, or none, and a NextToken.',
  input,
  output: z.object({
    AuditRecords: z.object({ AuditRecord: z.array(view) }),
    NextToken: z.string().describe('For the next call; empty when there is no more.'),
  }),
  errors,
  limits,
  resource: (_, account) => sluiceResource('audit', account),
  async run(wanted, call) {
    const { records, next = '' } = await search(call.store, {
      window: windowOf(wanted, call),
      direction: 'BACKWARD',
      account: call.caller.account,
      isWanted: (record) => isWanted(record, wanted),
      most: wanted.MaxResults,
    });
    return { AuditRecords: { AuditRecord: records.map(viewOf) }, NextToken: next };
  },
});
