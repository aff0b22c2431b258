import { z } from 'zod';
import { canonicalAddress } from '../../../elb/cidr.ts';
import type { LoadBalancer } from '../../../elb/types.ts';
import { keys } from '../../../store/keys.ts';
import type { Call } from '../../call.ts';
import { defineAction, ensResource } from '../action.ts';
import { loadBalancerStatus } from '../fields.ts';
import { pageOf, pageOutput, paging } from '../paging.ts';
import { errors, limits, site } from './fields.ts';

const filters = z.object({
  SearchKey: z
    .string()
    .max(128)
    .optional()
    .describe('A part of the name or the ID in any letter case, or the whole address.'),
  EnsRegionId: site.optional(),
  LoadBalancerStatus: loadBalancerStatus.optional(),
  ...paging({ min: 1, max: 100, default: 50 }),
});
type Filters = z.infer<typeof filters>;

async function* found(call: Call, { SearchKey = '', ...wanted }: Filters) {
  const { EnsRegionId, LoadBalancerStatus } = wanted;
  const prefix =
    EnsRegionId === undefined ? keys.allLoadBalancers : keys.loadBalancers(EnsRegionId);
  const part = SearchKey.toLowerCase();
  const address = canonicalAddress(SearchKey);
  for await (const { value } of call.list<LoadBalancer>(prefix)) {
    const isSearched =
      value.address === address || `${value.name}\n${value.id}`.toLowerCase().includes(part);
    if (isSearched && (LoadBalancerStatus ?? value.status) === value.status) yield value;
  }
}

export const ListLoadBalancers = defineAction({
  name: 'ListLoadBalancers',
  product: 'Sluice',
  access: 'list',
  summary: 'Searches load balancers, and tells how many listeners and servers each has.',
  input: filters,
  output: z.object({
    LoadBalancers: z.object({
      LoadBalancer: z.array(
        z.object({
          LoadBalancerId: z.string(),
          LoadBalancerName: z.string(),
          LoadBalancerStatus: z.string(),
          EnsRegionId: z.string(),
          Address: z.string(),
          CreateTime: z.string(),
          ListenerCount: z.int(),
          ServerCount: z.int(),
          DrainingCount: z.int().describe('Removed servers whose time is not over.'),
        }),
      ),
    }),
    ...pageOutput,
  }),
  errors,
  limits,
  resource: ({ EnsRegionId: site }, account) => ensResource('loadbalancer', account, { site }),
  async run(wanted, call) {
    const { items, ...page } = await pageOf(found(call, wanted), wanted);
    const LoadBalancer = items.map((value) => ({
      LoadBalancerId: value.id,
      LoadBalancerName: value.name,
      LoadBalancerStatus: value.status,
      EnsRegionId: value.site,
      Address: value.address,
      CreateTime: value.createTime,
      ListenerCount: value.listeners.length,
      ServerCount: value.backends.length,
      DrainingCount: value.draining.filter(({ deadline }) => deadline > call.now()).length,
    }));
    return { LoadBalancers: { LoadBalancer }, ...page };
  },
});
