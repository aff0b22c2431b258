import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openRefusals, type Refusals } from '../support/refusals.ts';
import { fuzz } from './run.ts';

let door: Refusals;
before(async () => {
  door = await openRefusals();
});
after(() => door?.close());

const requests = 200_000;
/** Another each day, so that runs add up; the printed one repeats a run: `main.ts --seed`. */
const seed = Math.floor(Date.now() / 86_400_000);
/** Caches of the store fill up to their bounds; a verified call leaves its nonce for a while. */
const mostGrown = 300_000_000 + 1_000 * requests;

test(`${requests} fuzzed requests get no 5xx, crash nothing and hold up nobody`, async (t) => {
  t.diagnostic(`seed ${seed}`);
  const known = [door.loadBalancerId, 'i-1', 'i-2', 'local', '80', '81', '127.0.0.1'];
  const { sluice } = door;
  const { faults, others, statuses, memory } = await fuzz({ sluice, requests, seed, known });
  const grown = memory.late - memory.early;
  const seen = [...statuses].map(([status, count]) => `${status}: ${count}`).join(', ');
  t.diagnostic(`${seen}; grown by ${Math.round(grown / 1e6)} MB`);
  t.diagnostic(`others: ${others.answered} calls, ${Math.round(others.longestMs)} ms at most`);
  assert.deepEqual(faults, []);
  assert.equal(sluice.process.exitCode, null);
  assert.doesNotMatch(sluice.output(), /"level":(50|60)|InternalError|Unhandled/);
  assert.ok(others.answered > 0);
  // Both sides of every check were met, or the grammar has gone blind.
  for (const status of [200, 400, 403, 404]) assert.ok((statuses.get(status) ?? 0) > 100, seen);
  assert.ok(grown < mostGrown, `grown by ${grown} bytes`);
});
