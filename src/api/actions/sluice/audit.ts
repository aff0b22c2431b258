import { z } from 'zod';
import { limits as bounds } from '../../../limits.ts';
import { auditPlace, type LoggedRecord, newestRecords } from '../../audit-log.ts';
import type { ChangedRecord } from '../../audit-records.ts';
import type { Call, Principal } from '../../call.ts';
import { defineAction } from '../action.ts';
import { id, loadBalancerId } from '../fields.ts';
import { errors, limits } from './fields.ts';

const time = z.iso.datetime({ message: 'no time such as 2026-11-24T08:00:00Z' }).optional();

const input = z.object({
  StartTime: time.describe('UTC, such as 2026-11-24T08:00:00Z: records from then on.'),
  EndTime: time.describe('UTC: records before then.'),
  LoadBalancerId: loadBalancerId.optional().describe('Records of what changed this one.'),
  ActionName: id.optional().describe('Records of one action, such as RemoveBackendServers.'),
  NextToken: z
    .string()
    .max(256)
    .regex(/^audit\/[\d.:TZ-]+\/[\w-]+$/)
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
    .describe('As sent; secrets are masked.'),
  IgnoredServers: z.array(z.string()).describe('Servers named but not attached.'),
  Changes: z.object({
    Change: z.array(z.object({ Key: z.string(), Before: members, After: members })),
  }),
});

function principalText(principal: Principal): string {
  switch (principal.kind) {
    case 'root':
      return 'root';
    case 'forwarder':
      return `forwarder:${principal.site}/${principal.name}`;
    case 'user':
      return `user:${principal.name}`;
    case 'role':
      return `role:${principal.name}/${principal.session}`;
  }
}

function viewOf({ value, revision }: LoggedRecord): z.infer<typeof view> {
  const { principal } = value;
  return {
    Time: value.time,
    Revision: revision,
    RequestId: value.requestId,
    Product: value.product,
    Action: value.action,
    AccountId: value.account,
    Principal: principalText(principal),
    AccessKeyId: value.accessKeyId,
    SourceIp: value.sourceIp,
    UserAgent: value.userAgent,
    Secure: value.secure,
    DecidedBy: value.decidedBy,
    // A list, since callers choose the names and XML takes few of them.
    Parameters: { Parameter: Object.entries(value.parameters).map(toParameter) },
    IgnoredServers: [...value.ignored],
    Changes: { Change: value.changes.map(changeView) },
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
  const last = auditPlace(end);
  return {
    after: auditPlace(StartTime === undefined ? 0 : Date.parse(StartTime)),
    before: NextToken !== undefined && NextToken < last ? NextToken : last,
  };
}

function isWanted({ value }: LoggedRecord, wanted: Wanted, account: string): boolean {
  const { LoadBalancerId, ActionName } = wanted;
  const touches = ({ key }: ChangedRecord) =>
    key.startsWith('lb/') && key.endsWith(`/${LoadBalancerId}`);
  return (
    value.account === account &&
    (ActionName === undefined || value.action === ActionName) &&
    (LoadBalancerId === undefined || value.changes.some(touches))
  );
}

export const DescribeAuditRecords = defineAction({
  name: 'DescribeAuditRecords',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists the records of changes, newest first: who, from where, what, before and after.',
  description:
    'Every committed change has one, written with it; reads and refused calls have none. ' +
    'NextToken is empty at the end of the list. An answer looks through ' +
    `${bounds.auditScan.toLocaleString('en')} records at most, so with a filter it may hold few, ` +
    'or none, and a NextToken.',
  input,
  output: z.object({
    AuditRecords: z.object({ AuditRecord: z.array(view) }),
    NextToken: z.string().describe('For the next call; empty when there is no more.'),
  }),
  errors,
  limits,
  async run(wanted, call) {
    const AuditRecord: z.infer<typeof view>[] = [];
    const answer = (NextToken: string) => ({ AuditRecords: { AuditRecord }, NextToken });
    let looked = 0;
    for await (const logged of newestRecords(call.store, windowOf(wanted, call))) {
      if (isWanted(logged, wanted, call.caller.account)) AuditRecord.push(viewOf(logged));
      looked += 1;
      const isFull = AuditRecord.length === wanted.MaxResults;
      if (isFull || looked === bounds.auditScan) return answer(logged.key);
    }
    return answer('');
  },
});
