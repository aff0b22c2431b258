import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { until } from '../../test/support/wait.ts';
import { systemTimers } from '../clock.ts';
import { createSeal } from '../sealing.ts';
import { keys } from '../store/keys.ts';
import { StoreUnavailable } from '../store/store.ts';
import { type AccessKeyRecord, AccessKeys } from './access-keys.ts';

/** Counts look-ups, and lets a test see what the store is asked. */
class CountingStore extends MemoryStore {
  gets = 0;
  override get(key: string) {
    this.gets += 1;
    return super.get(key);
  }
}

const seal = createSeal(randomBytes(32));
const store = () => new CountingStore(systemTimers);

function record(id: string, secret: string): AccessKeyRecord {
  return {
    v: 1,
    id,
    account: '1000000000000001',
    principal: { kind: 'root' },
    secret: seal.seal(secret, keys.accessKey(id)),
    status: 'Active',
    createTime: '2026-11-24T00:00:00Z',
  };
}

async function put(to: MemoryStore, id: string, value: unknown): Promise<void> {
  const puts = [{ key: keys.accessKey(id), value: JSON.stringify(value) }];
  await to.commit({ ifRevision: new Map(), puts, deletes: [] });
}

async function remove(from: MemoryStore, id: string): Promise<void> {
  await from.commit({ ifRevision: new Map(), puts: [], deletes: [keys.accessKey(id)] });
}

describe('the view of access keys', () => {
  const faults: string[] = [];
  const opened: AccessKeys[] = [];
  const open = async (of: MemoryStore) => {
    const view = await AccessKeys.open(of, seal, (_error, key) => faults.push(key));
    opened.push(view);
    return view;
  };
  afterEach(() => {
    for (const view of opened.splice(0)) view.close();
    faults.length = 0;
  });

  test('a known key costs no trip to the store', async () => {
    const from = store();
    await put(from, 'a', record('a', 'secret'));
    const view = await open(from);
    for (let call = 0; call < 10; call++) assert.equal((await view.find('a'))?.secret, 'secret');
    assert.equal(from.gets, 0);
  });

  test('a key made, changed or deleted elsewhere is known at once', async () => {
    const from = store();
    const view = await open(from);
    await put(from, 'a', record('a', 'one'));
    assert.equal((await view.find('a'))?.secret, 'one');
    await put(from, 'a', { ...record('a', 'one'), status: 'Inactive' });
    await until(async () => (await view.find('a'))?.status === 'Inactive', { what: 'the change' });
    await remove(from, 'a');
    await until(async () => (await view.find('a')) === undefined, { what: 'the deletion' });
  });

  test('a key that is deleted while it is looked up does not come back', async () => {
    const from = store();
    const view = await open(from);
    await put(from, 'a', record('a', 'one'));
    const found = view.find('a');
    await remove(from, 'a');
    await found;
    await until(async () => (await view.find('a')) === undefined, { what: 'the deletion' });
    const before = from.gets;
    assert.equal(await view.find('a'), undefined);
    assert.equal(from.gets, before + 1, 'a key that is gone is in the store to ask for');
  });

  test('after the store forgot what happened, all is read again', async () => {
    const from = store();
    await put(from, 'a', record('a', 'one'));
    const view = await open(from);
    from.compact();
    await put(from, 'a', record('a', 'two'));
    await until(async () => (await view.find('a'))?.secret === 'two', { what: 'the new secret' });
  });

  test('while the store is away known keys go on, and unknown ones say so', async () => {
    const from = store();
    await put(from, 'a', record('a', 'one'));
    const view = await open(from);
    from.setDown(true);
    assert.equal((await view.find('a'))?.secret, 'one');
    await assert.rejects(view.find('b'), StoreUnavailable);
    from.setDown(false);
    await put(from, 'a', record('a', 'two'));
    await until(async () => (await view.find('a'))?.secret === 'two', { what: 'the new secret' });
  });

  test('a record that cannot be read is told of and harms no other', async () => {
    const from = store();
    await put(from, 'a', record('a', 'one'));
    await put(from, 'b', { ...record('b', 'one'), secret: record('a', 'one').secret });
    await put(from, 'c', 'no record');
    const view = await open(from);
    assert.deepEqual(faults, [keys.accessKey('b'), keys.accessKey('c')]);
    assert.equal((await view.find('a'))?.secret, 'one');
    assert.equal(await view.find('b'), undefined);
  });

  test('an id that can be none is not asked for', async () => {
    const from = store();
    const view = await open(from);
    for (const id of ['', 'a/b', '../a', 'x'.repeat(129), 'a b', 'a\n']) {
      assert.equal(await view.find(id), undefined);
    }
    assert.equal(from.gets, 0);
  });
});
