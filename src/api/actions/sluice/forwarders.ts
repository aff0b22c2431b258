import { z } from 'zod';
import { newAccessKeyPair } from '../../../access-key-pair.ts';
import { Refusal } from '../../../elb/refusal.ts';
import type { Site } from '../../../elb/types.ts';
import { unclaimedSites } from '../../../fleet/protocol.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { AccessKeyRecord } from '../../access-keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { errors, forwarderName, limits, site, siteResource } from './fields.ts';

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
}

const registered = z.object({ AccessKeyId: z.string(), AccessKeySecret: z.string() });

async function register(
  siteId: string,
  name: string,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof registered>>> {
  if (siteId !== unclaimedSites && (await call.site(siteId)) === undefined) {
    throw new Refusal('Invalid%s', 'EnsRegionId');
  }
  const key = keys.forwarder(siteId, name);
  const before = (await reads.get<ForwarderRecord>(key))?.value;
  const { account } = call.caller;
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
    'The key may watch and report its site and nothing else. Registering the same name again ' +
    'answers a new key; the one before ends at once.',
  input: z.object({ EnsRegionId: siteOrAll, ForwarderName: forwarderName }),
  output: registered,
  errors,
  limits,
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  run: ({ EnsRegionId, ForwarderName }, call) =>
    call.transact((reads) => register(EnsRegionId, ForwarderName, call, reads)),
});

export const DeregisterForwarder = defineAction({
  name: 'DeregisterForwarder',
  product: 'Sluice',
  access: 'delete',
  summary: 'Forgets a forwarder; its access key ends. What it carries goes on until it is stopped.',
  input: z.object({ EnsRegionId: siteOrAll, ForwarderName: forwarderName }),
  output: nothing,
  errors,
  limits,
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  run: ({ EnsRegionId, ForwarderName }, call) =>
    call.transact(async (reads) => {
      const key = keys.forwarder(EnsRegionId, ForwarderName);
      const found = (await reads.get<ForwarderRecord>(key))?.value;
      if (found?.account !== call.caller.account) {
        throw new Refusal('InvalidParameter.%s', 'ForwarderName', 'There is no such forwarder.');
      }
      return { deletes: [key, keys.accessKey(found.accessKeyId)], result: {} };
    }),
});

const view = z.object({
  EnsRegionId: z.string(),
  ForwarderName: z.string(),
  Live: z.boolean(),
  Sites: z.object({
    Site: z.array(
      z.object({
        EnsRegionId: z.string(),
        Revision: z.int(),
        Engine: z.string(),
        Failures: z.int(),
        Notices: z.array(z.string()),
      }),
    ),
  }),
  CreateTime: z.string(),
});

/** What each forwarder last said of each site it serves. */
async function statesOf(call: Call) {
  const sites: string[] = [];
  for await (const { value } of call.list<Site>(keys.allSites)) sites.push(value.id);
  return sites.flatMap((id) => call.fleet.forwarders(id).map((state) => ({ ...state, site: id })));
}

export const DescribeForwarders = defineAction({
  name: 'DescribeForwarders',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists forwarders: live or not, and how far they are at each site.',
  input: z.object({ EnsRegionId: siteOrAll.optional() }),
  output: z.object({ Forwarders: z.object({ Forwarder: z.array(view) }) }),
  errors,
  limits,
  async run({ EnsRegionId }, call) {
    const states = await statesOf(call);
    const prefix = EnsRegionId === undefined ? keys.allForwarders : keys.forwarders(EnsRegionId);
    const Forwarder: z.infer<typeof view>[] = [];
    for await (const { value } of call.list<ForwarderRecord>(prefix)) {
      const own = states.filter(
        (state) =>
          state.name === value.name && (value.site === unclaimedSites || state.site === value.site),
      );
      Forwarder.push({
        EnsRegionId: value.site,
        ForwarderName: value.name,
        Live: own.length > 0,
        Sites: {
          Site: own.map((state) => ({
            EnsRegionId: state.site,
            Revision: state.revision,
            Engine: state.engine,
            Failures: state.failures.length,
            Notices: [...state.notices],
          })),
        },
        CreateTime: value.createTime,
      });
    }
    return { Forwarders: { Forwarder } };
  },
});
