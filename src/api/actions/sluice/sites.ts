import { z } from 'zod';
import { overlaps, parseBlock } from '../../../elb/cidr.ts';
import { Refusal } from '../../../elb/refusal.ts';
import type { Network, Site, VSwitch } from '../../../elb/types.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import { defineAction } from '../action.ts';
import { pageOf, pageOutput, paging } from '../paging.ts';
import {
  addressPool,
  errors,
  isolation,
  limits,
  newSiteId,
  site,
  siteResource,
  whenAllIsolated,
} from './fields.ts';
import { isOperator } from './operator.ts';

/** Of the network and vSwitch that come with a site: records, whose addresses nobody uses. */
const defaultBlocks = { network: '10.0.0.0/8', vSwitch: '10.0.0.0/16' };

const siteOutput = z.object({
  EnsRegionId: z.string(),
  AddressPool: z.string(),
  CreateTime: z.string(),
  DefaultNetworkId: z.string().describe('A NetworkId for CreateLoadBalancer.'),
  DefaultVSwitchId: z.string().describe('A VSwitchId for CreateLoadBalancer.'),
  Isolation: isolation,
  WhenAllIsolated: whenAllIsolated,
});

function viewOf(value: Site): z.infer<typeof siteOutput> {
  return {
    EnsRegionId: value.id,
    AddressPool: value.addressPool,
    CreateTime: value.createTime,
    DefaultNetworkId: value.defaultNetworkId,
    DefaultVSwitchId: value.defaultVSwitchId,
    Isolation: value.isolation ?? 'serve',
    WhenAllIsolated: value.whenAllIsolated ?? 'none',
  };
}

const input = z.object({
  EnsRegionId: newSiteId,
  AddressPool: addressPool,
  Isolation: isolation.optional().describe(`${isolation.description} Absent: as --isolation says.`),
  WhenAllIsolated: whenAllIsolated.optional(),
});

/** A new site with its network and vSwitch; the same site again is success. */
async function register(
  { EnsRegionId, AddressPool, Isolation, WhenAllIsolated }: z.infer<typeof input>,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof siteOutput>>> {
  const key = keys.site(EnsRegionId);
  const found = (await reads.get<Site>(key))?.value;
  const { account } = call.caller;
  if (found !== undefined) {
    if (found.account === account && found.addressPool === AddressPool) {
      return { result: viewOf(found) };
    }
    if (found.account !== account) {
      throw new Refusal('InvalidParameter.%s', 'EnsRegionId', 'It is registered already.');
    }
    const detail = `${EnsRegionId} is registered with ${found.addressPool}; a pool never changes.`;
    throw new Refusal('InvalidParameter.%s', 'AddressPool', detail);
  }
  call.boundary.checkPool(AddressPool, await isOperator(call));
  await reads.get(keys.pools);
  await demandOwnPool(AddressPool, call);
  const createTime = isoSeconds(call.now());
  const base = { v: 1, account, site: EnsRegionId, createTime, name: 'default', tags: [] } as const;
  const network: Network = { ...base, id: call.newId('n'), cidr: defaultBlocks.network };
  const vSwitch: VSwitch = {
    ...base,
    id: call.newId('vsw'),
    networkId: network.id,
    cidr: defaultBlocks.vSwitch,
  };
  const made: Site = {
    v: 1,
    id: EnsRegionId,
    account,
    addressPool: AddressPool,
    createTime,
    defaultNetworkId: network.id,
    defaultVSwitchId: vSwitch.id,
    isolation: Isolation ?? call.newSitesIsolation,
    whenAllIsolated: WhenAllIsolated ?? 'none',
  };
  return {
    puts: new Map<string, unknown>([
      [key, made],
      [keys.pools, { v: 1, last: EnsRegionId }],
      [keys.network(network.id), network],
      [keys.vSwitch(vSwitch.id), vSwitch],
    ]),
    result: viewOf(made),
  };
}

/**
 * A forwarder may serve sites of several accounts, and an address is one account's there.
 * @throws Refusal InvalidParameter.AddressPool when the pool overlaps another account's
 */
async function demandOwnPool(pool: string, { store, caller }: Call): Promise<void> {
  const own = parseBlock(pool)!;
  const { entries } = await store.range(keys.allSites);
  const sites = entries.map((entry) => parseRecord<Site>(entry).value);
  const isTaken = sites.some(
    ({ account, addressPool }) =>
      account !== caller.account && overlaps(parseBlock(addressPool)!, own),
  );
  const detail = 'It overlaps the pool of another account.';
  if (isTaken) throw new Refusal('InvalidParameter.%s', 'AddressPool', detail);
}

export const RegisterSite = defineAction({
  name: 'RegisterSite',
  product: 'Sluice',
  access: 'create',
  summary: 'Registers a site (an edge node) with the addresses of its load balancers.',
  description:
    'The site comes with a default network and vSwitch, so that CreateLoadBalancer has IDs to ' +
    'take. Its forwarders must be able to hold the addresses of the pool. Registering it again ' +
    'with the same pool changes nothing and answers the same; another pool is refused. So is one ' +
    'that overlaps the pool of another account, or lies in networks that the operator withholds. ' +
    'SetSiteIsolation changes what its forwarders do when they reach no control plane.',
  input,
  output: siteOutput,
  errors,
  limits,
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  run: (wanted, call) => call.transact((reads) => register(wanted, call, reads)),
});

export const SetSiteIsolation = defineAction({
  name: 'SetSiteIsolation',
  product: 'Sluice',
  access: 'update',
  summary: 'Sets what the forwarders of a site do when they reach no control plane.',
  description:
    'Forwarders take it over within seconds; DescribeForwarders shows which of them fence. With ' +
    'fence the traffic of the site depends on a control plane and its store: while no forwarder ' +
    'reaches one, the site serves nothing, or the first forwarder alone (WhenAllIsolated).',
  input: z.object({
    EnsRegionId: site,
    Isolation: isolation,
    WhenAllIsolated: whenAllIsolated.optional().describe('Absent: it stays as it is.'),
  }),
  output: siteOutput,
  errors,
  limits,
  resource: ({ EnsRegionId }, account) => siteResource(EnsRegionId, account),
  run: ({ EnsRegionId, Isolation, WhenAllIsolated }, call) =>
    call.transact(async (reads) => {
      const key = keys.site(EnsRegionId);
      const found = (await reads.get<Site>(key))?.value;
      if (found?.account !== call.caller.account) throw new Refusal('Invalid%s', 'EnsRegionId');
      const whenAll = WhenAllIsolated ?? found.whenAllIsolated ?? 'none';
      const next: Site = { ...found, isolation: Isolation, whenAllIsolated: whenAll };
      return { puts: new Map([[key, next]]), result: viewOf(next) };
    }),
});

export const DescribeSites = defineAction({
  name: 'DescribeSites',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists the registered sites.',
  input: z.object(paging({ min: 1, max: 100, default: 100 })),
  output: z.object({ Sites: z.object({ Site: z.array(siteOutput) }), ...pageOutput }),
  errors,
  limits,
  resource: (_, account) => siteResource('*', account),
  async run(wanted, call) {
    const { items, ...page } = await pageOf(call.list<Site>(keys.allSites), wanted);
    return { Sites: { Site: items.map(({ value }) => viewOf(value)) }, ...page };
  },
});
