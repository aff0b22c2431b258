import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import type { Deliver, Watcher } from '../../../fleet/fleet.ts';
import { isMinute, storeMinute } from '../../../fleet/minutes.ts';
import {
  certificateContext,
  minuteFields,
  type SiteReport,
  unclaimedSites,
} from '../../../fleet/protocol.ts';
import { limits as bounds } from '../../../limits.ts';
import { keys } from '../../../store/keys.ts';
import type { Call } from '../../call.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { errors, isolation, limits, site, siteResource } from './fields.ts';
import { isOperator } from './operator.ts';

const siteOrAll = z
  .union([site, z.literal(unclaimedSites)])
  .describe('The site; * = every site without a forwarder of its own.');

/** The forwarder that calls; only a forwarder's own key can report. */
function forwarderOf({ caller }: Call): string {
  if (caller.principal.kind === 'forwarder') return caller.principal.name;
  throw new Refusal('InvalidParameter.%s', 'AccessKeyId', 'It is no access key of a forwarder.');
}

/** A forwarder that watches, with what it says of itself; undefined: the caller is none. */
function watcherOf(
  { caller }: Call,
  said: { StartedAt: number; Sequence: number; KeepsLeases: boolean },
): Watcher | undefined {
  if (caller.principal.kind !== 'forwarder') return undefined;
  const { StartedAt: startedAt, Sequence: sequence, KeepsLeases: keepsLeases } = said;
  return { name: caller.principal.name, startedAt, sequence, keepsLeases };
}

/** Forwarders alone get certificates, each with its key sealed for that forwarder. */
async function deliveryTo(call: Call): Promise<Deliver | undefined> {
  const { principal, accessKeyId: sealedFor } = call.caller;
  if (principal.kind !== 'forwarder') return undefined;
  const reseal = await call.resealForCaller();
  return ({ id, chain, notAfter, key }) => {
    return { id, chain, notAfter, key: reseal(key, certificateContext(id)), sealedFor };
  };
}

/**
 * Sites are their account's to watch; the forwarder of all sites carries those of every account.
 * @throws Refusal Forbidden.NoPermission, for another account's site as for none
 */
async function checkWatcher(site: string, call: Call): Promise<void> {
  const { principal } = call.caller;
  const carriesAll = principal.kind === 'forwarder' && principal.site === unclaimedSites;
  const isOwn = site !== unclaimedSites && (await call.site(site)) !== undefined;
  if (carriesAll || isOwn) return;
  const isNobodys =
    site === unclaimedSites || (await call.store.get(keys.site(site))) === undefined;
  if (!(isNobodys && (await isOperator(call)))) throw new Refusal('Forbidden.NoPermission');
}

const startedAt = z.int().min(0);
const sequence = z.int().min(0);

export const WatchSite = defineAction({
  name: 'WatchSite',
  product: 'Sluice',
  access: 'get',
  summary: 'Streams the load balancers of a site: a snapshot, then changes and heartbeats.',
  description:
    'One JSON message a line: snapshot, change, heartbeat, release; and alive, twice a second ' +
    'while there is nothing else. It is what forwarders follow, with their own access key; it ' +
    'never ends by itself. The account itself may watch too, to see what a forwarder sees.',
  input: z.object({
    EnsRegionId: siteOrAll,
    StartedAt: startedAt.default(0).describe('Of a forwarder: when it began, Unix milliseconds.'),
    Sequence: sequence.default(0).describe('Of a forwarder: rises with each of its messages.'),
    KeepsLeases: z
      .boolean()
      .default(false)
      .describe('Of a forwarder: its engines still hold the leases that it has reported.'),
  }),
  output: nothing,
  errors,
  limits,
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  stream: async function* ({ EnsRegionId, ...said }, call) {
    await checkWatcher(EnsRegionId, call);
    const deliver = await deliveryTo(call);
    yield* call.fleet.watchSite(EnsRegionId, call.signal, deliver, watcherOf(call, said));
  },
  run: async () => ({}),
});

