import { parseArgs } from 'node:util';
import { benchApi } from './api.ts';
import { benchConsole } from './console.ts';
import { measureDoor } from './door.ts';
import { benchFailover } from './failover.ts';
import { type Figure, ms, perSecond, table } from './figure.ts';
import { benchFleet } from './fleet.ts';
import { benchHostile } from './hostile.ts';
import { benchKernel } from './kernel.ts';
import { benchLease } from './lease.ts';
import { benchPeers } from './peers.ts';
import { benchRemoval } from './removal.ts';
import { benchScale } from './scale.ts';
import { benchSilence } from './silence.ts';
import { benchSizes } from './sizes.ts';
import { benchStart } from './start.ts';
import { benchStore } from './store.ts';
import { benchTraffic } from './traffic.ts';

/**
 * `npm run bench`: the figures, each measured within this run, with its aim and the numbers behind
 * it. `-- --only removal,fleet` runs some; `--removals 1000` makes that many under load;
 * `--load-balancers 5000` compares a removal among that many.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    removals: { type: 'string', default: '200' },
    'load-balancers': { type: 'string', default: '1000' },
  },
});

const benches: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  start: benchStart,
  door: benchDoor,
  api: benchApi,
  hostile: benchHostile,
  store: benchCommits,
  removal: () => benchRemoval(Number(values.removals)),
  fleet: benchFleet,
  failover: benchFailover,
  silence: benchSilence,
  scale: () => benchScale(Number(values['load-balancers'])),
  sizes: () => benchSizes([10, 1_000, 5_000]),
  traffic: benchTraffic,
  lease: benchLease,
  peers: benchPeers,
  kernel: benchKernel,
  console: benchConsole,
};

async function benchDoor(): Promise<Figure[]> {
  const { ratio, door, echo } = await measureDoor();
  const from = `${perSecond(door)}, echo ${perSecond(echo)}`;
  return [{ name: 'the door alone, 64 clients / bare echo', value: ratio, aim: '>= 0.34', from }];
}

async function benchCommits(): Promise<Figure[]> {
  const { ratio, commitsPerSecond64, fsyncMs } = await benchStore();
  const from = `${perSecond(commitsPerSecond64)}, fsync ${ms(fsyncMs)}`;
  return [{ name: 'store commits, 64 writers / one', value: ratio, aim: '>= 5', from }];
}

const names = values.only?.split(',') ?? Object.keys(benches);
const unknown = names.find((name) => benches[name] === undefined);
if (unknown !== undefined) {
  console.error(`no bench ${unknown}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
const figures: Figure[] = [];
for (const name of names) {
  console.error(`bench ${name} ...`);
  try {
    figures.push(...(await benches[name]!()));
  } catch (error) {
    console.error(`bench ${name} failed:`, error);
    process.exitCode = 1;
  }
}
console.log(table(figures));
