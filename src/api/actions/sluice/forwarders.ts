import { z } from 'zod';
import { newAccessKeyPair } from '../../../access-key-pair.ts';
import { Refusal } from '../../../elb/refusal.ts';
import type { LoadBalancer, Site } from '../../../elb/types.ts';
import type { ForwarderState, Standing } from '../../../fleet/fleet.ts';
import { unclaimedSites } from '../../../fleet/protocol.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import type { AccessKeyRecord } from '../../access-keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import { defineAction, documentedLimits } from '../action.ts';
import { nothing } from '../fields.ts';
import {
  errors,
  forwarderName,
  limits,
  site,
  siteResource,
  standingStates,
  stateText,
} from './fields.ts';
import { onlyOperator } from './operator.ts';

const siteOrAll = z
  .union([site, z.literal(unclaimedSites)])
  .describe('The site that the forwarder serves; * = every site without one of its own.');

/** A forwarder as registered; its access key is a record of its own. */
interface ForwarderRecord {
  readonly v: 1;
  readonly account: string;
  readonly site: string;
  readonly name: string;
  readonly accessKeyId: string;
  readonly createTime: string;
  /** It is being deregistered: it must stop serving. */
  readonly leaving?: boolean;
}

const registered = z.object({
  AccessKeyId: z.string(),
  AccessKeySecret: z.string().describe('Shown this once.'),
});

