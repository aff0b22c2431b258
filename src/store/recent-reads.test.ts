import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RecentReads } from './recent-reads.ts';

const none = { ifRevision: new Map(), puts: [], deletes: [] };

describe('recent reads', () => {
  test('an entry that was read follows its commits', () => {
    const recent = new RecentReads(1_000);
    recent.keep({ key: 'a', value: 'old', revision: 1 });
    recent.follow({ ...none, puts: [{ key: 'a', value: 'new' }] }, 2);
    assert.deepEqual(recent.get('a'), { key: 'a', value: 'new', revision: 2 });
    recent.follow({ ...none, deletes: ['a'] }, 3);
    assert.equal(recent.get('a'), undefined);
  });

  test('what was written and never read is not kept', () => {
    const recent = new RecentReads(1_000);
    recent.follow({ ...none, puts: [{ key: 'a', value: 'new' }] }, 1);
    assert.equal(recent.get('a'), undefined);
  });

  test('past the bound the earliest reads are forgotten, however often one is kept', () => {
    const recent = new RecentReads(30);
    for (let revision = 1; revision <= 9; revision++) {
      recent.keep({ key: 'a', value: '123456789', revision });
    }
    for (const key of ['b', 'c']) recent.keep({ key, value: '123456789', revision: 10 });
    assert.equal(recent.get('a')?.revision, 9);
    recent.keep({ key: 'd', value: '123456789', revision: 11 });
    assert.equal(recent.get('a'), undefined);
    assert.deepEqual(
      ['b', 'c', 'd'].map((key) => recent.get(key)?.revision),
      [10, 10, 11],
    );
    recent.keep({ key: 'large', value: '1'.repeat(100), revision: 12 });
    assert.equal(recent.get('large'), undefined);
  });
});
