import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer, server } from '../../test/support/load-balancers.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { Refusal } from '../elb/refusal.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { limits } from '../limits.ts';
import type { Commit, Store } from '../store/store.ts';
import { type Granted, LoadBalancerFold, type Wish } from './fold.ts';

const key = 'lb/site-1/lb-1';

async function openStore(): Promise<{ store: MemoryStore; revision: number }> {
  const store = new MemoryStore(new SimulatedClock());
  await store.commit({
    ifRevision: new Map(),
    puts: [{ key, value: JSON.stringify(loadBalancer('lb-1', [])) }],
    deletes: [],
  });
  return { store, revision: store.revision };
}

async function stored(store: Store): Promise<LoadBalancer> {
  return JSON.parse((await store.get(key))!.value) as LoadBalancer;
}

async function audited(store: Store): Promise<string[]> {
  return (await store.range('audit/')).entries.map((entry) => entry.key.slice('audit/'.length));
}

/** Wants one more server, under the name of the wish itself. */
function adding(name: string, more: Partial<Wish> = {}): Wish {
  return {
    rule: (current) => ({ next: { ...current, backends: [...current.backends, server(name)] } }),
    audit: () => ({ key: `audit/${name}`, value: name }),
    grounds: new Map(),
    puts: [],
    ...more,
  };
}

/** What a wish of the property does besides having its turn at any moment. */
type Kind = 'adds' | 'refuses' | 'fails' | 'keeps' | 'adds if unchanged';

function wishOf(kind: Kind, name: string, revision: number): Wish {
  switch (kind) {
    case 'adds':
      return adding(name);
    case 'adds if unchanged':
      return adding(name, { ifRevision: revision });
    case 'keeps':
      return adding(name, { rule: (current) => ({ next: current }) });
    case 'refuses':
      return adding(name, {
        rule: () => {
          throw new Refusal('InvalidParameter.%s', name);
        },
      });
    case 'fails':
      return adding(name, {
        audit: () => {
          throw new TypeError(name);
        },
      });
  }
}

/** The store, each of whose answers comes when the scheduler says so. */
function scheduled(store: Store, scheduler: fc.Scheduler): Store {
  const turn = (label: string) => scheduler.schedule(Promise.resolve(), label);
  return {
    get: async (wanted: string) => {
      await turn('get');
      return store.get(wanted);
    },
    commit: async (commit: Commit) => {
      await turn('commit');
      const result = await store.commit(commit);
      await turn('answer');
      return result;
    },
  } as Partial<Store> as Store;
}

/** Another control plane, which knows nothing of our fold. */
async function rename(store: Store, name: string): Promise<void> {
  for (;;) {
    const entry = (await store.get(key))!;
    const value = JSON.stringify({ ...(JSON.parse(entry.value) as LoadBalancer), name });
    const ifRevision = new Map([[key, entry.revision]]);
    const commit = { ifRevision, puts: [{ key, value }], deletes: [] };
    if ((await store.commit(commit)).committed) return;
  }
}