async function register(
  siteId: string,
  name: string,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof registered>>> {
  // Such a forwarder carries the sites of every account.
  if (siteId === unclaimedSites) await onlyOperator(call);
  else if ((await call.site(siteId)) === undefined) {
    throw new Refusal('Invalid%s', 'EnsRegionId');
  }
  const key = keys.forwarder(siteId, name);
  const before = (await reads.get<ForwarderRecord>(key))?.value;
  const { account } = call.caller;
  if (before !== undefined && before.account !== account) {
    throw new Refusal('InvalidParameter.%s', 'ForwarderName', `${name} is registered already.`);
  }
  const pair = newAccessKeyPair();
  const createTime = isoSeconds(call.now());
  const keyRecord = keys.accessKey(pair.accessKeyId);
  const accessKey: AccessKeyRecord = {
    v: 1,
    id: pair.accessKeyId,
    account,
    principal: { kind: 'forwarder', site: siteId, name },
    secret: call.seal(pair.accessKeySecret, keyRecord),
    status: 'Active',
    createTime,
  };
  const forwarder: ForwarderRecord = {
    v: 1,
    account,
    site: siteId,
    name,
    accessKeyId: pair.accessKeyId,
    createTime: before?.createTime ?? createTime,
  };
  return {
    puts: new Map<string, unknown>([
      [key, forwarder],
      [keyRecord, accessKey],
    ]),
    deletes: before === undefined ? [] : [keys.accessKey(before.accessKeyId)],
    result: { AccessKeyId: pair.accessKeyId, AccessKeySecret: pair.accessKeySecret },
  };
}

export const RegisterForwarder = defineAction({
  name: 'RegisterForwarder',
  product: 'Sluice',
  access: 'create',
  summary: 'Registers a forwarder and answers its access key, once.',
  description:
    'The key may watch and report its site and nothing else; its secret is shown here and never ' +
    'again. Registering the same name again answers a new key; the one before ends at once. As ' +
    'soon as a site has a forwarder of its own, those registered for * leave it.',
  input: z.object({ EnsRegionId: siteOrAll, ForwarderName: forwarderName }),
  output: registered,
  errors,
  limits,
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  run: ({ EnsRegionId, ForwarderName }, call) =>
    call.transact((reads) => register(EnsRegionId, ForwarderName, call, reads)),
});

/** A record of the caller's own account. @throws Refusal when there is none */
async function registeredAs(site: string, name: string, call: Call, reads: Reads) {
  const found = (await reads.get<ForwarderRecord>(keys.forwarder(site, name)))?.value;
  if (found?.account !== call.caller.account) {
    throw new Refusal('InvalidParameter.%s', 'ForwarderName', 'There is no such forwarder.');
  }
  return found;
}

/**
 * Has a forwarder stop serving, and waits for it to say so.
 * @throws Refusal OperationConflict when it does not: it may go on serving
 */
async function stopServing(site: string, name: string, call: Call): Promise<void> {
  if ((await call.fleet.untilLeft(site, name, 0)).length === 0) return;
  await call.transact(async (reads) => {
    const found = await registeredAs(site, name, call, reads);
    if (found.leaving) return { result: {} };
    const leaving = { ...found, leaving: true };
    return { puts: new Map([[keys.forwarder(site, name), leaving]]), result: {} };
  });
  const served = await call.fleet.untilLeft(site, name, bounds.goodbyeWait);
  if (served.length === 0) return;
  const sites = served.slice(0, 3).join(', ');
  const reason =
    `${name} has not said that it stopped serving ${sites}: it may go on. ` +
    'Stop its machine, and call again with x-sluice-gone: true (--gone).';
  throw new Refusal('OperationConflict', undefined, reason);
}

export const DeregisterForwarder = defineAction({
  name: 'DeregisterForwarder',
  product: 'Sluice',
  access: 'delete',
  summary: 'Has a forwarder stop serving, and forgets it; its access key ends.',
  description:
    'The forwarder gives up its load balancers and says so; answers count it until then. When it ' +
    'does not within ten seconds the call fails, and the next call goes on from there. With the ' +
    'header x-sluice-gone: true (--gone) it is forgotten at once, for a machine that will not ' +
    'come back: one that runs after all goes on serving, uncounted.',
  input: z.object({ EnsRegionId: siteOrAll, ForwarderName: forwarderName }),
  output: nothing,
  errors,
  limits,
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  async run({ EnsRegionId, ForwarderName }, call) {
    const key = keys.forwarder(EnsRegionId, ForwarderName);
    if (!call.extensions.dryRun) {
      await registeredAs(EnsRegionId, ForwarderName, call, readsOf(call));
      if (call.extensions.gone !== true) await stopServing(EnsRegionId, ForwarderName, call);
      await call.fleet.forget(EnsRegionId, ForwarderName);
    }
    return call.transact(async (reads) => {
      const found = await registeredAs(EnsRegionId, ForwarderName, call, reads);
      return { deletes: [key, keys.accessKey(found.accessKeyId)], result: {} };
    });
  },
});

/** Reads outside a transaction. */
function readsOf({ store }: Call): Reads {
  return {
    get: async <T>(key: string) => {
      const entry = await store.get(key);
      return entry && parseRecord<T>(entry);
    },
  };
}

const failure = z.object({
  LoadBalancerId: z.string().describe('* stands for all of the site.'),
  Listener: z.string().describe('Such as tcp-80; empty: the load balancer as a whole.'),
  Reason: z.string(),
});

const siteView = z.object({
  EnsRegionId: z.string(),
  State: z.enum(standingStates).describe(stateText),
  SilentSince: z.string().describe('UTC; empty while it reports.'),
  Counted: z.boolean().describe('It may serve the site: answers count it.'),
  Fences: z.boolean().describe('Its engines refuse the traffic of the site when its lease ends.'),
  Revision: z.int().describe('The forwarder has read its engine back at this revision.'),
  SiteRevision: z.int().describe('Of the last change of a load balancer there; 0: there is none.'),
  Behind: z.int().describe('Load balancers whose last change is later than Revision.'),
  BehindLoadBalancers: z.array(z.string()).describe(`The first ${bounds.failuresTold} of these.`),
  Engine: z.string().describe('What moves the traffic, such as haproxy 2.6.12.'),
  FailureCount: z.int().describe('Of what is not as wanted.'),
  Failures: z
    .object({ Failure: z.array(failure) })
    .describe(`The first ${bounds.failuresTold} of these.`),
  Notices: z.array(z.string()).describe('What an operator should know; empty when all is well.'),
});

const view = z.object({
  EnsRegionId: z.string().describe('The site it is registered for; * = those without their own.'),
  ForwarderName: z.string(),
  Live: z.boolean().describe('It has reported within the last seconds.'),
  Sites: z.object({ Site: z.array(siteView) }).describe('The sites that it serves, or may serve.'),
  CreateTime: z.string(),
});

/** Load balancer -> revision of its last change. */
type Revisions = ReadonlyMap<string, number>;

async function revisionsOf(site: string, call: Call): Promise<Revisions> {
  const revisions = new Map<string, number>();
  for await (const { value, revision } of call.list<LoadBalancer>(keys.loadBalancers(site))) {
    revisions.set(value.id, revision);
  }
  return revisions;
}

/** What each forwarder last said of each site it carries. */
async function statesOf(call: Call): Promise<ReadonlyMap<string, z.infer<typeof siteView>[]>> {
  const byForwarder = new Map<string, z.infer<typeof siteView>[]>();
  for await (const { value } of call.list<Site>(keys.allSites)) {
    const standings = call.fleet.standings(value.id);
    const states = new Map(call.fleet.forwarders(value.id).map((each) => [each.name, each]));
    const revisions = states.size === 0 ? new Map() : await revisionsOf(value.id, call);
    for (const standing of standings) {
      const views = byForwarder.get(standing.forwarder) ?? [];
      byForwarder.set(standing.forwarder, views);
      views.push(siteViewOf(value.id, standing, states.get(standing.forwarder), revisions));
    }
  }
  return byForwarder;
}

const nothingReported = { revision: 0, engine: '', failures: [], notices: [] };

function siteViewOf(
  id: string,
  standing: Standing,
  reported: ForwarderState | undefined,
  revisions: Revisions,
): z.infer<typeof siteView> {
  const state = reported ?? nothingReported;
  const behind = [...revisions].filter(([, revision]) => revision > state.revision);
  return {
    EnsRegionId: id,
    State: standing.state,
    SilentSince: standing.silentSince,
    Counted: standing.counted,
    Fences: standing.fences,
    Revision: state.revision,
    SiteRevision: [...revisions.values()].reduce((last, each) => Math.max(last, each), 0),
    Behind: behind.length,
    BehindLoadBalancers: behind.slice(0, bounds.failuresTold).map(([loadBalancer]) => loadBalancer),
    Engine: state.engine,
    FailureCount: state.failures.length,
    Failures: {
      Failure: state.failures.slice(0, bounds.failuresTold).map((each) => ({
        LoadBalancerId: each.loadBalancerId,
        Listener: each.listener ?? '',
        Reason: each.reason,
      })),
    },
    Notices: [...state.notices],
  };
}

export const DescribeForwarders = defineAction({
  name: 'DescribeForwarders',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists forwarders: live or not, how far behind they are at each site, what failed.',
  input: z.object({
    EnsRegionId: siteOrAll
      .optional()
      .describe('Only forwarders registered for this site (or for *).'),
  }),
  output: z.object({ Forwarders: z.object({ Forwarder: z.array(view) }) }),
  errors,
  // Each call looks at every load balancer's revision.
  limits: documentedLimits,
  resource: ({ EnsRegionId = '*' }, account) => siteResource(EnsRegionId, account),
  async run({ EnsRegionId }, call) {
    const states = await statesOf(call);
    const prefix = EnsRegionId === undefined ? keys.allForwarders : keys.forwarders(EnsRegionId);
    const Forwarder: z.infer<typeof view>[] = [];
    for await (const { value } of call.list<ForwarderRecord>(prefix)) {
      const isOwn = (site: string) => value.site === unclaimedSites || value.site === site;
      const Site = (states.get(value.name) ?? []).filter((each) => isOwn(each.EnsRegionId));
      Forwarder.push({
        EnsRegionId: value.site,
        ForwarderName: value.name,
        Live: Site.some(({ State }) => State === 'live'),
        Sites: { Site },
        CreateTime: value.createTime,
      });
    }
    return { Forwarders: { Forwarder } };
  },
});
