import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  etcdEngine,
  memoryEngine,
  put,
  putAt,
  shortLease,
  sqliteEngine,
  startWatch,
  type TestStore,
} from '../../test/support/stores.ts';
import { until } from '../../test/support/wait.ts';
import { limits } from '../limits.ts';
import { type Commit, LeaseLapsed, type Store, StoreUnavailable } from './store.ts';

const nothing: Commit = { ifRevision: new Map(), puts: [], deletes: [] };

for (const engine of [sqliteEngine(), memoryEngine(), etcdEngine()]) {
  describe(`a store on ${engine.name}`, () => {
    let opened: TestStore;
    let store: Store;
    before(() => engine.start());
    after(() => engine.stop());
    beforeEach(async () => {
      opened = await engine.open();
      store = opened.store;
    });
    afterEach(() => opened.close());
    const keysOf = async (prefix: string, options = {}) =>
      (await store.range(prefix, options)).entries.map(({ key }) => key);

    describe('commits', () => {
      test('a read after the answer sees the commit, with its revision', async () => {
        const revision = await putAt(store, ['a', 'one'], ['b', 'é "\n\0 🦀']);
        assert.deepEqual(await store.get('a'), { key: 'a', value: 'one', revision });
        assert.deepEqual(await store.range(''), {
          entries: [
            { key: 'a', value: 'one', revision },
            { key: 'b', value: 'é "\n\0 🦀', revision },
          ],
          revision,
        });
        assert.equal(await store.get('c'), undefined);
      });

      test('an empty value is a value', async () => {
        const revision = await putAt(store, ['a', '']);
        assert.deepEqual(await store.get('a'), { key: 'a', value: '', revision });
      });

      test('revisions rise with every commit, and a key keeps that of its last write', async () => {
        const first = await putAt(store, ['a', '1'], ['b', '1']);
        const second = await putAt(store, ['b', '2']);
        assert.ok(second > first && first > 0);
        assert.equal((await store.get('a'))?.revision, first);
        assert.equal((await store.get('b'))?.revision, second);
      });

      test('all of a commit happens when its conditions hold, nothing when one fails', async () => {
        const revision = await putAt(store, ['a', '1'], ['b', '1']);
        const change = (ifRevision: ReadonlyMap<string, number>) =>
          store.commit({ ifRevision, puts: [{ key: 'c', value: '2' }], deletes: ['b'] });
        const wrong = new Map([
          ['a', revision],
          ['b', revision + 1],
        ]);
        assert.deepEqual(await change(wrong), { committed: false });
        assert.deepEqual(await keysOf(''), ['a', 'b']);
        const right = new Map([
          ['a', revision],
          ['b', revision],
        ]);
        assert.equal((await change(right)).committed, true);
        assert.deepEqual(await keysOf(''), ['a', 'c']);
      });

      test('revision 0 demands that the key does not exist', async () => {
        const create = { ...nothing, ifRevision: new Map([['a', 0]]) };
        const puts = [{ key: 'a', value: '1' }];
        assert.equal((await store.commit({ ...create, puts })).committed, true);
        assert.equal((await store.commit({ ...create, puts })).committed, false);
        await store.commit({ ...nothing, deletes: ['a'] });
        assert.equal((await store.commit({ ...create, puts })).committed, true);
      });

      test('a refused commit leaves the others that came with it alone', async () => {
        const commits = Array.from({ length: 20 }, (_, index) =>
          store.commit({
            ifRevision: new Map([[index % 2 === 0 ? `k${index}` : 'absent', index % 2]]),
            puts: [{ key: `k${index}`, value: 'x' }],
            deletes: [],
          }),
        );
        const outcomes = (await Promise.all(commits)).map(({ committed }) => committed);
        assert.deepEqual(
          outcomes,
          outcomes.map((_, index) => index % 2 === 0),
        );
        assert.equal((await keysOf('')).length, 10);
      });

      test('a commit that changes nothing is granted and takes no revision', async () => {
        const revision = await putAt(store, ['a', '1']);
        const granted = { committed: true, revision };
        assert.deepEqual(await store.commit({ ...nothing, deletes: ['absent'] }), granted);
        const checked = { ...nothing, ifRevision: new Map([['a', revision]]) };
        assert.deepEqual(await store.commit(checked), granted);
        assert.ok((await putAt(store, ['a', '2'])) === revision + 1);
      });

      test('32 clients that increment one number lose none', async () => {
        const clients = 32;
        const rounds = 5;
        await put(store, ['n', '0']);
        const increment = async (): Promise<void> => {
          const entry = await store.get('n');
          assert.ok(entry);
          const { committed } = await store.commit({
            ifRevision: new Map([['n', entry.revision]]),
            puts: [{ key: 'n', value: String(Number(entry.value) + 1) }],
            deletes: [],
          });
          if (!committed) await increment();
        };
        const client = async () => {
          for (let round = 0; round < rounds; round++) await increment();
        };
        await Promise.all(Array.from({ length: clients }, client));
        assert.equal((await store.get('n'))?.value, String(clients * rounds));
      });

      test('a commit that no engine could carry out is a mistake of its caller', async () => {
        const many = Array.from({ length: limits.commitKeys + 1 }, (_, index) => `k${index}`);
        const wrong: readonly Commit[] = [
          { ...nothing, deletes: many },
          { ...nothing, ifRevision: new Map(many.map((key) => [key, 0])) },
          { ...nothing, puts: [{ key: '', value: '' }] },
          { ...nothing, puts: [{ key: 'a\ud800', value: '' }] },
          { ...nothing, puts: [{ key: 'a', value: '' }], deletes: ['a'] },
        ];
        for (const commit of wrong) await assert.rejects(store.commit(commit), TypeError);
        assert.deepEqual(await keysOf(''), []);
        const most = many.slice(1).map((key) => ({ key, value: 'x' }));
        assert.equal((await store.commit({ ...nothing, puts: most })).committed, true);
      });
    });

    describe('ranges', () => {
      test('keys come in byte order, under their prefix alone', async () => {
        const keys = [
          'lb/a',
          'lb/a/',
          'lb/a/x',
          'lb/a/é',
          'lb/a/\uffee',
          'lb/a/🦀',
          'lb/a0',
          'lb/aé',
        ];
        assert.deepEqual(keys, keys.toSorted(compareBytes), 'the list itself is in byte order');
        await put(store, ...keys.toReversed().map((key) => [key, '1'] as const));
        assert.deepEqual(await keysOf('lb/'), keys);
        assert.deepEqual(await keysOf('lb/a/'), keys.slice(1, 6));
        assert.deepEqual(await keysOf('lb/a/🦀'), ['lb/a/🦀']);
        assert.deepEqual(await keysOf('lb/b'), []);
      });

      test('any keys, prefix, page and place to go on give what sorting them gives', async () => {
        const text = fc.string({
          unit: fc.constantFrom('a', '/', '0', 'é', '\uffff', '🦀', '\u{10ffff}'),
        });
        const key = text.map((tail) => `k${tail}`);
        const cases = fc.record({
          keys: fc.uniqueArray(key, { maxLength: 12 }),
          prefix: text.map((tail) => (tail.length % 3 === 0 ? '' : `k${Array.from(tail)[0]}`)),
          after: fc.option(text, { nil: undefined }),
          limit: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
        });
        await fc.assert(
          fc.asyncProperty(cases, async ({ keys, prefix, after: behind, limit }) => {
            const old = await keysOf('');
            await store.commit({
              ...nothing,
              puts: keys.map((each) => ({ key: each, value: '1' })),
              deletes: old.filter((each) => !keys.includes(each)),
            });
            const expected = keys
              .filter((each) => each.startsWith(prefix) && compareBytes(each, behind ?? '') > 0)
              .sort(compareBytes)
              .slice(0, limit);
            const options = {
              ...(behind === undefined ? {} : { after: behind }),
              ...(limit === undefined ? {} : { limit }),
            };
            assert.deepEqual(await keysOf(prefix, options), expected);
          }),
          { numRuns: 40 },
        );
      });

      test('a long range is true at one revision, whatever is written meanwhile', async () => {
        const count = limits.rangePage * 2 + 10;
        const name = (index: number) => `k${String(index).padStart(5, '0')}`;
        const write = async (value: string) => {
          for (let from = 0; from < count; from += limits.commitKeys) {
            const size = Math.min(limits.commitKeys, count - from);
            const puts = Array.from({ length: size }, (_, at) => [name(from + at), value] as const);
            await put(store, ...puts);
          }
        };
        await write('old');
        const [{ entries, revision }] = await Promise.all([store.range('k'), write('new')]);
        assert.equal(entries.length, count);
        assert.ok(entries.every((entry) => entry.revision <= revision));
        const later = await store.range('k');
        for (const [index, entry] of later.entries.entries()) {
          if (entry.revision <= revision) assert.deepEqual(entries[index], entry);
          else assert.equal(entries[index]?.value, 'old');
        }
      });
    });

    describe('watches', () => {
      test('every commit under the prefix comes once, whole and in order', async () => {
        const begin = await putAt(store, ['w/0', 'before']);
        const watching = startWatch(store, 'w/', begin);
        const revisions: number[] = [];
        for (let index = 1; index <= 50; index++) {
          const pairs = [`w/${index}`, `x/${index}`, 'w/all'].map((key) => [key, String(index)]);
          revisions.push(await putAt(store, ...(pairs as [string, string][])));
          await put(store, ['y', 'elsewhere']);
        }
        const last = await store.commit({ ...nothing, deletes: ['w/1', 'w/absent'] });
        await watching.seen('w/1', null);
        await watching.stop();
        const expected = revisions.map((revision, index) => ({
          kind: 'changes',
          revision,
          changes: [
            { key: `w/${index + 1}`, value: String(index + 1) },
            { key: 'w/all', value: String(index + 1) },
          ],
        }));
        assert.deepEqual(watching.events.slice(0, -1), expected);
        assert.ok(last.committed);
        const { revision } = last;
        const changes = [{ key: 'w/1', value: null }];
        assert.deepEqual(watching.events.at(-1), { kind: 'changes', revision, changes });
      });

      test('a watch resumes behind any revision, without gap or repetition', async () => {
        const begin = await putAt(store, ['w', '0']);
        const revisions = [begin];
        for (const value of ['1', '2', '3', '4', '5']) {
          revisions.push(await putAt(store, ['w', value]));
        }
        for (const [index, revision] of revisions.slice(0, -1).entries()) {
          const watching = startWatch(store, 'w', revision);
          await watching.seen('w', '5');
          await watching.stop();
          assert.deepEqual(watching.valuesOf('w'), ['1', '2', '3', '4', '5'].slice(index));
        }
      });

      test('commits during a watch are all in it, however many come at once', async () => {
        const begin = await putAt(store, ['n', 'begin']);
        const watching = startWatch(store, 'w/', begin);
        const commits = Array.from({ length: 300 }, (_, index) =>
          putAt(store, [`w/${index}`, 'x']),
        );
        const revisions = (await Promise.all(commits)).toSorted((a, b) => a - b);
        await until(() => watching.events.length === 300, { what: 'all commits' });
        await watching.stop();
        assert.deepEqual(
          watching.events.map(({ revision }) => revision),
          revisions,
        );
      });

      test('a range and a watch from its revision together miss nothing', async () => {
        let running = true;
        const write = async () => {
          for (let value = 0; running; value++) await put(store, ['w', String(value)]);
        };
        const writing = write();
        await until(() => store.get('w'), { what: 'a first value' });
        for (let round = 0; round < 10; round++) {
          const { entries, revision } = await store.range('w');
          const found = Number(entries[0]?.value);
          const watching = startWatch(store, 'w', revision);
          await until(() => watching.events.length >= 3, { what: 'changes' });
          await watching.stop();
          const values = watching.valuesOf('w').map(Number);
          assert.deepEqual(
            values,
            values.map((_, index) => found + 1 + index),
          );
        }
        running = false;
        await writing;
      });

      test('too old to resume from is said to be compacted, and the watch ends', async () => {
        const old = await putAt(store, ['w', '1']);
        await put(store, ['w', '2']);
        const reopened = await opened.compact();
        const { revision } = await reopened.range('');
        const watching = startWatch(reopened, 'w', old - 1);
        assert.equal(await watching.end, undefined);
        assert.deepEqual(watching.events, [{ kind: 'compacted', revision }]);
        const resumed = startWatch(reopened, 'w', revision);
        await put(reopened, ['w', '3']);
        await resumed.seen('w', '3');
        await resumed.stop();
        assert.deepEqual(resumed.valuesOf('w'), ['3']);
      });

      test('a watch ends without an error when its signal aborts', async () => {
        const begin = await putAt(store, ['w', '1']);
        const waiting = startWatch(store, 'w', begin);
        await put(store, ['w', '2']);
        await waiting.seen('w', '2');
        assert.equal(await waiting.stop(), undefined);
        const early = startWatch(store, 'w', begin);
        assert.equal(await early.stop(), undefined);
      });

      test('a watch throws when its store is closed', async () => {
        const begin = await putAt(store, ['w', '1']);
        const watching = startWatch(store, 'w', begin);
        await put(store, ['w', '2']);
        await watching.seen('w', '2');
        await store.close();
        assert.ok((await watching.end) instanceof StoreUnavailable);
        await assert.rejects(store.get('w'), StoreUnavailable);
        await assert.rejects(put(store, ['w', '3']), StoreUnavailable);
      });
    });

    describe('leases', () => {
      test('leased keys are read and watched like others', async () => {
        const begin = await putAt(store, ['r/a', 'durable'], ['r/c', 'durable']);
        const watching = startWatch(store, 'r/', begin);
        const lease = await store.lease(60);
        await lease.put('r/b', 'leased');
        await lease.put('r/b', 'again');
        assert.equal((await store.get('r/b'))?.value, 'again');
        assert.deepEqual(await keysOf('r/'), ['r/a', 'r/b', 'r/c']);
        assert.deepEqual(await keysOf('r/', { after: 'r/a', limit: 1 }), ['r/b']);
        await watching.seen('r/b', 'again');
        await watching.stop();
        assert.deepEqual(watching.valuesOf('r/b').slice(-2), ['leased', 'again']);
        await lease.revoke();
      });

      test('a watch that begins later learns of the leased keys', async () => {
        const begin = await putAt(store, ['a', '1']);
        const lease = await store.lease(60);
        await lease.put('r/a', 'leased');
        const watching = startWatch(store, 'r/', begin);
        await watching.seen('r/a', 'leased');
        await watching.stop();
        assert.ok(watching.events.every(({ revision }) => revision >= begin));
        await lease.revoke();
      });

      test('revoking a lease deletes its keys and no others; it can be done twice', async () => {
        const begin = await putAt(store, ['r/a', '1']);
        const [one, two] = [await store.lease(60), await store.lease(60)];
        await one.put('r/b', '1');
        await one.put('r/c', '1');
        await two.put('r/d', '1');
        // A key belongs to the lease that wrote it last.
        await two.put('r/c', '2');
        const watching = startWatch(store, 'r/', begin);
        await watching.seen('r/d', '1');
        await one.revoke();
        assert.deepEqual(await keysOf('r/'), ['r/a', 'r/c', 'r/d']);
        await watching.seen('r/b', null);
        await watching.stop();
        await one.revoke();
        await two.revoke();
        assert.deepEqual(await keysOf('r/'), ['r/a']);
      });

      test('a lease that is not renewed lapses: its keys go, and it says so', async () => {
        const begin = await putAt(store, ['a', '1']);
        const lease = await store.lease(shortLease);
        await lease.put('r/a', '1');
        await lease.keepAlive();
        const watching = startWatch(store, 'r/', begin);
        await watching.seen('r/a', '1');
        await opened.lapse();
        await watching.seen('r/a', null);
        await watching.stop();
        assert.deepEqual(await keysOf('r/'), []);
        await assert.rejects(lease.keepAlive(), LeaseLapsed);
        await assert.rejects(lease.put('r/a', '2'), LeaseLapsed);
        await lease.revoke();
      });
    });
  });
}

function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
