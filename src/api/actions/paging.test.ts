import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { pageOf, paging } from './paging.ts';

test('pages in turn are the whole, and each tells the total', async () => {
  const page = fc.integer({ min: 1, max: 7 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), page, async (all, PageSize) => {
      const seen: number[] = [];
      for (let PageNumber = 1; PageNumber <= Math.ceil(all.length / PageSize) + 1; PageNumber++) {
        const { items, ...rest } = await pageOf(all, { PageNumber, PageSize });
        assert.deepEqual(rest, { PageNumber, PageSize, TotalCount: all.length });
        seen.push(...items);
      }
      assert.deepEqual(seen, all);
    }),
  );
});

test('a page has the documented bounds and defaults', () => {
  const schema = z.object(paging({ min: 1, max: 50, default: 10 }));
  assert.deepEqual(schema.parse({}), { PageNumber: 1, PageSize: 10 });
  for (const wrong of [{ PageSize: 51 }, { PageSize: 0 }, { PageNumber: 0 }, { PageSize: 1.5 }]) {
    assert.ok(!schema.safeParse(wrong).success, JSON.stringify(wrong));
  }
});
