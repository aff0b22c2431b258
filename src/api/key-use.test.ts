import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { until } from '../../test/support/wait.ts';
import { systemTimers } from '../clock.ts';
import { keys } from '../store/keys.ts';
import { KeyUse } from './key-use.ts';

const id = 'LTAI5tKey';
const hour = 3_600_000;

class CountingStore extends MemoryStore {
  commits = 0;
  override commit(commit: Parameters<MemoryStore['commit']>[0]) {
    this.commits += 1;
    return super.commit(commit);
  }
}

test('the use of a key is written once an hour, and not of one that is gone', async () => {
  const store = new CountingStore(systemTimers);
  let now = Date.parse('2026-11-24T08:00:00Z');
  const put = { key: keys.accessKey(id), value: '{}' };
  await store.commit({ ifRevision: new Map(), puts: [put], deletes: [] });
  const use = new KeyUse(
    store,
    () => now,
    (error) => assert.fail(String(error)),
  );
  const written = async () => (await store.get(keys.accessKeyUse(id)))?.value;
  for (let call = 0; call < 100; call++) use.note(id);
  await until(async () => (await written())?.includes('T08:00:00Z') === true, {
    what: 'the record',
  });
  now += hour - 1;
  use.note(id);
  now += 1;
  use.note(id);
  await until(async () => (await written())?.includes('T09:00:00Z') === true, {
    what: 'the record',
  });
  assert.equal(store.commits, 3);
  use.note('LTAI5tGone');
  now += hour;
  use.note(id);
  await until(async () => (await written())?.includes('T10:00:00Z') === true, {
    what: 'the record',
  });
  assert.equal(await store.get(keys.accessKeyUse('LTAI5tGone')), undefined);
});
