import { createHash } from 'node:crypto';
import { z } from 'zod';
import { hostAddresses, parseBlock } from '../../elb/cidr.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { LoadBalancer, Site } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { isoSeconds } from '../../signing.ts';
import { keys } from '../../store/keys.ts';
import type { Call, Reads } from '../call.ts';
import { defineAction, documentedLimits } from './action.ts';
import { id, label, loadBalancerId, nothing, siteId } from './fields.ts';

const specs = ['elb.s1.small', 'elb.s2.small', 'elb.s2.medium', 'elb.s3.small', 'elb.s3.medium'];

const created = z.object({
  LoadBalancerId: z.string(),
  LoadBalancerName: z.string(),
  NetworkId: z.string(),
  VSwitchId: z.string(),
});
type Created = z.infer<typeof created>;

const input = z.object({
  EnsRegionId: siteId,
  LoadBalancerSpec: z.enum(specs).describe('The specification of the load balancer.'),
  NetworkId: id.describe('The ID of the network.'),
  PayType: z.enum(['PostPaid']).describe('The billing method.'),
  VSwitchId: id.describe('The ID of the vSwitch; it belongs to the network.'),
  BillingCycle: z.string().max(32).optional().describe('Kept as sent.'),
  ClientToken: z
    .string()
    .max(64)
    .regex(/^[\x20-\x7e]+$/)
    .optional()
    .describe('Makes a repeated call answer what the first one did, for 10 minutes.'),
  LoadBalancerName: label(1, 80).optional().describe('1 to 80 characters; absent: one is made.'),
  LoadBalancerType: z.enum(['CLB', 'InternetDR']).default('CLB').describe('CLB: classic.'),
});

export const CreateLoadBalancer = defineAction({
  name: 'CreateLoadBalancer',
  product: 'Ens',
  access: 'create',
  summary: 'Creates a load balancer.',
  description:
    "It gets an address from the site's pool and is Active at once. The header " +
    'x-sluice-drain-seconds sets how long sessions of removed servers may go on by default.',
  input,
  output: created,
  errors: [
    'InvalidParameter.%s',
    'NoPermission',
    'ens.interface.error',
    'Missing%s',
    'Invalid%s',
    'IdempotentParameterMismatch',
  ],
  limits: { perApi: 100, perAccount: 5 },
  run: (wanted, call) => call.transact(async (reads) => create(wanted, call, reads)),
});

interface TokenRecord {
  readonly v: 1;
  readonly parameters: string;
  readonly answer: Created;
  readonly expiresAt: number;
}

async function create(wanted: z.infer<typeof input>, call: Call, reads: Reads) {
  const { ClientToken: token, ...parameters } = wanted;
  const tokenKey = token && keys.clientToken(call.caller.account, token);
  const digest = createHash('sha256').update(JSON.stringify(parameters)).digest('hex');
  if (tokenKey) {
    const earlier = (await reads.get<TokenRecord>(tokenKey))?.value;
    if (earlier !== undefined && earlier.expiresAt > call.now()) {
      if (earlier.parameters !== digest) throw new Refusal('IdempotentParameterMismatch');
      return { result: earlier.answer };
    }
  }
  const site = await checkPlace(wanted, call);
  const address = await freeAddress(site, call, reads);
  const lbId = call.newId('lb');
  const value = newLoadBalancer(wanted, { id: lbId, address, call });
  const answer: Created = {
    LoadBalancerId: lbId,
    LoadBalancerName: value.name,
    NetworkId: value.networkId,
    VSwitchId: value.vSwitchId,
  };
  const puts = new Map<string, unknown>([
    [keys.loadBalancer(site.id, lbId), value],
    [keys.loadBalancerSite(lbId), { v: 1, site: site.id }],
    [keys.address(site.id, address), { v: 1, loadBalancerId: lbId }],
  ]);
  if (tokenKey) {
    const expiresAt = call.now() + limits.clientToken;
    puts.set(tokenKey, { v: 1, parameters: digest, answer, expiresAt } satisfies TokenRecord);
  }
  return { puts, deletes: await expiredTokens(call, tokenKey), result: answer };
}

/** The site, and that network and vSwitch are its own and belong together. */
async function checkPlace(wanted: z.infer<typeof input>, call: Call): Promise<Site> {
  const site = await call.site(wanted.EnsRegionId);
  if (site === undefined) throw new Refusal('Invalid%s', 'EnsRegionId');
  const network = await call.network(wanted.NetworkId);
  if (network?.value.site !== site.value.id) throw new Refusal('Invalid%s', 'NetworkId');
  const vSwitch = await call.vSwitch(wanted.VSwitchId);
  if (vSwitch?.value.networkId !== wanted.NetworkId) throw new Refusal('Invalid%s', 'VSwitchId');
  return site.value;
}

