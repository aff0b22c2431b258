import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryDisk } from '../../test/support/memory-disk.ts';
import { formatHash, hashOf } from '../fleet/hash.ts';
import type { SiteReport } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { createAgent } from './agent.ts';
import { Certificates } from './certificates.ts';
import { MemoryEngine } from './memory-engine.ts';

test('what the engine notes is among the notices of the site, and goes when it does', async () => {
  const clock = new SimulatedClock();
  const engine = new MemoryEngine({ now: clock.now, leaseNow: clock.now });
  const statuses: NonNullable<SiteReport['status']>[] = [];
  const one = loadBalancer('lb-1', ['i-1']);
  const hash = formatHash(hashOf(JSON.stringify(one)));
  const rest = { site: 'site-1', revision: 5, hash, loadBalancers: [one], deleted: [] };
  const agent = await createAgent({
    site: 'site-1',
    engine,
    certificates: new Certificates({ accessKeyId: 'id', accessKeySecret: 'secret' }),
    engineName: 'memory',
    controlPlanes: [
      {
        endpoint: 'http://one',
        async *watch() {
          yield JSON.stringify({ type: 'snapshot', ...rest });
          await new Promise(() => undefined);
        },
        async report(_site, { status }) {
          if (status !== undefined) statuses.push(status);
          return { isolation: 'serve', leaseMs: 5_000 };
        },
        drop() {},
      },
    ],
    disk: new MemoryDisk(),
    now: clock.now,
    leaseNow: clock.now,
    timers: clock,
    random: () => 0.5,
    log: silent,
  });
  engine.noted = ['2 idle sessions were closed'];
  await clock.advance(limits.statusIdle);
  assert.deepEqual(statuses.at(-1)?.notices, ['2 idle sessions were closed']);
  engine.noted = [];
  await clock.advance(limits.statusIdle);
  assert.deepEqual(statuses.at(-1)?.notices, []);
  await agent.close({ stopTraffic: false });
});
