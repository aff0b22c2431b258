/**
 * A process that writes and says on standard output, at once, what was answered: its system calls
 * tell what had reached the disk by then. Arguments: `store` or `journal`, and a folder.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { folderDisk } from '../../src/forwarder/disk.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { put } from './stores.ts';

const say = (line: string) => writeSync(1, `${line}\n`);

async function writeStore(folder: string): Promise<void> {
  const store = await openSqlite({ path: join(folder, 'store.db') });
  say('opened');
  for (let count = 0; count < 8; count++) {
    try {
      await put(store, ['key', String(count)]);
      say('committed');
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      say(error.outcome);
    }
  }
  await store.close();
}

async function writeJournal(folder: string): Promise<void> {
  const disk = folderDisk(join(folder, 'journal'));
  await disk.replace('site', 'snapshot\n');
  say('replaced');
  await disk.append('site', 'change\n');
  say('appended');
  // In the same turn of the event loop: the sync of the first counts as under way.
  await disk.append('site', 'another change\n');
  say('appended-again');
  await disk.close();
  say('closed');
}

const [, , what = '', folder = ''] = process.argv;
await (what === 'store' ? writeStore(folder) : writeJournal(folder));
