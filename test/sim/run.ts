import { Faults } from './faults.ts';
import { World } from './world.ts';

/** What may happen, so many times in each world. */
export const steps = 40;

/**
 * One world from its seed: faults for a while, then none, and all must come right.
 * @param note takes what happens, a line each
 * @throws what a check found, with the seed
 */
export async function run(seed: number, note?: (text: string) => void): Promise<void> {
  const world = new World(seed, note);
  const faults = new Faults(world);
  try {
    await world.start();
    for (let step = 0; step < steps; step++) {
      await faults.step();
      await world.pass(300);
    }
    await faults.calm();
    await world.checkQuiet(world.planes);
    const left = await faults.silenceOne();
    world.changeAll();
    await world.pass(2_000);
    await world.checkQuiet(left);
  } catch (error) {
    throw new Error(`seed ${seed}: run again with SEED=${seed}`, { cause: error });
  } finally {
    await world.close();
  }
}
