import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryDisk } from '../../test/support/memory-disk.ts';
import { heartbeat, Script, snapshot } from '../../test/support/script.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { limits } from '../limits.ts';
import { type Agent, createAgent } from './agent.ts';
import { Certificates } from './certificates.ts';
import { MemoryEngine } from './memory-engine.ts';

describe('going over to another control plane', () => {
  const clock = new SimulatedClock();
  const one = loadBalancer('lb-1', ['i-1']);
  const two = loadBalancer('lb-2', ['i-2']);
  const next = loadBalancer('lb-1', ['i-9']);
  const change = (base: number, revision: number, put: LoadBalancer) =>
    ({ type: 'change', site: 'site-1', base, revision, puts: [put], deletes: [] }) as const;

  let engine: MemoryEngine;
  let control: Script;
  let agent: Agent;
  afterEach(() => agent.close({ stopTraffic: false }));

  /** The first has said revision 7 when it goes silent. */
  async function leaveFirst() {
    engine = new MemoryEngine({ now: clock.now });
    control = new Script(clock);
    const other = new Script(clock);
    agent = await createAgent({
      site: 'site-1',
      engine,
      certificates: new Certificates({ accessKeyId: 'id', accessKeySecret: 'secret' }),
      engineName: 'memory',
      controlPlanes: [control, other],
      disk: new MemoryDisk(),
      now: clock.now,
      leaseNow: clock.now,
      timers: clock,
      random: () => 0.5,
      log: silent,
    });
    await clock.advance(0);
    control.say(snapshot(5, [one]), change(5, 7, two), heartbeat(7, [one, two]));
    await clock.advance(0);
    control.isAlive = false;
    await clock.advance(limits.streamSilence + limits.streamStep);
    assert.deepEqual([control.streams, other.streams], [1, 1]);
    // Without what it applies again now and then anyway.
    engine.verbs.length = 0;
    return other;
  }

  test('what was applied is not applied again, and is reported there at once', async () => {
    const other = await leaveFirst();
    assert.equal(other.applied?.revision, 7);
    other.say(snapshot(7, [one, two]), change(7, 9, next));
    await clock.advance(0);
    assert.deepEqual(engine.verbs, ['apply lb-1']);
    assert.deepEqual(other.applied, { revision: 9, failures: [] });
  });

  test('what was changed meanwhile is applied, once', async () => {
    const other = await leaveFirst();
    other.say(snapshot(9, [next, two]), change(7, 9, next));
    await clock.advance(0);
    assert.deepEqual(engine.verbs, ['apply lb-1']);
    assert.deepEqual(engine.carried.get('lb-1'), next);
  });

  test('one that is behind is refused until it has caught up, and is not left for it', async () => {
    const other = await leaveFirst();
    other.say(snapshot(5, [one]), heartbeat(5, [one]));
    await clock.advance(0);
    assert.deepEqual(engine.verbs, []);
    assert.match(other.applied?.failures[0]?.reason ?? '', /offers revision 5, held is 7/);
    other.say(change(5, 7, two));
    await clock.advance(0);
    assert.deepEqual(engine.verbs, []);
    other.say(heartbeat(7, [one, two]), change(7, 9, next));
    await clock.advance(0);
    assert.deepEqual(engine.verbs, ['apply lb-1']);
    assert.deepEqual(other.applied, { revision: 9, failures: [] });
    assert.deepEqual([control.streams, other.streams], [1, 1]);
  });
});
