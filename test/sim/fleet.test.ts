import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { steps } from './run.ts';

/**
 * `SEED=17` runs one and tells what happens in it; `SEEDS=5000` runs many, from `FIRST` on. With
 * `POLICY=changing` sites change their isolation policy too.
 */
const { SEED, SEEDS = 100, FIRST = 1 } = process.env;
const seeds =
  SEED === undefined
    ? Array.from({ length: Number(SEEDS) }, (_, index) => Number(FIRST) + index)
    : [Number(SEED)];

describe('control planes and forwarders under every fault at once', () => {
  test(`${seeds.length} seeds: no invariant breaks, and all comes right`, async (t) => {
    const workerData = { seeds, tells: SEED !== undefined };
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData });
    const [{ cpuSeconds }] = (await once(worker, 'message')) as [{ cpuSeconds: number }];
    const pace = Math.round((seeds.length * steps) / cpuSeconds);
    t.diagnostic(`${pace} steps a second of processor time`);
  });
});
