import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';

export interface StoreFigures {
  /** Durable commits per second, one after the other. */
  readonly commitsPerSecond1: number;
  /** The same with 64 writers at once. */
  readonly commitsPerSecond64: number;
  readonly ratio: number;
  /** Median of appending 4 KB to a file of the same folder and fdatasync. */
  readonly fsyncMs: number;
  /** Commits per fsync that 64 writers reach: their rate over that of bare fsyncs. */
  readonly commitsPerFsync64: number;
}

/** What one removal writes: a load balancer of 2 KB and an audit record of 1 KB. */
const loadBalancer = 'b'.repeat(2_048);
const audit = 'a'.repeat(1_024);
const rounds = 5;
const roundMs = 1_000;

/** Measures the embedded store on this disk; medians of several rounds. */
export async function benchStore(): Promise<StoreFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const store = await openSqlite({ path: join(folder, 'store.db') });
  try {
    await rate(store, 64);
    const single: number[] = [];
    const many: number[] = [];
    const fsync: number[] = [];
    for (let round = 0; round < rounds; round++) {
      fsync.push(fsyncMs(join(folder, 'raw')));
      single.push(await rate(store, 1));
      many.push(await rate(store, 64));
    }
    const [one, all, disk] = [median(single), median(many), median(fsync)];
    return {
      commitsPerSecond1: one,
      commitsPerSecond64: all,
      ratio: all / one,
      fsyncMs: disk,
      commitsPerFsync64: (all * disk) / 1_000,
    };
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

/** Commits per second of writers that each change a load balancer of their own, conditionally. */
async function rate(store: Store, writers: number): Promise<number> {
  const begun = performance.now();
  const end = begun + roundMs;
  let commits = 0;
  const write = async (writer: number) => {
    const key = `lb/site/${writer}`;
    let revision = (await store.get(key))?.revision ?? 0;
    while (performance.now() < end) {
      const result = await store.commit({
        ifRevision: new Map([[key, revision]]),
        puts: [
          { key, value: loadBalancer },
          { key: `audit/${revision}/${writer}`, value: audit },
        ],
        deletes: [],
      });
      if (!result.committed) throw new Error('nobody else writes this key');
      revision = result.revision;
      commits += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return (commits * 1_000) / (performance.now() - begun);
}

function fsyncMs(path: string): number {
  const file = openSync(path, 'a');
  const page = Buffer.alloc(4_096, 1);
  const times = Array.from({ length: 200 }, () => {
    const begun = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - begun;
  });
  closeSync(file);
  return median(times);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}

if (import.meta.main) console.table(await benchStore());
