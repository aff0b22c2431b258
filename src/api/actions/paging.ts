import { z } from 'zod';

/** `PageNumber` and `PageSize` with an action's own bounds. */
export function paging(size: {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}) {
  return {
    PageNumber: z.int().min(1).max(1_000_000).default(1).describe('The page, from 1.'),
    PageSize: z
      .int()
      .min(size.min)
      .max(size.max)
      .default(size.default)
      .describe(`Entries on a page, ${size.min} to ${size.max}.`),
  };
}

/** The fields that tell of a page in an answer. */
export const pageOutput = {
  PageNumber: z.int(),
  PageSize: z.int(),
  TotalCount: z.int(),
};

/** One page of what matches; every match is counted, only the page is kept. */
export async function pageOf<T>(
  matches: AsyncIterable<T> | Iterable<T>,
  { PageNumber, PageSize }: { readonly PageNumber: number; readonly PageSize: number },
): Promise<{ items: T[]; PageNumber: number; PageSize: number; TotalCount: number }> {
  const first = (PageNumber - 1) * PageSize;
  const items: T[] = [];
  let TotalCount = 0;
  for await (const item of matches) {
    if (TotalCount >= first && items.length < PageSize) items.push(item);
    TotalCount += 1;
  }
  return { items, PageNumber, PageSize, TotalCount };
}
