import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryStore } from '../test/support/memory-store.ts';
import { bootstrap } from './bootstrap.ts';
import { systemTimers } from './clock.ts';
import { createSeal } from './sealing.ts';
import { keys } from './store/keys.ts';

test('a root key that is given counts, unless it was deleted or made inactive', async () => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'sluice-bootstrap-'));
  const store = new MemoryStore(systemTimers);
  const seal = createSeal(randomBytes(32));
  const rootAccessKey = { accessKeyId: 'LTAI5tGiven', accessKeySecret: 'given' };
  const key = keys.accessKey(rootAccessKey.accessKeyId);
  const start = () => bootstrap({ store, seal, dataFolder, now: Date.now, rootAccessKey });
  const status = async () => JSON.parse((await store.get(key))?.value ?? '{}').status;
  const commit = (puts: { key: string; value: string }[], deletes: string[]) =>
    store.commit({ ifRevision: new Map(), puts, deletes });
  try {
    await start();
    const { value = '', revision } = (await store.get(key)) ?? {};
    await start();
    assert.equal((await store.get(key))?.revision, revision);
    await commit([{ key, value: value.replace('Active', 'Inactive') }], []);
    const inactive = await start();
    assert.deepEqual([inactive.refused, inactive.rootAccessKey], ['inactive', undefined]);
    assert.equal(await status(), 'Inactive');
    const gone = { key: keys.deletedRootKey(rootAccessKey.accessKeyId), value: '{"v":1}' };
    await commit([gone], [key]);
    assert.equal((await start()).refused, 'deleted');
    assert.equal(await status(), undefined);
    const next = { accessKeyId: 'LTAI5tNext', accessKeySecret: 'next' };
    const options = { store, seal, dataFolder, now: Date.now, rootAccessKey: next };
    assert.deepEqual((await bootstrap(options)).rootAccessKey, next);
    assert.deepEqual((await start()).rootAccessKey, next, 'the one that the folder keeps');
  } finally {
    await rm(dataFolder, { recursive: true, force: true });
  }
});
