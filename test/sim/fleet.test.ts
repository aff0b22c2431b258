import { describe, test } from 'node:test';
import { World } from './world.ts';

/** `SEED=17` runs one, `SEEDS=5000` runs many. */
const seeds =
  process.env.SEED === undefined
    ? Array.from({ length: Number(process.env.SEEDS ?? 100) }, (_, index) => index + 1)
    : [Number(process.env.SEED)];

const steps = 40;

describe('control planes and forwarders under every trouble at once', () => {
  test(`${seeds.length} seeds: no invariant breaks, and all comes right`, async () => {
    for (const seed of seeds) {
      try {
        await run(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: run again with SEED=${seed}`, { cause: error });
      }
    }
  });
});

async function run(seed: number): Promise<void> {
  const world = new World(seed);
  try {
    await world.start();
    for (let step = 0; step < steps; step++) {
      await world.step();
      await world.pass(300);
    }
    await world.calm();
    await world.repair();
    await world.pass(5_000);
    await world.checkQuiet();
  } finally {
    await world.close();
  }
}
