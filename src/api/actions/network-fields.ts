import { z } from 'zod';
import { isIpv6Block } from '../../elb/networks.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { Instance, LoadBalancer, VSwitch } from '../../elb/types.ts';
import { keys } from '../../store/keys.ts';
import type { Call } from '../call.ts';
import { clearableLabel, id, label } from './fields.ts';

/** What networks and vSwitches have in common. */

export const networkId = id.describe('The ID of the network.');
export const vSwitchId = id.describe('The ID of the vSwitch.');

export const name = clearableLabel(2, 128)
  .optional()
  .describe('2 to 128 characters; sent empty, there is none.');
export const text = clearableLabel(2, 256)
  .optional()
  .describe('2 to 256 characters; sent empty, there is none.');

export const ipv6Block = z
  .string()
  .max(64)
  .refine(isIpv6Block, 'no IPv6 block such as 2001:db8::/64')
  .optional()
  .describe('An IPv6 block, kept as sent.');

export const tags = z
  .array(
    z.object({
      Key: label(1, 64).optional().describe('The key, 1 to 64 characters.'),
      Value: label(0, 128).optional().describe('The value, at most 128 characters.'),
    }),
  )
  .max(20)
  .optional()
  .describe('Up to 20 tags.');

interface Tag {
  readonly key: string;
  readonly value: string;
}

export function tagsOf(input: z.infer<typeof tags>): Tag[] {
  return (input ?? []).flatMap(({ Key, Value }) =>
    Key === undefined ? [] : [{ key: Key, value: Value ?? '' }],
  );
}

export const tagsOutput = z.object({
  Tag: z.array(
    z.object({ Key: z.string(), TagKey: z.string(), Value: z.string(), TagValue: z.string() }),
  ),
});

export function tagsView(all: readonly Tag[]): z.infer<typeof tagsOutput> {
  return {
    Tag: all.map(({ key, value }) => ({ Key: key, TagKey: key, Value: value, TagValue: value })),
  };
}

export const errors = [
  'ens.interface.error',
  'Missing%s',
  'Invalid%s',
  'NoPermission',
  'InvalidParameter.%s',
];

/**
 * Lets a deletion pass. No code is documented for what cannot go yet: the general one says why.
 * @param need why it must stay whatever is in it, or undefined
 * @param inside ids of what is in it
 * @throws Refusal ens.interface.error
 */
export function checkUnused(need: string | undefined, inside: readonly string[]): void {
  const reason = need ?? (inside[0] === undefined ? undefined : `${inside[0]} is in it.`);
  if (reason !== undefined) throw new Refusal('ens.interface.error', undefined, reason);
}

/** Ids in the wrapper that the family gives lists of ids. */
export function idList<Name extends string>(wrapped: Name) {
  return z.object({ [wrapped]: z.array(z.string()) } as Record<Name, z.ZodArray<z.ZodString>>);
}

/** What lies in networks or vSwitches, by the ID of the one that holds it. */
export type Contents<T> = ReadonlyMap<string, readonly T[]>;

type Holder = 'networkId' | 'vSwitchId';

async function contentsOf<T extends Record<K, string>, K extends Holder>(
  call: Call,
  prefix: string,
  holder: K,
): Promise<Contents<T>> {
  const found = new Map<string, T[]>();
  for await (const { value } of call.list<T>(prefix)) {
    const others = found.get(value[holder]);
    if (others === undefined) found.set(value[holder], [value]);
    else others.push(value);
  }
  return found;
}

export const vSwitchesByNetwork = (call: Call) =>
  contentsOf<VSwitch, 'networkId'>(call, keys.vSwitch(''), 'networkId');

export const instancesBy = (call: Call, holder: Holder) =>
  contentsOf<Instance, Holder>(call, keys.instance(''), holder);

/** Load balancers of one site: those of a network are at the network's. */
export const loadBalancersBy = (call: Call, site: string, holder: Holder) =>
  contentsOf<LoadBalancer, Holder>(call, keys.loadBalancers(site), holder);

/** The network interfaces of the instances that one of them holds. */
export function interfacesIn(instances: Contents<Instance>, holder: string): string[] {
  return (instances.get(holder) ?? []).flatMap(({ interfaces }) => interfaces.map(({ id }) => id));
}

export function idsIn(contents: Contents<{ readonly id: string }>, holder: string): string[] {
  return (contents.get(holder) ?? []).map((each) => each.id);
}
