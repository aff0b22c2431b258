import { createHash } from 'node:crypto';
import { z } from 'zod';
import { addressAt, lowestFreeAddress } from '../../elb/addresses.ts';
import { type Block, parseBlock } from '../../elb/cidr.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer, Network, Site, VSwitch } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import { keys } from '../../store/keys.ts';
import type { RangeOptions } from '../../store/store.ts';
import type { Call, Reads, Writes } from '../call.ts';
import { defineAction, ensResource } from './action.ts';
import { clientToken, oncePerToken } from './client-tokens.ts';
import { id, label, loadBalancerSpec, loadBalancerType, siteId } from './fields.ts';

const input = z.object({
  EnsRegionId: siteId,
  LoadBalancerSpec: loadBalancerSpec,
  NetworkId: id.describe('The ID of the network.'),
  PayType: z.enum(['PostPaid']).describe('The billing method.'),
  VSwitchId: id.describe('The ID of the vSwitch; it belongs to the network.'),
  BillingCycle: label(1, 32).optional().describe('Kept as sent.'),
  ClientToken: clientToken,
  LoadBalancerName: label(1, 80).optional().describe('1 to 80 characters; absent: no name.'),
  LoadBalancerType: loadBalancerType.default('CLB'),
});
type Wanted = z.infer<typeof input>;

const output = z.object({
  LoadBalancerId: z.string(),
  LoadBalancerName: z.string(),
  NetworkId: z.string(),
  VSwitchId: z.string(),
});
type Created = z.infer<typeof output>;

export const CreateLoadBalancer = defineAction({
  name: 'CreateLoadBalancer',
  product: 'Ens',
  access: 'create',
  summary: 'Creates a load balancer.',
  description:
    "It gets an address from the site's pool and is Active at once. The header " +
    'x-sluice-drain-seconds sets how long sessions of removed servers may go on by default.',
  input,
  output,
  errors: [
    'InvalidParameter.%s',
    'NoPermission',
    'ens.interface.error',
    'Missing%s',
    'Invalid%s',
    'IdempotentParameterMismatch',
  ],
  limits: { perApi: 100, perAccount: 5 },
  resource: ({ EnsRegionId: site, NetworkId, VSwitchId }, account) => [
    ensResource('loadbalancer', account, { site }),
    ensResource('network', account, { id: NetworkId, site }),
    ensResource('vswitch', account, { id: VSwitchId, site }),
  ],
  run: async (wanted, call) => {
    let attempt = 0;
    return call.transact((reads) => {
      attempt += 1;
      return oncePerToken(wanted, call, reads, () => create(wanted, call, reads, attempt > 1));
    });
  },
});

/** @param contended another creation took the address that this one had chosen */
async function create(
  wanted: Wanted,
  call: Call,
  reads: Reads,
  contended: boolean,
): Promise<Writes<Created>> {
  const { site, vSwitch } = await checkPlace(wanted, call, reads);
  const lbId = call.newId('lb');
  const address = await freeAddress(site, { call, reads, seed: lbId, contended });
  const value = newLoadBalancer(wanted, { id: lbId, address, call });
  return {
    puts: new Map<string, unknown>([
      [keys.loadBalancer(site.id, lbId), value],
      [keys.loadBalancerSite(lbId), { v: 1, site: site.id }],
      [keys.address(site.id, address), { v: 1, loadBalancerId: lbId }],
      // Written as it is: a deletion that found it empty looks again. The default one stays anyway.
      ...(vSwitch.id === site.defaultVSwitchId
        ? []
        : ([[keys.vSwitch(vSwitch.id), vSwitch]] as const)),
    ]),
    result: {
      LoadBalancerId: lbId,
      LoadBalancerName: value.name,
      NetworkId: value.networkId,
      VSwitchId: value.vSwitchId,
    },
  };
}

/**
 * Site and vSwitch. Network and vSwitch are the site's own and belong together, and that they
 * still exist is a condition of the commit.
 */
