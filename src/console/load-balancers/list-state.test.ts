import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressOf, concerns, pagesOf, parametersOf, rangeText, readState } from './list-state.ts';

const all = { search: '', site: '', status: '', page: 1 };
const Time = '2026-11-24T08:00:00.000Z';

describe('the list of load balancers', () => {
  test('is in its address as it was left', () => {
    const state = { search: 'a&b=ü', site: 'local', status: 'InActive', page: 3 };
    const query = Object.fromEntries(new URLSearchParams(addressOf(state).split('?')[1]));
    assert.deepEqual(readState(query), state);
    assert.equal(addressOf(all), '/console/');
  });

  test('takes nothing from an address that is none of its states', () => {
    assert.deepEqual(readState({ page: '0', status: 'Odd', other: 'x' }), all);
    assert.equal(readState({ page: '12345678' }).page, 1);
  });

  test('asks for what is set alone, a page at a time', () => {
    assert.deepEqual(parametersOf(all), { PageNumber: 1, PageSize: 50 });
    assert.deepEqual(
      parametersOf({ ...all, search: ' shop ', site: 'a', status: 'Active', page: 2 }),
      {
        SearchKey: 'shop',
        EnsRegionId: 'a',
        LoadBalancerStatus: 'Active',
        PageNumber: 2,
        PageSize: 50,
      },
    );
  });

  test('tells which part of how many it shows', () => {
    assert.equal(rangeText(1, 10_000), '1 to 50 of 10,000');
    assert.equal(rangeText(3, 101), '101 to 101 of 101');
    assert.equal(rangeText(3, 10), 'none of 10');
    assert.deepEqual([0, 1, 50, 51].map(pagesOf), [1, 1, 1, 2]);
  });

  test('is asked for anew only when what it shows may have changed', () => {
    const few = new Set(['lb-1']);
    const full = new Set(Array.from({ length: 50 }, (_, index) => `lb-${index}`));
    const change = (Changed: string[], Deleted: string[] = []) =>
      ({ Type: 'change', Time, Changed, Deleted }) as const;
    assert.equal(concerns({ Type: 'heartbeat', Time }, few), false);
    assert.equal(concerns({ Type: 'all', Time, Frozen: false, Forwarders: [] }, full), true);
    assert.equal(concerns(change(['lb-7']), full), true);
    assert.equal(concerns(change([], ['lb-7']), full), true);
    assert.equal(concerns(change(['lb-99']), full), false);
    // There is room for one that is new.
    assert.equal(concerns(change(['lb-99']), few), true);
    assert.equal(concerns(change([], ['lb-99']), few), false);
  });
});