/** The lowest address of the pool that no load balancer holds. */
async function freeAddress(site: Site, call: Call, reads: Reads): Promise<string> {
  const prefix = keys.address(site.id, '');
  const { entries } = await call.store.range(prefix);
  const taken = new Set(entries.map(({ key }) => key.slice(prefix.length)));
  const pool = parseBlock(site.addressPool);
  for (const address of pool ? hostAddresses(pool, taken.size + 1) : []) {
    if (taken.has(address)) continue;
    // Read inside the transaction: that it is free is a condition of the commit.
    if ((await reads.get(keys.address(site.id, address))) === undefined) return address;
  }
  throw new Refusal('ens.interface.error', undefined, `${site.addressPool} has no free address.`);
}

function newLoadBalancer(
  wanted: z.infer<typeof input>,
  { id: lbId, address, call }: { id: string; address: string; call: Call },
): LoadBalancer {
  return {
    v: 1,
    id: lbId,
    account: call.caller.account,
    site: wanted.EnsRegionId,
    name: wanted.LoadBalancerName ?? lbId,
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

/** A few tokens whose time is over, to be deleted along with this commit. */
async function expiredTokens(call: Call, own: string | undefined): Promise<string[]> {
  const prefix = keys.clientTokens(call.caller.account);
  const { entries } = await call.store.range(prefix, { limit: limits.tokenSweep });
  const expired = entries.filter(
    ({ key, value }) => key !== own && (JSON.parse(value) as TokenRecord).expiresAt <= call.now(),
  );
  return expired.map(({ key }) => key);
}

export const DeleteLoadBalancer = defineAction({
  name: 'DeleteLoadBalancer',
  product: 'Ens',
  access: 'delete',
  summary: 'Deletes a load balancer with its listeners; its address becomes free.',
  input: z.object({ LoadBalancerId: loadBalancerId }),
  output: nothing,
  errors: ['LoadBalancerNotFound', 'ens.interface.error', 'NoPermission', 'Missing%s'],
  limits: documentedLimits,
  async run({ LoadBalancerId }, call) {
    const { site } = (await call.loadBalancer(LoadBalancerId)).value;
    return call.transact(async (reads) => {
      const key = keys.loadBalancer(site, LoadBalancerId);
      const found = await reads.get<LoadBalancer>(key);
      if (found === undefined) throw new Refusal('LoadBalancerNotFound');
      const gone = { v: 1, at: isoSeconds(call.now()), requestId: call.requestId };
      return {
        puts: new Map([[keys.tombstone(site, LoadBalancerId), gone]]),
        deletes: [
          key,
          keys.loadBalancerSite(LoadBalancerId),
          keys.address(site, found.value.address),
        ],
        result: {},
      };
    });
  },
});

export const ModifyLoadBalancerAttribute = defineAction({
  name: 'ModifyLoadBalancerAttribute',
  product: 'Ens',
  access: 'update',
  summary: 'Changes the name of a load balancer.',
  description: 'The header x-sluice-drain-seconds also changes its default drain time.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    LoadBalancerName: label(2, 128).describe('2 to 128 characters.'),
  }),
  output: nothing,
  errors: [
    'ens.interface.error',
    'LoadBalancerNotFound',
    'Missing%s',
    'Invalid%s',
    'NoPermission',
    'InvalidParameter.%s',
  ],
  limits: documentedLimits,
  async run({ LoadBalancerId, LoadBalancerName: name }, call) {
    await call.changeLoadBalancer(LoadBalancerId, (current) => {
      const drainSeconds = call.extensions.drainSeconds ?? current.drainSeconds;
      const same = name === current.name && drainSeconds === current.drainSeconds;
      return { next: same ? current : { ...current, name, drainSeconds } };
    });
    return {};
  },
});

export const SetLoadBalancerStatus = defineAction({
  name: 'SetLoadBalancerStatus',
  product: 'Ens',
  access: 'update',
  summary: 'Starts or stops all forwarding of a load balancer; its configuration stays.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    LoadBalancerStatus: z.enum(['Active', 'InActive']).describe('InActive: no listener forwards.'),
  }),
  output: nothing,
  errors: [
    'ens.interface.error',
    'LoadBalancerNotFound',
    'IncorrectInstanceStatus',
    'Missing%s',
    'Invalid%s',
    'NoPermission',
    'InvalidParameter.%s',
  ],
  limits: documentedLimits,
  loadBalancerIdSpelling: 'loadBalancerId',
  async run({ LoadBalancerId, LoadBalancerStatus: status }, call) {
    await call.changeLoadBalancer(LoadBalancerId, (current) => ({
      next: current.status === status ? current : { ...current, status },
    }));
    return {};
  },
});

export const loadBalancerActions = [
  CreateLoadBalancer,
  DeleteLoadBalancer,
  ModifyLoadBalancerAttribute,
  SetLoadBalancerStatus,
];
