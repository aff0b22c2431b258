import { parseArgs } from 'node:util';
import { benchApi } from './api.ts';
import { measureDoor } from './door.ts';
import { type Figure, reaches } from './figure.ts';
import { benchRemoval } from './removal.ts';
import { benchStart } from './start.ts';
import { benchStore } from './store.ts';
import { benchTraffic } from './traffic.ts';

/**
 * `npm run bench`: the figures, each a ratio within this run, with its aim and the numbers behind
 * it. `-- --only removal` runs one; `-- --removals 1000` makes that many under load.
 */
const { values } = parseArgs({
  options: { only: { type: 'string' }, removals: { type: 'string', default: '200' } },
});

const benches: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  start: benchStart,
  door: async () => {
    const { ratio, door, echo } = await measureDoor();
    const from = `${Math.round(door)}/s, echo ${Math.round(echo)}/s`;
    return [{ name: 'the door alone, 64 clients / bare echo', value: ratio, aim: '>= 0.34', from }];
  },
  api: benchApi,
  store: async () => {
    const { ratio, commitsPerSecond64, fsyncMs } = await benchStore();
    const from = `${Math.round(commitsPerSecond64)}/s, fsync ${fsyncMs.toFixed(2)} ms`;
    return [{ name: 'store commits, 64 writers / one', value: ratio, aim: '>= 5', from }];
  },
  removal: () => benchRemoval(Number(values.removals)),
  traffic: benchTraffic,
};

const names = values.only === undefined ? Object.keys(benches) : [values.only];
const rows: Figure[] = [];
for (const name of names) {
  const bench = benches[name];
  if (bench === undefined) {
    console.error(`no bench ${name}; there are ${Object.keys(benches).join(', ')}`);
    process.exit(2);
  }
  console.error(`bench ${name} …`);
  rows.push(...(await bench()));
}
for (const row of rows) {
  const verdict = reaches(row) ? 'ok  ' : 'MISS';
  console.log(
    `${verdict} ${row.value.toFixed(2).padStart(7)}  (${row.aim})  ${row.name}: ${row.from}`,
  );
}
