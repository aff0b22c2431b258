import { z } from 'zod';
import { limits as bounds } from '../../../limits.ts';
import { auditPlace } from '../../audit-log.ts';
import { eventOf } from '../../trail/event.ts';
import { search, tokenForm, windowFrom } from '../../trail/search.ts';
import { type Fault, verifyPart } from '../../trail/verify.ts';
import { defineAction } from '../action.ts';
import { errors, limits, sluiceResource } from './fields.ts';
import { isOperator } from './operator.ts';

const time = z.iso.datetime({ message: 'no time such as 2026-11-24T08:00:00Z' }).optional();

export const ExportAuditEvents = defineAction({
  name: 'ExportAuditEvents',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists all events of the audit log in the shape of ActionTrail, oldest first.',
  description: 'For archives: `sluice audit export` prints them as JSON lines.',
  input: z.object({
    StartTime: time.describe('UTC, such as 2026-11-24T08:00:00Z: events from then on.'),
    EndTime: time.describe('UTC: events before then.'),
    NextToken: z
      .string()
      .regex(tokenForm)
      .optional()
      .describe('The one of the answer before: the list goes on where that one ended.'),
    MaxResults: z.int().min(1).max(500).default(100).describe('The most events in one answer.'),
  }),
  output: z.object({
    Events: z.array(z.record(z.string(), z.unknown())),
    NextToken: z.string().describe('For the next call; empty when there is no more.'),
  }),
  errors,
  limits,
  resource: (_, account) => sluiceResource('audit', account),
  async run({ StartTime, EndTime, NextToken, MaxResults }, call) {
    const end = EndTime === undefined ? call.now() + bounds.clockSkew : Date.parse(EndTime);
    const window = {
      after: auditPlace(StartTime === undefined ? 0 : Date.parse(StartTime)),
      before: auditPlace(end),
    };
    const { records, next = '' } = await search(call.store, {
      window: windowFrom(window, 'FORWARD', NextToken),
      direction: 'FORWARD',
      account: call.caller.account,
      isWanted: () => true,
      most: MaxResults,
    });
    return { Events: records.map(eventOf), NextToken: next };
  },
});

/** `<number>:<digest>` of a seal. */
const sealForm = /^(\d{1,12}):([\w-]{43})$/;
/** What other accounts than the first get in the place of both. */
const hiddenForm = /^[\w-]{40,600}$/;
/** `<number>:<key>` */
const progressForm = /^(\d{1,12}):(audit\/(?:[\d.:TZ-]{1,40}\/[\w-]{1,64})?)$/;

function shown({ key, reason }: Fault) {
  return { Key: key, Reason: reason };
}

const somewhere = { Key: '', Reason: 'the log was altered; its operator is told where' };

function either(form: RegExp): RegExp {
  return new RegExp(`${form.source}|${hiddenForm.source}`);
}

export const VerifyAuditRecords = defineAction({
  name: 'VerifyAuditRecords',
  product: 'Sluice',
  access: 'get',
  summary: 'Tells whether the audit log is as it was written, or what is wrong in it first.',
  description:
    'Records that were altered, deleted, moved or added behind the back of Sluice are found, and ' +
    'a log whose end was cut off. What has no seal yet, that of the last second, may have been ' +
    'deleted unnoticed. The log is one for all accounts: any but the first counts its own ' +
    'records, and is not told where something is wrong. One answer is about ' +
    `${bounds.auditVerify.toLocaleString('en')} records; \`sluice audit verify\` asks for all.`,
  input: z.object({
    ExpectedSeal: z
      .string()
      .regex(either(sealForm))
      .optional()
      .describe('A NewestSeal of before: the log has to have it still, unless it was pruned.'),
    NextToken: z
      .string()
      .regex(either(progressForm))
      .optional()
      .describe('The one of the answer before: verification goes on where that one ended.'),
  }),
  output: z.object({
    Intact: z.boolean().describe('Nothing is wrong in what was looked at so far.'),
    Seals: z.int().describe('Seals that this call has verified; 0 for all but the first account.'),
    Records: z.int().describe('Sealed records that it has verified.'),
    UnsealedRecords: z.int().describe('Records without a seal yet, whose content is proven.'),
    NewestSeal: z
      .string()
      .describe('Keep it elsewhere: as ExpectedSeal it shows later that nothing was cut off.'),
    Fault: z
      .object({ Key: z.string(), Reason: z.string() })
      .optional()
      .describe('The first thing that is wrong.'),
    NextToken: z.string().describe('For the next call; empty at the end, or at a fault.'),
  }),
  errors,
  limits,
  resource: (_, account) => sluiceResource('audit', account),
  async run({ ExpectedSeal, NextToken }, call) {
    const { proof, newest } = call.trail;
    const own = (await isOperator(call)) ? undefined : call.caller.account;
    const read = (text = '') => (own === undefined ? text : (proof.reveal(text) ?? ''));
    const write = (text: string) => (own === undefined ? text : proof.hide(text));
    const [, number, digest = ''] = sealForm.exec(read(ExpectedSeal)) ?? [];
    const [, from, key = ''] = progressForm.exec(read(NextToken)) ?? [];
    const expected = number === undefined ? [] : [{ number: Number(number), digest }];
    const found = await verifyPart(
      { store: call.store, proof, known: [newest(), ...expected], account: own },
      from === undefined ? undefined : { number: Number(from), key },
    );
    const { fault, next } = found;
    return {
      Intact: fault === undefined,
      Seals: own === undefined ? found.seals : 0,
      Records: found.records,
      UnsealedRecords: found.unsealed,
      NewestSeal: write(`${found.newest.number}:${found.newest.digest}`),
      ...(fault === undefined ? {} : { Fault: own === undefined ? shown(fault) : somewhere }),
      NextToken: next === undefined ? '' : write(`${next.number}:${next.key}`),
    };
  },
});
