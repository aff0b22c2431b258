import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { bootstrap } from '../bootstrap.ts';
import { createSeal } from '../sealing.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { finish, resealAll } from './rotate.ts';

const [old, fresh, other] = [1, 2, 3].map(() => createSeal(randomBytes(32))) as [
  ReturnType<typeof createSeal>,
  ReturnType<typeof createSeal>,
  ReturnType<typeof createSeal>,
];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-rotate-'));
});
afterEach(() => rm(folder, { recursive: true }));
const start = (store: Store, seal = old) =>
  bootstrap({
    store,
    seal,
    dataFolder: folder,
    now: () => 0,
    rootAccessKey: { accessKeyId: 'LTAI5root', accessKeySecret: 'root secret' },
  });

/** A store with an account, a root key, 300 more keys and a certificate, sealed with the old. */
async function furnished(): Promise<MemoryStore> {
  const store = new MemoryStore(new SimulatedClock());
  await start(store);
  const put = (key: string, record: object) =>
    store.commit({
      ifRevision: new Map(),
      puts: [{ key, value: JSON.stringify({ v: 1, ...record }) }],
      deletes: [],
    });
  for (let n = 0; n < 300; n++) {
    const key = keys.accessKey(`LTAI5n${n}`);
    await put(key, { secret: old.seal(`secret ${n}`, key), status: 'Active' });
  }
  const certificate = keys.certificate('1');
  await put(certificate, { key: old.seal('private key', certificate), name: 'v1.not-sealed' });
  await put('lb/local/lb-5a', { name: old.seal('a name that only looks sealed', 'x') });
  return store;
}

/** The store, but for what it does with a commit. */
function withCommit(store: Store, commit: Store['commit']): Store {
  return {
    commit,
    get: (key) => store.get(key),
    range: (prefix, options) => store.range(prefix, options),
    watch: (...args) => store.watch(...args),
    lease: (ttl) => store.lease(ttl),
    close: () => store.close(),
  };
}

async function secretsOf(store: Store, seal = fresh): Promise<string[]> {
  const { entries } = await store.range(keys.accessKey(''));
  return entries.map(({ key, value }) => seal.open(JSON.parse(value).secret, key));
}

describe('another master key', () => {
  test('opens every secret, and the old one none', async () => {
    const store = await furnished();
    const before = await secretsOf(store, old);
    assert.equal(await resealAll(store, old, fresh), 303);
    await finish(store);
    assert.deepEqual(await secretsOf(store), before);
    await assert.rejects(secretsOf(store, old));
    const certificate = JSON.parse((await store.get(keys.certificate('1')))!.value);
    assert.equal(fresh.open(certificate.key, keys.certificate('1')), 'private key');
    assert.equal(certificate.name, 'v1.not-sealed');
    await assert.rejects(start(store, old), /sealed with another master key/);
  });

  test('a run that breaks off keeps control planes from starting until one has ended', async () => {
    const store = await furnished();
    let commits = 0;
    const failing = withCommit(store, (commit) => {
      commits += 1;
      if (commits === 4) throw new Error('broken off');
      return store.commit(commit);
    });
    await assert.rejects(resealAll(failing, old, fresh), /broken off/);
    await assert.rejects(start(store, old), /run sluice keys rotate again/);
    await assert.rejects(start(store, fresh), /run sluice keys rotate again/);
    const left = await resealAll(store, old, fresh);
    assert.ok(left > 0 && left < 303, `${left} left`);
    await finish(store);
    assert.equal((await secretsOf(store)).length, 301);
  });

  test('nothing is changed when a record opens with neither key', async () => {
    const store = await furnished();
    const { revision } = await store.range('');
    await assert.rejects(resealAll(store, other, fresh), /opens with neither master key/);
    assert.equal((await store.range('')).revision, revision);
  });

  test('a change meanwhile is seen, and nothing of it is lost', async () => {
    const store = await furnished();
    const racing = withCommit(store, async (commit) => {
      const key = keys.accessKey('LTAI5n7');
      if (commit.ifRevision.has(key)) {
        const value = JSON.stringify({ v: 1, secret: old.seal('newer', key) });
        await store.commit({ ifRevision: new Map(), puts: [{ key, value }], deletes: [] });
      }
      return store.commit(commit);
    });
    await assert.rejects(resealAll(racing, old, fresh), /stop every control plane/);
    await resealAll(store, old, fresh);
    assert.ok((await secretsOf(store)).includes('newer'));
  });
});
