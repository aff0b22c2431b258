import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { put, putAt, startWatch } from '../../test/support/stores.ts';
import { openSqlite } from './sqlite.ts';
import { type Store, StoreUnavailable } from './store.ts';

const writerFile = fileURLToPath(new URL('../../test/support/store-writer.ts', import.meta.url));

describe('the SQLite store', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
    path = join(folder, 'store.db');
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('kill -9 at any moment loses no answered commit and leaves none in half', async () => {
    const answered: string[] = [];
    for (const commits of [1, 40, 300, 7, 900]) {
      answered.push(...(await writeUntilKilled(path, commits)));
    }
    const store = await openSqlite({ path });
    const { entries, revision } = await store.range('');
    await store.close();
    const found = new Set(entries.map(({ key }) => key));
    const lost = answered.filter((key) => !found.has(`a/${key}`) || !found.has(`b/${key}`));
    assert.deepEqual(lost, []);
    const halves = entries.filter(({ key }) => !found.has(twin(key)));
    assert.deepEqual(halves, []);
    assert.equal(Math.max(...entries.map((entry) => entry.revision)), revision);
  });

  test('a second process, or store, on one file is refused; kill -9 frees it', async () => {
    const child = startWriter(path);
    await once(child.lines, 'line');
    await assert.rejects(openSqlite({ path }), /another process uses this store/);
    await kill(child.process);
    const store = await openSqlite({ path });
    await assert.rejects(openSqlite({ path }), /another process uses this store/);
    await store.close();
    await (await openSqlite({ path })).close();
  });

  test('close answers what is queued', async () => {
    const store = await openSqlite({ path });
    const commits = Array.from({ length: 1_000 }, (_, index) => putAt(store, [`k${index}`, '1']));
    await Promise.all([store.close(), store.close()]);
    const revisions = await Promise.all(commits);
    assert.equal(new Set(revisions).size, 1_000);
    const again = await openSqlite({ path });
    assert.equal((await again.range('k')).entries.length, 1_000);
    await again.close();
  });

  test('revisions go on where they stood, and leased keys are gone, after a restart', async () => {
    const before = await openSqlite({ path });
    const revision = await putAt(before, ['a', '1']);
    await (await before.lease(60)).put('b', 'leased');
    await before.close();
    const after = await openSqlite({ path });
    assert.equal(await after.get('b'), undefined);
    assert.equal(await putAt(after, ['a', '2']), revision + 1);
    await after.close();
  });

  test('only a lease writes a leased key, and it cannot take over another key', async () => {
    const store = await openSqlite({ path });
    await put(store, ['durable', '1']);
    const lease = await store.lease(60);
    await lease.put('leased', '1');
    await assert.rejects(lease.put('durable', '2'), TypeError);
    await assert.rejects(put(store, ['leased', '2']), TypeError);
    const remove = { ifRevision: new Map(), puts: [], deletes: ['leased'] };
    await assert.rejects(store.commit(remove), TypeError);
    await store.close();
  });

  test('a lapsed lease is noticed without anybody asking', async () => {
    let time = 0;
    const store = await openSqlite({ path, now: () => time });
    await (await store.lease(5)).put('r/a', '1');
    const watching = startWatch(store, 'r/', 0);
    await watching.seen('r/a', '1');
    time = 5_000;
    await watching.seen('r/a', null);
    await watching.stop();
    await store.close();
  });

  test('its files are for their owner alone', async () => {
    const store = await openSqlite({ path });
    await put(store, ['a', '1']);
    for (const file of [path, `${path}-wal`, `${path}-lock`]) {
      assert.equal((await stat(file)).mode & 0o777, 0o600, file);
    }
    await store.close();
  });

  test('a file of a newer layout is left alone, and the error says why', async () => {
    await (await openSqlite({ path })).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    await assert.rejects(openSqlite({ path }), /newer version of Sluice \(layout 99/);
  });

  test('a file that is no database is refused', async () => {
    await writeFile(path, 'no database'.repeat(1_000));
    await assert.rejects(openSqlite({ path }), /not a database/);
  });

  test('a full database is never a success, and the store goes on when there is room', async () => {
    const store = await openSqlite({ path, maxPages: 50 });
    await fillUp(store);
    await store.commit({ ifRevision: new Map(), puts: [], deletes: ['fill/0', 'fill/1'] });
    await putAt(store, ['after', 'x'.repeat(1_000)]);
    await store.close();
  });

  test('a full disk is never a success, and the store goes on when there is room', async (t) => {
    if (!mountSmallDisk(folder)) return t.skip('only root may mount a small disk');
    try {
      const ballast = join(folder, 'ballast');
      await writeFile(ballast, Buffer.alloc(2_000_000));
      let store = await openSqlite({ path });
      const kept = await fillUp(store);
      await unlink(ballast);
      await putAt(store, ['after', '1']);
      await store.close();
      store = await openSqlite({ path });
      assert.equal((await store.range('fill/')).entries.length, kept);
      assert.equal((await store.get('after'))?.value, '1');
      await store.close();
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });
});

/** Commits until the disk is full, several at a time; answers how many were granted. */
async function fillUp(store: Store): Promise<number> {
  const value = 'x'.repeat(10_000);
  let granted = 0;
  const watching = startWatch(store, 'fill/', (await store.range('')).revision);
  for (let failures = 0; failures < 5; ) {
    const keys = [0, 1, 2].map((each) => `fill/${granted + each}`);
    const outcomes = await Promise.allSettled(keys.map((key) => putAt(store, [key, value])));
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of failed) {
      assert.ok(reason instanceof StoreUnavailable, String(reason));
      assert.equal(reason.outcome, 'nothing-changed');
    }
    assert.ok(failed.length === 0 || failed.length === keys.length, 'they share a transaction');
    granted += keys.length - failed.length;
    failures += failed.length;
    assert.ok(granted < 10_000, 'the disk should have been full by now');
  }
  assert.ok(granted > 0);
  assert.equal((await store.range('fill/')).entries.length, granted);
  await watching.stop();
  assert.equal(watching.events.length, granted);
  return granted;
}

function mountSmallDisk(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    // Not root, or a container without the right to mount.
    return false;
  }
}

function startWriter(path: string) {
  const child = spawn(process.execPath, [writerFile, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { process: child, lines: createInterface({ input: child.stdout }) };
}

/** The keys a writing process has answered for when it was killed behind so many commits. */
async function writeUntilKilled(path: string, commits: number): Promise<string[]> {
  const child = startWriter(path);
  const keys: string[] = [];
  for await (const line of child.lines) {
    keys.push(line);
    if (keys.length === commits) void kill(child.process);
  }
  return keys;
}

async function kill(child: ReturnType<typeof spawn>): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function twin(key: string): string {
  return (key.startsWith('a/') ? 'b/' : 'a/') + key.slice(2);
}