async function checkPlace(
  wanted: Wanted,
  call: Call,
  reads: Reads,
): Promise<{ readonly site: Site; readonly vSwitch: VSwitch }> {
  const { account } = call.caller;
  const site = await call.site(wanted.EnsRegionId);
  if (site === undefined) throw new Refusal('InvalidParameter.%s', 'EnsRegionId');
  const network = (await reads.get<Network>(keys.network(wanted.NetworkId)))?.value;
  if (network?.account !== account || network.site !== site.value.id) {
    throw new Refusal('InvalidParameter.%s', 'NetworkId');
  }
  const vSwitch = (await reads.get<VSwitch>(keys.vSwitch(wanted.VSwitchId)))?.value;
  if (vSwitch?.account !== account || vSwitch.networkId !== network.id) {
    throw new Refusal('InvalidParameter.%s', 'VSwitchId');
  }
  return { site: site.value, vSwitch };
}

interface AddressSearch {
  readonly call: Call;
  readonly reads: Reads;
  /** What guesses derive from. */
  readonly seed: string;
  readonly contended: boolean;
}

/**
 * An address of the pool that no load balancer holds; that it is free is a condition of the
 * commit. Taken between the look and that condition, another one is chosen, once.
 */
async function freeAddress(site: Site, search: AddressSearch): Promise<string> {
  for (const contended of [search.contended, true]) {
    const address = await chooseAddress(site, { ...search, contended });
    const holder = await search.reads.get(keys.address(site.id, address));
    if (holder === undefined) return address;
  }
  throw new Refusal('OperationConflict');
}

/** The lowest free address, or a guess where many are taken or several calls run for it. */
async function chooseAddress(site: Site, { call, seed, contended }: AddressSearch) {
  const pool = parseBlock(site.addressPool);
  if (pool === undefined) throw new Error(`site ${site.id} has no address pool`);
  const prefix = keys.address(site.id, '');
  const taken = async (options: RangeOptions) => {
    const { entries } = await call.store.range(prefix, options);
    return new Set(entries.map(({ key }) => key.slice(prefix.length)));
  };
  const some = await taken({ limit: limits.addressesRead });
  const isCrowded = some.size === limits.addressesRead;
  const guessed = isCrowded || contended ? await guessAddress(call, site, pool, seed) : undefined;
  const withheld = call.boundary.withheld();
  const all = isCrowded ? await taken({}) : some;
  const address = guessed ?? lowestFreeAddress(pool, new Set([...all, ...withheld]));
  if (address !== undefined) return address;
  const detail = `The address pool ${site.addressPool} has no free address.`;
  throw new Refusal('ens.interface.error', undefined, detail);
}

async function guessAddress(call: Call, site: Site, pool: Block, seed: string) {
  for (let number = 0; number < limits.addressGuesses; number++) {
    const digest = createHash('sha256').update(`${seed} ${number}`).digest();
    const address = addressAt(pool, digest.readBigUInt64BE());
    const holder = await call.store.get(keys.address(site.id, address));
    if (holder === undefined && !call.boundary.withheld().has(address)) return address;
  }
  return undefined;
}

function newLoadBalancer(
  wanted: Wanted,
  { id: lbId, address, call }: { id: string; address: string; call: Call },
): LoadBalancer {
  return {
    v: 1,
    id: lbId,
    account: call.caller.account,
    site: wanted.EnsRegionId,
    name: wanted.LoadBalancerName ?? '',
    spec: wanted.LoadBalancerSpec,
    loadBalancerType: wanted.LoadBalancerType,
    payType: wanted.PayType,
    ...(wanted.BillingCycle === undefined ? {} : { billingCycle: wanted.BillingCycle }),
    status: 'Active',
    address,
    ipVersion: address.includes(':') ? 'ipv6' : 'ipv4',
    networkId: wanted.NetworkId,
    vSwitchId: wanted.VSwitchId,
    bandwidth: -1,
    createTime: isoSeconds(call.now()),
    drainSeconds: call.extensions.drainSeconds ?? limits.drainSeconds,
    listeners: [],
    backends: [],
    draining: [],
  };
}
