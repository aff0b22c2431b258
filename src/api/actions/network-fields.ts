import { z } from 'zod';
import { label } from './fields.ts';

/** What networks and vSwitches have in common. */

export const name = label(2, 128).optional().describe('2 to 128 characters.');
export const text = label(2, 256).optional().describe('2 to 256 characters.');

export const tags = z
  .array(z.object({ Key: label(1, 64).optional(), Value: label(0, 128).optional() }))
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

/** Ids in the wrapper that the family gives lists of ids. */
export function idList<Name extends string>(wrapped: Name) {
  return z.object({ [wrapped]: z.array(z.string()) } as Record<Name, z.ZodArray<z.ZodString>>);
}
