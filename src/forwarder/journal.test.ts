import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { formatHash, hashOf } from '../fleet/hash.ts';
import { type Disk, folderDisk } from './disk.ts';
import { Journal, journalSites } from './journal.ts';
import type { SiteMessage } from './replica.ts';
import { SiteState } from './site-state.ts';

function snapshot(revision: number, loadBalancers: readonly LoadBalancer[]): SiteMessage {
  const sum = loadBalancers.reduce((all, each) => all ^ hashOf(JSON.stringify(each)), 0n);
  const hash = formatHash(sum);
  return { type: 'snapshot', site: 'site-1', revision, hash, loadBalancers, deleted: [] };
}

function change(base: number, revision: number, ...puts: LoadBalancer[]): SiteMessage {
  return { type: 'change', site: 'site-1', base, revision, puts, deletes: [] };
}

describe('the journal', () => {
  let folder: string;
  let disk: Disk;
  let file: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-journal-'));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    await rm(join(folder, 'journal'), { recursive: true, force: true });
    disk = folderDisk(join(folder, 'journal'));
    file = join(folder, 'journal', 'site-1.ndjson');
  });

  /** Takes messages as a forwarder does. */
  async function keep(...messages: SiteMessage[]): Promise<SiteState> {
    const state = new SiteState('site-1');
    const journal = new Journal('site-1', disk);
    for (const message of messages) {
      state.take(message);
      await journal.write(message, JSON.stringify(message), state);
    }
    await disk.close();
    return state;
  }

  async function load(): Promise<{ kind: string; revision?: number | undefined; ids?: string[] }> {
    const content = await new Journal('site-1', disk).load();
    if (content.kind !== 'read') return { kind: content.kind };
    const ids = Array.from(content.state.wanted(), ({ id }) => id).sort();
    return { kind: 'read', revision: content.state.revision, ids };
  }

  test('absent: nobody has ever described the site', async () => {
    assert.deepEqual(await load(), { kind: 'absent' });
    assert.deepEqual(await journalSites(disk), []);
  });

  test('empty: the site was said to have no load balancers', async () => {
    await keep(snapshot(5, []));
    assert.deepEqual(await load(), { kind: 'read', revision: 5, ids: [] });
  });

  test('a snapshot and the changes since lead back to what was told', async () => {
    await keep(snapshot(5, [loadBalancer('lb-1')]), change(5, 6, loadBalancer('lb-2')));
    assert.deepEqual(await load(), { kind: 'read', revision: 6, ids: ['lb-1', 'lb-2'] });
    assert.deepEqual(await journalSites(disk), ['site-1']);
  });

  test('a torn last line is as if it had not been told, and is not written after', async () => {
    await keep(snapshot(5, [loadBalancer('lb-1')]));
    await appendFile(file, JSON.stringify(change(5, 6, loadBalancer('lb-2'))).slice(0, 100));
    const journal = new Journal('site-1', disk);
    const content = await journal.load();
    assert.ok(content.kind === 'read');
    assert.equal(content.state.revision, 5);

    const next = change(5, 7, loadBalancer('lb-3'));
    content.state.take(next);
    await journal.write(next, JSON.stringify(next), content.state);
    assert.deepEqual(await load(), { kind: 'read', revision: 7, ids: ['lb-1', 'lb-3'] });
  });

  const good = `${JSON.stringify(snapshot(5, [loadBalancer('lb-1')]))}\n`;
  const unreadable: [string, string][] = [
    ['a file without a single line', ''],
    ['a damaged line in the middle', `${good}{"type":"cha\n${JSON.stringify(change(5, 6))}\n`],
    ['a snapshot whose content is not what its hash says', good.replace('"i-1"', '"i-8"')],
    ['a change that does not follow', `${good}${JSON.stringify(change(8, 9))}\n`],
    ['changes without a snapshot', `${JSON.stringify(change(5, 6))}\n`],
    ['another site', good.replaceAll('site-1', 'site-2')],
  ];
  for (const [what, text] of unreadable) {
    test(`unreadable: ${what}; the file is kept aside`, async () => {
      await keep(snapshot(1, []));
      await writeFile(file, text);
      assert.deepEqual(await load(), { kind: 'unreadable' });
      assert.deepEqual(await readdir(join(folder, 'journal')), ['site-1.ndjson.unreadable']);
      assert.deepEqual(await load(), { kind: 'absent' });
    });
  }

  test('a grown journal is written anew as one snapshot', async () => {
    const big = 'x'.repeat(500_000);
    const state = new SiteState('site-1');
    const journal = new Journal('site-1', disk);
    for (let revision = 1; revision <= 12; revision++) {
      const next = loadBalancer('lb-1', ['i-1'], { name: `${revision}${big}` });
      const message = revision === 1 ? snapshot(1, [next]) : change(revision - 1, revision, next);
      state.take(message);
      await journal.write(message, JSON.stringify(message), state);
      await journal.tidy(state);
    }
    await disk.close();
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    assert.ok(lines.length < 5, `${lines.length} lines`);
    assert.deepEqual(await load(), { kind: 'read', revision: 12, ids: ['lb-1'] });
  });

  describe('on a disk that fails for a while', () => {
    let full = false;
    let state: SiteState;
    let journal: Journal;
    const write = (message: SiteMessage) => {
      state.take(message);
      return journal.write(message, JSON.stringify(message), state);
    };
    beforeEach(async () => {
      const room = <T>(write: () => Promise<T>) =>
        full ? Promise.reject(new Error('ENOSPC')) : write();
      state = new SiteState('site-1');
      journal = new Journal('site-1', {
        ...bound(disk),
        append: (name, text) => room(() => disk.append(name, text)),
        replace: (name, text) => room(() => disk.replace(name, text)),
      });
      full = false;
      await write(snapshot(1, [loadBalancer('lb-1')]));
      full = true;
      await assert.rejects(write(change(1, 2, loadBalancer('lb-2'))), /ENOSPC/);
    });

    test('a journal that lacks a change is not started from', async () => {
      assert.deepEqual(await load(), { kind: 'absent' });
      assert.deepEqual(await readdir(join(folder, 'journal')), ['site-1.ndjson.outdated']);
    });

    test('nor is one that was torn before', async () => {
      full = false;
      await journal.tidy(state);
      await appendFile(file, '{"type":"cha');
      const again = new Journal('site-1', { ...bound(disk), replace: () => Promise.reject('EIO') });
      const content = await again.load();
      assert.ok(content.kind === 'read');
      const next = change(2, 3, loadBalancer('lb-3'));
      content.state.take(next);
      await assert.rejects(again.write(next, JSON.stringify(next), content.state));
      assert.deepEqual(await load(), { kind: 'absent' });
    });

    test('the next message that the disk takes brings all', async () => {
      await assert.rejects(write(change(2, 3, loadBalancer('lb-3'))), /ENOSPC/);
      full = false;
      await write(change(3, 4, loadBalancer('lb-4')));
      const ids = ['lb-1', 'lb-2', 'lb-3', 'lb-4'];
      assert.deepEqual(await load(), { kind: 'read', revision: 4, ids });
    });

    test('and so does tidying without any message', async () => {
      full = false;
      await journal.tidy(state);
      assert.deepEqual(await load(), { kind: 'read', revision: 2, ids: ['lb-1', 'lb-2'] });
    });
  });

  test('a site name cannot leave the folder', async () => {
    const site = '../../etc/passwd';
    const state = new SiteState(site);
    const message = { ...(snapshot(1, []) as SiteMessage & { type: 'snapshot' }), site };
    state.take(message);
    await new Journal(site, disk).write(message, JSON.stringify(message), state);
    assert.deepEqual(await readdir(join(folder, 'journal')), ['..%2F..%2Fetc%2Fpasswd.ndjson']);
    assert.deepEqual(await journalSites(disk), [site]);
  });

  test('files that are none of ours are no sites', async () => {
    await keep(snapshot(1, []));
    await writeFile(join(folder, 'journal', '%E0%A4%A.ndjson'), '');
    await writeFile(join(folder, 'journal', 'notes.txt'), '');
    assert.deepEqual(await journalSites(disk), ['site-1']);
  });
});

function bound(disk: Disk): Disk {
  return {
    list: () => disk.list(),
    read: (name) => disk.read(name),
    append: (name, text) => disk.append(name, text),
    replace: (name, text) => disk.replace(name, text),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    close: () => disk.close(),
  };
}
