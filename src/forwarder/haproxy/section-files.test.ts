import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
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
  const path = (id: string) => join(folder, `${id}.cfg`);
  return {
    files: new SectionFiles(folder),
    read: (id: string) => readFileSync(path(id), 'utf8'),
    /** From now on the disk takes nothing for this load balancer. */
    block: (id: string) => mkdirSync(`${path(id)}.new`),
    unblock: (id: string) => rmdirSync(`${path(id)}.new`),
  };
}

test('a text that the disk did not take is not taken for written', async (t) => {
  const { files, read, block, unblock } = await open(t);
  files.put('lb-1', `${pool}\n${one}\n${two}\n`);
  block('lb-1');
  const removed = `${pool}\n${two}\n`;
  assert.throws(() => files.put('lb-1', removed));
  assert.throws(() => files.put('lb-1', removed), 'the same text again');
  assert.match(read('lb-1'), /i-1/);
  unblock('lb-1');
  files.put('lb-1', removed);
  assert.equal(read('lb-1'), removed);
});
