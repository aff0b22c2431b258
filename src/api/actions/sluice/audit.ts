import { z } from 'zod';
import { keys } from '../../../store/keys.ts';
import type { AuditRecord } from '../../audit-records.ts';
import { defineAction } from '../action.ts';
import { id, loadBalancerId } from '../fields.ts';
import { errors, limits } from './fields.ts';

const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{3})?Z)?$/)
  .optional();

export const DescribeAuditRecords = defineAction({
  name: 'DescribeAuditRecords',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists the records of changes, oldest first: who, from where, what, before and after.',
  input: z.object({
    StartTime: time.describe('UTC; records from then on.'),
    EndTime: time.describe('UTC; records before then.'),
    LoadBalancerId: loadBalancerId.optional().describe('Records that touched it.'),
    ActionName: id.optional().describe('Records of one action.'),
    NextToken: z.string().max(256).optional().describe('From the answer before.'),
    MaxResults: z.int().min(1).max(100).default(50).describe('Records in one answer.'),
  }),
  output: z.object({
    AuditRecords: z.object({ AuditRecord: z.array(z.unknown()) }),
    NextToken: z.string(),
  }),
  errors,
  limits,
  async run(wanted, call) {
    const prefix = keys.audit('', '').slice(0, -1);
    const found: AuditRecord[] = [];
    let after = wanted.NextToken ?? `${prefix}${wanted.StartTime ?? ''}`;
    for (;;) {
      const { entries } = await call.store.range(prefix, { after, limit: pageSize });
      for (const { key, value } of entries) {
        const record = JSON.parse(value) as AuditRecord;
        if (wanted.EndTime !== undefined && record.time >= wanted.EndTime) return page(found, '');
        after = key;
        if (record.account === call.caller.account && matches(record, wanted)) found.push(record);
        if (found.length === wanted.MaxResults) return page(found, after);
      }
      if (entries.length < pageSize) return page(found, '');
    }
  },
});

/** Records read in one step, so that a long search yields to other calls. */
const pageSize = 200;

function page(found: readonly AuditRecord[], NextToken: string) {
  return { AuditRecords: { AuditRecord: [...found] }, NextToken };
}

function matches(
  record: AuditRecord,
  wanted: {
    readonly LoadBalancerId?: string | undefined;
    readonly ActionName?: string | undefined;
  },
): boolean {
  const { LoadBalancerId, ActionName } = wanted;
  return (
    (ActionName === undefined || record.action === ActionName) &&
    (LoadBalancerId === undefined ||
      record.changes.some(({ key }) => key.startsWith('lb/') && key.endsWith(`/${LoadBalancerId}`)))
  );
}
