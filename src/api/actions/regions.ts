import { z } from 'zod';
import { hostCount } from '../../elb/addresses.ts';
import { parseBlock } from '../../elb/cidr.ts';
import type { Site } from '../../elb/types.ts';
import { keys } from '../../store/keys.ts';
import type { Call } from '../call.ts';
import { defineAction, documentedLimits } from './action.ts';
import { loadBalancerSpecs, siteId } from './fields.ts';
import { errors } from './network-fields.ts';

const place = z.object({
  EnsRegionId: z.string(),
  Name: z.string(),
  EnName: z.string(),
  Area: z.string(),
  Province: z.string(),
});

/** A site is an id; where it stands on a map nobody has said. */
function placeOf({ id }: Site): z.infer<typeof place> {
  return { EnsRegionId: id, Name: id, EnName: id, Area: '', Province: '' };
}

export const DescribeEnsRegions = defineAction({
  name: 'DescribeEnsRegions',
  product: 'Ens',
  access: 'list',
  summary: 'Lists the edge nodes, which are the registered sites.',
  input: z.object({ EnsRegionId: siteId.optional() }),
  output: z.object({
    Code: z.int(),
    EnsRegions: z.object({
      EnsRegions: z.array(place),
    }),
  }),
  errors,
  limits: documentedLimits,
  async run({ EnsRegionId }, call) {
    const EnsRegions = [];
    for await (const { value } of call.list<Site>(keys.allSites)) {
      if (EnsRegionId !== undefined && EnsRegionId !== value.id) continue;
      EnsRegions.push(placeOf(value));
    }
    return { Code: 0, EnsRegions: { EnsRegions } };
  },
});

/** How many more load balancers a site has addresses for; none while no forwarder is live. */
async function roomAt({ id, addressPool }: Site, call: Call): Promise<bigint> {
  const pool = parseBlock(addressPool);
  if (pool === undefined || call.fleet.forwarders(id).length === 0) return 0n;
  const { entries } = await call.store.range(keys.address(id, ''), {});
  return hostCount(pool) - BigInt(entries.length);
}

export const DescribeElbAvailableResourceInfo = defineAction({
  name: 'DescribeElbAvailableResourceInfo',
  product: 'Ens',
  access: 'list',
  summary: 'Lists the edge nodes with the specifications and the room that each has.',
  description:
    'CanBuyCount is the number of addresses left in the pool of the node, 0 while it has no live ' +
    'forwarder.',
  input: z.object({}),
  output: z.object({
    ElbAvailableResourceInfo: z.array(
      place.extend({
        Ability: z.array(z.string()),
        CanBuyCount: z.string(),
        LoadBalancerSpec: z.array(z.string()),
      }),
    ),
  }),
  errors: ['ens.interface.error', 'NoPermission'],
  limits: documentedLimits,
  async run(_, call) {
    const nodes = [];
    for await (const { value } of call.list<Site>(keys.allSites)) {
      const room = await roomAt(value, call);
      const LoadBalancerSpec = room > 0n ? loadBalancerSpecs : [];
      nodes.push({ ...placeOf(value), Ability: [], CanBuyCount: String(room), LoadBalancerSpec });
    }
    return { ElbAvailableResourceInfo: nodes };
  },
});

export const regionActions = [DescribeEnsRegions, DescribeElbAvailableResourceInfo];
