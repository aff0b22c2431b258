import { z } from 'zod';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import { rolloutOf } from '../../live/rollout.ts';
import { defineAction } from '../action.ts';
import { label, loadBalancerId, nothing } from '../fields.ts';
import { errors, limits, sluiceResource, standingStates, stateText } from './fields.ts';
import { onlyOperator } from './operator.ts';

export const DescribeRollouts = defineAction({
  name: 'DescribeRollouts',
  product: 'Sluice',
  access: 'get',
  summary: 'Tells how far the last change of a load balancer has come, forwarder by forwarder.',
  description:
    'Applied means that the forwarder has read its engine back and found it so. A change is done ' +
    'when Applied equals Counted. A forwarder that does not report stays counted, since it may ' +
    'go on serving, until it is fenced, has stopped, or is deregistered.',
  input: z.object({ LoadBalancerId: loadBalancerId }),
  output: z.object({
    LoadBalancerId: z.string(),
    Revision: z.int().describe('Of its last change.'),
    Applied: z.int().describe('Forwarders that have applied it.'),
    Counted: z.int().describe('Forwarders that may serve its site.'),
    Live: z.int().describe('Of these, the ones that report.'),
    Rollouts: z.object({
      Rollout: z.array(
        z.object({
          ForwarderName: z.string(),
          State: z.enum(standingStates).describe(stateText),
          SilentSince: z.string().describe('UTC; empty while it reports.'),
          Counted: z.boolean().describe('It may serve the site: the change needs it.'),
          Revision: z.int().describe('How far the forwarder is with the whole site; 0: unknown.'),
          Applied: z.boolean(),
          Reasons: z
            .array(z.string())
            .describe('Why not; and listeners that failed before the change, applied or not.'),
        }),
      ),
    }),
  }),
  errors: [...errors, 'LoadBalancerNotFound'],
  limits,
  async run({ LoadBalancerId }, call) {
    const stored = await call.loadBalancer(LoadBalancerId);
    const { applied, counted, live, forwarders } = rolloutOf(call.fleet, stored);
    return {
      LoadBalancerId,
      Revision: stored.revision,
      Applied: applied,
      Counted: counted,
      Live: live,
      Rollouts: { Rollout: [...forwarders] },
    };
  },
});

/** The freeze as the store holds it. */
interface FreezeRecord {
  readonly v: 1;
  readonly frozen: boolean;
  readonly reason: string;
  readonly since: string;
  readonly account: string;
}

export const SetFreeze = defineAction({
  name: 'SetFreeze',
  product: 'Sluice',
  access: 'update',
  summary: 'Stops or resumes telling forwarders of changes; traffic goes on meanwhile.',
  description:
    'While frozen, changes are taken and kept; forwarders learn of them when the freeze ends. ' +
    'Answers then say 0 forwarders in x-sluice-applied. Drains still end at their deadlines. ' +
    'Setting what is set already changes the reason alone. It holds for all accounts, so only ' +
    'the first one may.',
  input: z.object({
    Frozen: z.boolean().describe('true: hold changes back. false: send them.'),
    Reason: label(1, 200).optional().describe('Why, for whoever reads it later.'),
  }),
  output: nothing,
  errors,
  limits,
  resource: (_, account) => sluiceResource('freeze', account),
  run: async ({ Frozen, Reason = '' }, call) => {
    await onlyOperator(call);
    return call.transact(async (reads) => {
      const before = (await reads.get<FreezeRecord>(keys.freeze))?.value;
      const isSame = before !== undefined && before.frozen === Frozen;
      const record: FreezeRecord = {
        v: 1,
        frozen: Frozen,
        reason: Reason,
        since: isSame ? before.since : isoSeconds(call.now()),
        account: call.caller.account,
      };
      return { puts: new Map([[keys.freeze, record]]), result: {} };
    });
  },
});

export const DescribeFreeze = defineAction({
  name: 'DescribeFreeze',
  product: 'Sluice',
  access: 'get',
  summary: 'Tells whether changes are held back, since when and why.',
  input: z.object({}),
  output: z.object({
    Frozen: z.boolean(),
    Reason: z.string(),
    Since: z.string().describe('UTC; empty: changes were never held back.'),
  }),
  errors,
  limits,
  resource: (_, account) => sluiceResource('freeze', account),
  async run(_input, call) {
    await onlyOperator(call);
    const entry = await call.store.get(keys.freeze);
    const record = entry && parseRecord<FreezeRecord>(entry).value;
    return {
      Frozen: record?.frozen ?? false,
      Reason: record?.reason ?? '',
      Since: record?.since ?? '',
    };
  },
});