describe('wishes for one load balancer that come at once', () => {
  const kinds = fc.array(
    fc.constantFrom<Kind>('adds', 'adds', 'keeps', 'refuses', 'fails', 'adds if unchanged'),
    { minLength: 1, maxLength: 12 },
  );

  test('in every order: each is settled by itself, none is lost, each has its record', () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        kinds,
        fc.nat({ max: 4 }),
        async (scheduler, wanted, others) => {
          const { store, revision } = await openStore();
          const fold = new LoadBalancerFold(scheduled(store, scheduler));
          const calls = wanted.map(async (kind, index) => {
            await scheduler.schedule(Promise.resolve(), kind);
            return fold.change(key, wishOf(kind, `${index}`, revision));
          });
          const renames = Array.from({ length: others }, (_, index) =>
            rename(scheduled(store, scheduler), `other-${index}`),
          );
          const outcomes = await scheduler.waitFor(Promise.allSettled(calls));
          await scheduler.waitFor(Promise.all(renames));
          await check(store, wanted, outcomes, revision);
          assert.equal((await stored(store)).name.startsWith('other-'), others > 0);
        },
      ),
      { numRuns: 300 },
    ));

  async function check(
    store: Store,
    wanted: readonly Kind[],
    outcomes: readonly PromiseSettledResult<Granted>[],
    revision: number,
  ): Promise<void> {
    const granted = outcomes.flatMap((each, index) => {
      const name = `${index}`;
      if (each.status === 'rejected') {
        checkRefused(wanted[index]!, name, each.reason);
        return [];
      }
      assert.ok(['adds', 'keeps', 'adds if unchanged'].includes(wanted[index]!));
      if (wanted[index] === 'adds if unchanged') {
        assert.deepEqual(each.value.before.backends, [], `wish ${name} was not on ${revision}`);
      }
      const isThere = each.value.change.next.backends.some(({ serverId }) => serverId === name);
      assert.equal(isThere, wanted[index] !== 'keeps');
      return [name];
    });
    assert.deepEqual((await audited(store)).sort(), [...granted].sort());
    const added = granted.filter((name) => wanted[Number(name)] !== 'keeps');
    const found = (await stored(store)).backends.map(({ serverId }) => serverId);
    assert.deepEqual(found.sort(), added.sort());
  }

  function checkRefused(kind: Kind, name: string, reason: unknown): void {
    if (kind === 'refuses') assert.equal((reason as Refusal).subject, name);
    else if (kind === 'fails') assert.equal((reason as Error).message, name);
    else {
      assert.equal(kind, 'adds if unchanged');
      assert.equal((reason as Refusal).code, 'OperationConflict');
    }
  }

  test('share commits', async () => {
    const { store, revision } = await openStore();
    const fold = new LoadBalancerFold(store);
    const calls = Array.from({ length: 50 }, (_, index) => fold.change(key, adding(`${index}`)));
    await Promise.all(calls);
    assert.equal((await stored(store)).backends.length, 50);
    assert.ok(store.revision - revision < 50, `${store.revision - revision} commits`);
  });

  test('commit in parts when their records are many or large', async () => {
    const { store } = await openStore();
    const sizes: number[] = [];
    const counted = scheduledCommits(store, ({ puts }) => {
      sizes.push(puts.reduce((sum, { value }) => sum + value.length, 0));
    });
    const fold = new LoadBalancerFold(counted);
    const value = 'x'.repeat(limits.foldedBytes / 4);
    const many = limits.foldedCalls + 10;
    const calls = Array.from({ length: many }, (_, index) =>
      fold.change(key, adding(`${index}`, { audit: () => ({ key: `audit/${index}`, value }) })),
    );
    await Promise.all(calls);
    assert.equal((await audited(store)).length, many);
    const room = limits.foldedBytes + 2 * value.length;
    assert.deepEqual(
      sizes.filter((size) => size > room),
      [],
    );
  });

  function scheduledCommits(store: Store, seen: (commit: Commit) => void): Store {
    return {
      get: (wanted: string) => store.get(wanted),
      commit: (commit: Commit) => {
        seen(commit);
        return store.commit(commit);
      },
    } as Partial<Store> as Store;
  }
});

describe('a wish', () => {
  test('that changes nothing writes its record and keeps the revision', async () => {
    const { store, revision } = await openStore();
    const wish = adding('kept', { rule: (current) => ({ next: current }) });
    const granted = await new LoadBalancerFold(store).change(key, wish);
    assert.equal(granted.revision, revision);
    assert.equal((await store.get(key))?.revision, revision);
    assert.deepEqual(await audited(store), ['kept']);
  });

  test('for a revision that is gone is refused, one for the current is granted', async () => {
    const { store, revision } = await openStore();
    const fold = new LoadBalancerFold(store);
    const granted = await fold.change(key, adding('first', { ifRevision: revision }));
    await assert.rejects(fold.change(key, adding('second', { ifRevision: revision })), {
      code: 'OperationConflict',
    });
    await fold.change(key, adding('third', { ifRevision: granted.revision }));
    const { backends } = await stored(store);
    assert.deepEqual(
      backends.map(({ serverId }) => serverId),
      ['first', 'third'],
    );
  });

  test('for no load balancer is refused, and the next one is not', async () => {
    const { store } = await openStore();
    const fold = new LoadBalancerFold(store);
    await assert.rejects(fold.change('lb/site-1/lb-2', adding('lost')), {
      code: 'LoadBalancerNotFound',
    });
    await fold.change(key, adding('found'));
    assert.deepEqual(await audited(store), ['found']);
  });

  test('that loses every race ends in OperationConflict', async () => {
    const { store } = await openStore();
    let tries = 0;
    const raced = {
      get: (wanted: string) => store.get(wanted),
      commit: async () => {
        tries += 1;
        return { committed: false };
      },
    } as Partial<Store> as Store;
    await assert.rejects(new LoadBalancerFold(raced).change(key, adding('late')), {
      code: 'OperationConflict',
    });
    assert.equal(tries, limits.commitRetries + 1);
  });

  test('fails with the store, and those that come later are served again', async () => {
    const { store } = await openStore();
    const fold = new LoadBalancerFold(store);
    store.setDown(true);
    const names = ['a', 'b', 'c'];
    const calls = await Promise.allSettled(names.map((name) => fold.change(key, adding(name))));
    for (const call of calls) {
      assert.equal((call as PromiseRejectedResult).reason.name, 'StoreUnavailable');
    }
    store.setDown(false);
    await fold.change(key, adding('d'));
    assert.deepEqual(await audited(store), ['d']);
  });
});
