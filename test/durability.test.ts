import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * What is on the disk when something is answered. A killed process tells nothing of that: the
 * system keeps what it was given. So the system calls of the writer are read, with what it says
 * among them, and made to fail.
 */

const writer = fileURLToPath(new URL('support/durable-writer.ts', import.meta.url));

interface Traced {
  /** What the writer said, and each file that was synced whole, by its name, in order. */
  readonly events: readonly string[];
  readonly said: readonly string[];
}

/** Runs the writer under strace. @param failing the sync of a file that fails, as its number */
async function trace(
  t: TestContext,
  what: 'store' | 'journal',
  failing?: { readonly file: string; readonly sync: number },
): Promise<Traced> {
  const folder = mkdtempSync(join(tmpdir(), 'durable-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'calls');
  const fault = failing && [
    ...['-P', join(folder, failing.file)],
    ...['-e', `inject=fsync,fdatasync:error=EIO:when=${failing.sync}`],
  ];
  const calls = ['-e', 'trace=fsync,fdatasync,write', '-e', 'signal=none', ...(fault ?? [])];
  const program = [process.execPath, writer, what, folder];
  const words = ['-f', '-y', '-o', log, ...calls, ...program];
  const { stdout } = await promisify(execFile)('strace', words);
  return { events: eventsOf(readFileSync(log, 'utf8')), said: stdout.trim().split('\n') };
}

/** A call counts from when it returned; what was said counts from when it began. */
function eventsOf(log: string): string[] {
  const begun = new Map<string, string>();
  return log.split('\n').flatMap((line) => {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const [, said] = /^write\(1<[^>]*>, "([\w-]+)\\n"/.exec(call) ?? [];
    if (said !== undefined) return [`said ${said}`];
    const [, file] = /^f(?:data)?sync\(\d+<([^>]*)>/.exec(call) ?? [];
    if (file !== undefined) begun.set(thread, basename(file));
    const isDone = /^(<\.\.\. )?f(data)?sync\b.* = 0$/.test(call);
    return isDone ? [`synced ${begun.get(thread)}`] : [];
  });
}

test('a commit is answered only once it is on the disk', async (t) => {
  const { events, said } = await trace(t, 'store');
  assert.deepEqual(said, ['opened', ...Array(8).fill('committed')]);
  let isSynced = false;
  for (const event of events.slice(events.indexOf('said opened'))) {
    if (event === 'synced store.db-wal') isSynced = true;
    if (event !== 'said committed') continue;
    assert.ok(isSynced, `answered without a sync:\n${events.join('\n')}`);
    isSynced = false;
  }
});

test('a commit whose sync failed may have happened, and its answer says so', async (t) => {
  const { said } = await trace(t, 'store', { file: 'store.db-wal', sync: 5 });
  const failed = said.filter((line) => !['opened', 'committed'].includes(line));
  assert.deepEqual(failed, ['unknown']);
});

test('a journal that counts as written is on the disk, under its name', async (t) => {
  const { events } = await trace(t, 'journal');
  const written = ['synced site.new', 'synced journal', 'said replaced'];
  assert.deepEqual(events.slice(0, events.indexOf('said replaced') + 1), written);
});

test('what is appended to a journal goes to the disk by itself', async (t) => {
  const { events } = await trace(t, 'journal');
  const appended = events.slice(events.indexOf('said appended'));
  assert.ok(appended.includes('synced site'), events.join('\n'));
  assert.ok(appended.indexOf('synced site') < appended.indexOf('said closed'));
});

test('what is appended to a journal during a sync is synced after it', async (t) => {
  const { events } = await trace(t, 'journal');
  const synced = events.filter((event) => event === 'synced site');
  assert.equal(synced.length, 2, events.join('\n'));
});
