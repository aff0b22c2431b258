/**
 * Fuzzes a control plane of its own by hand: `node test/fuzz/main.ts --requests 5000000 --seed 7`.
 * What the test in this folder found is repeated by its seed.
 */
import { parseArgs } from 'node:util';
import { openRefusals } from '../support/refusals.ts';
import { fuzz } from './run.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const requests = Number(values.requests);
const seed = Number(values.seed);
console.log(`${requests} requests, --seed ${seed}`);
const door = await openRefusals();
const begun = performance.now();
const known = [door.loadBalancerId, 'i-1', 'i-2', 'local', '80', '81', '127.0.0.1'];
const report = await fuzz({ sluice: door.sluice, requests, seed, known });
const seconds = (performance.now() - begun) / 1_000;
console.log(`${Math.round(requests / seconds)} a second;`, report);
const faulty = /"level":(50|60)/.test(door.sluice.output());
if (faulty) console.log(door.sluice.output());
await door.close();
process.exitCode = report.faults.length > 0 || faulty ? 1 : 0;