const loadBalancerId = z.string().max(64);
const backend = z.object({
  serverId: z.string().max(64),
  type: z.enum(['ens', 'eni']),
  ip: z.string().max(64),
  port: z.int().min(0).max(65_535),
});
const server = backend.extend({ weight: z.int().min(0).max(100) });
const revision = z.int().min(0);
/** Cut rather than refused: a forwarder whose reports are refused counts as dead. */
const reason = z.string().overwrite((text) => text.slice(0, bounds.reportReason));
const listener = z.string().max(16);

const count = z.number().min(0).optional();
const traffic = z.object({
  listener,
  server: backend.optional(),
  healthy: z.boolean().optional(),
  sessions: count,
  connections: count,
  requests: count,
  bytesIn: count,
  bytesOut: count,
});

/** The wire form of `SiteReport`. */
const report = z.object({
  applied: z
    .object({
      revision,
      failures: z
        .array(
          z.object({
            loadBalancerId,
            listener: listener.optional(),
            reason,
            inert: z.literal(true).optional(),
            since: revision.optional(),
          }),
        )
        .max(bounds.reportEntries),
      ahead: z.record(z.string().max(64), revision).optional(),
      startedAt: z.number().min(0).optional(),
      lease: z.object({ armed: z.boolean(), sequence }).optional(),
    })
    .optional(),
  goodbye: z.object({ startedAt, sequence }).optional(),
  status: z
    .object({
      drains: z
        .array(
          z.object({
            loadBalancerId,
            server,
            deadline: z.number().min(0),
            sessions: z.int().min(0),
          }),
        )
        .max(bounds.reportEntries),
      health: z
        .array(
          z.object({
            loadBalancerId,
            listener,
            serverId: z.string().max(64),
            healthy: z.boolean(),
          }),
        )
        .max(bounds.reportEntries),
      engine: z.string().max(256),
      notices: z.array(reason).max(100).optional(),
    })
    .optional(),
  minute: z
    .object({
      minute: z.string().refine(isMinute),
      part: z.string().regex(/^[0-9-]{1,32}$/),
      listeners: z.record(
        z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
        z.record(
          z.string().regex(/^[a-z]{1,5}:\d{1,5}$/),
          z.array(z.int().min(0)).max(minuteFields.length),
        ),
      ),
    })
    .optional(),
  traffic: z.record(loadBalancerId, z.array(traffic).max(bounds.trafficRows)).optional(),
});

export const ReportSite = defineAction({
  name: 'ReportSite',
  product: 'Sluice',
  access: 'get',
  summary: 'Takes what a forwarder has applied, and how its drains and probes stand.',
  description:
    'Taken from the access key of a forwarder alone. Kept for as long as it goes on reporting. A ' +
    'forwarder that stops reporting is silent: it may go on serving, so answers count it as one ' +
    'that has not confirmed. The answer says whether the engines must hold the site to a lease, ' +
    'and for how long it is renewed.',
  input: z.object({
    EnsRegionId: site,
    Report: z
      .string()
      .max(bounds.bodyBytes)
      .describe(
        'A JSON text with any of applied (revision, failures, lease), status (drains, health), ' +
          'minute, traffic, goodbye; with none of them it shows that the control plane answers.',
      ),
  }),
  output: z.object({
    Isolation: isolation,
    LeaseMs: z
      .int()
      .describe('How long the lease runs from the sending of the report; 0: it is not renewed.'),
  }),
  errors,
  limits: { perApi: 100_000, perAccount: 100_000 },
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  async run({ EnsRegionId, Report }, call) {
    const name = forwarderOf(call);
    const read = readReport(Report);
    const terms = await call.fleet.report(EnsRegionId, name, read);
    if (read.minute !== undefined) {
      const of = { site: EnsRegionId, forwarder: name, now: call.now() };
      await storeMinute(call.store, of, read.minute);
    }
    return { Isolation: terms.isolation, LeaseMs: terms.leaseMs };
  },
});

function readReport(text: string): SiteReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal('Invalid%s', 'Report');
  }
  const result = report.safeParse(value);
  if (!result.success) throw new Refusal('Invalid%s', 'Report');
  // What was parsed from JSON has no undefined members.
  return result.data as SiteReport;
}
