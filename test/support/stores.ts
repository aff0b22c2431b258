import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openEtcd } from '../../src/store/etcd.ts';
import { memoryPath, openMemory, openSqlite } from '../../src/store/sqlite.ts';
import type { Change, Store, WatchEvent } from '../../src/store/store.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { until } from './wait.ts';

/** An engine as the contract test drives it. */
export interface Engine {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** An empty store of the test's own. */
  open(): Promise<TestStore>;
}

export interface TestStore {
  readonly store: Store;
  /** Makes everything so far unresumable; answers the store to go on with. */
  compact(): Promise<Store>;
  /** Lets a lease of `shortLease` seconds lapse. */
  lapse(): Promise<void>;
  close(): Promise<void>;
}

/** The shortest that etcd grants: one and a half election timeouts, in whole seconds. */
export const shortLease = 2;

/** SQLite on files of its own, with a clock that only `lapse` moves. */
export function sqliteEngine(): Engine {
  return {
    name: 'SQLite',
    start: async () => {},
    stop: async () => {},
    open: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'store-'));
      let time = 0;
      const open = () => openSqlite({ path: join(folder, 'store.db'), now: () => time });
      let store = await open();
      return {
        store,
        compact: async () => {
          await store.close();
          store = await open();
          return store;
        },
        lapse: async () => {
          time += shortLease * 1_000;
        },
        close: async () => {
          await store.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  };
}

/** SQLite in memory, kept alive over `compact` by a connection of the test. */
export function memoryEngine(): Engine {
  return {
    name: 'SQLite in memory',
    start: async () => {},
    stop: async () => {},
    open: async () => {
      let time = 0;
      const path = memoryPath();
      const open = () => openMemory({ path, now: () => time });
      let store = await open();
      const keeper = new DatabaseSync(path);
      // A connection that has read nothing is not open yet.
      keeper.prepare('SELECT revision FROM head').get();
      return {
        store,
        compact: async () => {
          await store.close();
          store = await open();
          return store;
        },
        lapse: async () => {
          time += shortLease * 1_000;
        },
        close: async () => {
          await store.close();
          keeper.close();
        },
      };
    },
  };
}

/** One etcd for all tests; each store has a prefix of its own. */
export function etcdEngine(): Engine {
  let etcd: Etcd;
  let stores = 0;
  return {
    name: 'etcd',
    start: async () => {
      etcd = await startEtcd();
    },
    stop: () => etcd.stop(),
    open: async () => {
      stores += 1;
      const { endpoints } = etcd;
      const store = await openEtcd({ endpoints, prefix: `/test-${stores}/` });
      return {
        store,
        compact: async () => {
          const { revision } = await store.range('');
          await callEtcd(etcd, '/v3/kv/compaction', { revision: String(revision) });
          return store;
        },
        lapse: async () => {
          const left = async () => (await leasesOf(etcd)) === 0;
          await until(left, { what: 'the lease to lapse' });
        },
        close: () => store.close(),
      };
    },
  };
}

async function leasesOf(etcd: Etcd): Promise<number> {
  const answer = (await callEtcd(etcd, '/v3/lease/leases', {})) as { leases?: unknown[] };
  return answer.leases?.length ?? 0;
}

/** One call of etcd's gateway, past our own client. */
export async function callEtcd(etcd: Etcd, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${etcd.endpoints[0]}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** A watch that runs by itself, and what it has told so far. */
export interface Watching {
  readonly events: readonly WatchEvent[];
  /** Set when the watch has ended: undefined for an end without an error. */
  readonly end: Promise<unknown>;
  /** Waits until some event brings this value for the key. */
  seen(key: string, value: string | null): Promise<void>;
  /** Every change of one key so far, in order. */
  valuesOf(key: string): (string | null)[];
  stop(): Promise<unknown>;
}

export function startWatch(store: Store, prefix: string, afterRevision: number): Watching {
  const abort = new AbortController();
  const events: WatchEvent[] = [];
  const changes = () => events.flatMap((each): readonly Change[] => changesOf(each));
  const run = async () => {
    for await (const event of store.watch(prefix, afterRevision, abort.signal)) events.push(event);
  };
  const end = run().catch((error: unknown) => error);
  return {
    events,
    end,
    seen: async (key, value) => {
      const isThere = () => changes().some((each) => each.key === key && each.value === value);
      await until(isThere, { what: `${key} = ${value}`, timeoutMs: 30_000 });
    },
    valuesOf: (key) => changes().flatMap((each) => (each.key === key ? [each.value] : [])),
    stop: () => {
      abort.abort();
      return end;
    },
  };
}

function changesOf(event: WatchEvent): readonly Change[] {
  return event.kind === 'changes' ? event.changes : [];
}

/** A commit without conditions. */
export function put(store: Store, ...puts: readonly (readonly [string, string])[]) {
  return store.commit({
    ifRevision: new Map(),
    puts: puts.map(([key, value]) => ({ key, value })),
    deletes: [],
  });
}

/** The revision of a commit that has to succeed. */
export async function putAt(store: Store, ...puts: readonly (readonly [string, string])[]) {
  const result = await put(store, ...puts);
  if (!result.committed) throw new Error('refused without a condition');
  return result.revision;
}
