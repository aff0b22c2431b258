import { z } from 'zod';
import type { Site } from '../../elb/types.ts';
import { keys } from '../../store/keys.ts';
import { defineAction, documentedLimits } from './action.ts';
import { siteId } from './fields.ts';
import { errors } from './network-fields.ts';

export const DescribeEnsRegions = defineAction({
  name: 'DescribeEnsRegions',
  product: 'Ens',
  access: 'list',
  summary: 'Lists the edge nodes, which are the registered sites.',
  input: z.object({ EnsRegionId: siteId.optional() }),
  output: z.object({
    Code: z.int(),
    EnsRegions: z.object({
      EnsRegions: z.array(
        z.object({
          EnsRegionId: z.string(),
          Name: z.string(),
          EnName: z.string(),
          Area: z.string(),
          Province: z.string(),
        }),
      ),
    }),
  }),
  errors,
  limits: documentedLimits,
  async run({ EnsRegionId }, call) {
    const EnsRegions = [];
    for await (const { value } of call.list<Site>(keys.allSites)) {
      if (EnsRegionId !== undefined && EnsRegionId !== value.id) continue;
      // A site is an id; where it stands on a map nobody has said.
      const place = { Name: value.id, EnName: value.id, Area: '', Province: '' };
      EnsRegions.push({ EnsRegionId: value.id, ...place });
    }
    return { Code: 0, EnsRegions: { EnsRegions } };
  },
});

export const regionActions = [DescribeEnsRegions];
