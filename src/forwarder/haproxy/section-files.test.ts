import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SectionFiles } from './section-files.ts';

const pool = 'backend lb-1.http-80.0123456789ab.pool';
const one = '  server i-1.ens.10.0.0.1.80 10.0.0.1:80 weight 100';
const two = '  server i-2.ens.10.0.0.2.80 10.0.0.2:80 weight 100';

async function open(t: { after(done: () => Promise<void>): void }) {
  const folder = await mkdtemp(join(tmpdir(), 'sections-'));
  t.after(() => rm(folder, { recursive: true }));
  return {
    folder,
    files: new SectionFiles(folder),
    /** The names of all files. */
    names: () => readdirSync(folder).filter((name) => name.endsWith('.cfg')),
    /** All files, one after the other. */
    read: () =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.cfg'))
        .map((name) => readFileSync(join(folder, name), 'utf8'))
        .join('\n'),
  };
}

test('a text that the disk did not take is not taken for written', async (t) => {
  const { folder, files, read, names } = await open(t);
  files.put('lb-1', `${pool}\n${one}\n${two}\n`);
  // From now on the disk takes nothing for this load balancer.
  const blocked = join(folder, `${names()[0]}.new`);
  mkdirSync(blocked);
  const removed = `${pool}\n${two}\n`;
  assert.throws(() => files.put('lb-1', removed));
  assert.throws(() => files.put('lb-1', removed), 'the same text again');
  assert.match(read(), /i-1/);
  rmdirSync(blocked);
  files.put('lb-1', removed);
  assert.equal(read(), `# lb-1\n${removed}`);
});

test('what is put is on disk at once, however many there are, in at most 256 files', async (t) => {
  const { folder, files, read, names } = await open(t);
  const ids = Array.from({ length: 2_000 }, (_, i) => `lb-${i}`);
  for (const id of ids) files.put(id, sectionsOf(id));
  assert.ok(names().length <= 256);
  files.put('lb-7', '');
  assert.ok(!read().includes('lb-7.http'));
  const again = new SectionFiles(folder);
  assert.deepEqual(new Set(again.ids()), new Set(ids.filter((id) => id !== 'lb-7')));
  const before = read();
  again.settle(new Set());
  assert.equal(read(), before, 'the next life reads what this one wrote');
});

test('servers known to be down rest in what is loaded, and in what is put meanwhile', async (t) => {
  const { files, read } = await open(t);
  files.put('lb-1', `${pool}\n${one}\n${two}\n`);
  const { resting } = files.settle(new Set(['lb-1.http-80/i-2.ens.10.0.0.2.80']));
  const down = { pool: 'lb-1.http-80.0123456789ab.pool', server: 'i-2.ens.10.0.0.2.80' };
  assert.deepEqual(resting, [{ ...down, weight: 100 }]);
  assert.equal(read(), `# lb-1\n${pool}\n${one}\n${two} disabled\n`);
  files.put('lb-1', `${pool}\n${two}\n`);
  assert.equal(read(), `# lb-1\n${pool}\n${two} disabled\n`);
  files.settle(new Set());
  assert.equal(read(), `# lb-1\n${pool}\n${two}\n`);
});

test('a line of a file tells whose it is', async (t) => {
  const { files, names } = await open(t);
  files.put('lb-1', `frontend lb-1.http-80.0123456789ab.front\n  mode http\n\n${pool}\n${one}\n`);
  const [file = ''] = names();
  assert.equal(files.whatIsAt(file, 3)?.section?.role, 'front');
  assert.equal(files.whatIsAt(file, 6)?.section?.role, 'pool');
  assert.equal(files.whatIsAt('haproxy.cfg', 6), undefined);
});

test('what is in no place of its own goes with the next load', async (t) => {
  const { folder, files, read, names } = await open(t);
  files.put('lb-1', sectionsOf('lb-1'));
  writeFileSync(join(folder, names()[0]!), `nobody's\n${read()}`);
  writeFileSync(join(folder, 'lb-9.cfg'), 'frontend half\n  bind 127.0.');
  const again = new SectionFiles(folder);
  again.settle(new Set());
  assert.equal(read(), `# lb-1\n${sectionsOf('lb-1')}`);
});

function sectionsOf(id: string): string {
  return `${pool.replace('lb-1', id)}\n${one}\n`;
}
