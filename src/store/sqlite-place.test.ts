import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { put } from '../../test/support/stores.ts';
import { openSqlite } from './sqlite.ts';
import { type Store, StoreUnavailable } from './store.ts';

const writer = fileURLToPath(new URL('../../test/support/store-writer.ts', import.meta.url));
let folder: string;
let path: string;
let stores: Store[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'place-'));
  path = join(folder, 'store.db');
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true });
});

async function open(): Promise<Store> {
  const store = await openSqlite({ path });
  stores.push(store);
  return store;
}

const endings = {
  closed: async () => {
    const store = await open();
    await put(store, ['a', '1']);
    await store.close();
  },
  killed: async () => {
    const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
  },
};

for (const [how, end] of Object.entries(endings)) {
  describe(`a store that was ${how}`, () => {
    test('is refused without its file, whatever else is left of it', async () => {
      await end();
      await unlink(path);
      await assert.rejects(open(), /store\.db is gone, and changes were kept in it/);
      await unlink(`${path}-wal`);
      await assert.rejects(open(), /store\.db is gone, and changes were kept in it/);
    });

    test('is refused without its log', async () => {
      await end();
      await unlink(`${path}-wal`);
      await assert.rejects(open(), /store\.db-wal is gone|is at revision 0 and was at 1/);
    });

    test('opens as ever, again and again', async () => {
      await end();
      const { revision } = await (await open()).range('');
      await stores.pop()!.close();
      assert.equal((await (await open()).range('')).revision, revision);
    });
  });
}

test('an older copy of a store is refused', async () => {
  await endings.closed();
  for (const name of ['', '-wal']) await copyFile(`${path}${name}`, `${path}${name}.copy`);
  await endings.closed();
  for (const name of ['', '-wal']) await rename(`${path}${name}.copy`, `${path}${name}`);
  await assert.rejects(open(), /is at revision 1 and was at 2: it is an older copy/);
});

test('a store is taken as it is once its mark was removed', async () => {
  await endings.closed();
  await unlink(`${path}-wal`);
  await unlink(`${path}-mark`);
  assert.equal((await (await open()).range('')).revision, 0);
});

for (const name of ['', '-wal']) {
  test(`nothing is written once store.db${name} was deleted, until it is back`, async () => {
    const store = await open();
    await put(store, ['a', '1']);
    await rename(`${path}${name}`, `${path}${name}.away`);
    const refused = (error: unknown) =>
      error instanceof StoreUnavailable &&
      error.outcome === 'nothing-changed' &&
      /was deleted or replaced while it was in use/.test(error.message);
    await assert.rejects(put(store, ['a', '2']), refused);
    assert.equal((await store.get('a'))?.value, '1');
    await rename(`${path}${name}.away`, `${path}${name}`);
    await put(store, ['a', '3']);
    await rm(`${path}${name}`);
    await assert.rejects(put(store, ['a', '4']), refused);
    await store.close();
    await assert.rejects(open(), /is gone|is at revision/);
  });
}
