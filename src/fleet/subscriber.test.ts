import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { systemTimers } from '../clock.ts';
import { limits } from '../limits.ts';
import { aliveLine } from './protocol.ts';
import { Subscriber } from './subscriber.ts';

const gate = { frozen: false };
let subscriber: Subscriber;
let abort: AbortController;

beforeEach(() => {
  gate.frozen = false;
  subscriber = new Subscriber(gate, systemTimers, () => undefined);
  abort = new AbortController();
});

const line = (text: string) => ({ text, certificates: [] });
const source = (site: string) => ({ site, snapshot: () => line(`all of ${site}`) });

/** What the watcher would be sent now. */
async function sent(): Promise<string[]> {
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of subscriber.lines(abort.signal)) {
      if (line !== aliveLine) lines.push(line);
    }
  })();
  await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  await reading;
  return lines;
}

test('a stream is alive from its beginning and between its lines', async () => {
  const clock = new SimulatedClock();
  const of = new Subscriber(gate, clock, () => undefined);
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of of.lines(abort.signal)) lines.push(line);
  })();
  await clock.advance(0);
  assert.deepEqual(lines, [aliveLine]);
  await clock.advance(limits.streamAlive - 1);
  of.push('site-1', line('one'));
  await clock.advance(limits.streamAlive - 1);
  assert.deepEqual(lines, [aliveLine, 'one']);
  await clock.advance(1 + limits.streamAlive);
  assert.deepEqual(lines, [aliveLine, 'one', aliveLine, aliveLine]);
  abort.abort();
  await reading;
  assert.equal(clock.pending, 0, 'timers left');
});

describe('what waits for a watcher', () => {
  test('is left out when the snapshot that is sent holds it already', async () => {
    subscriber.join(source('site-1'));
    subscriber.push('site-1', line('one'));
    subscriber.push('site-1', line('two'));
    assert.deepEqual(await sent(), ['all of site-1']);
  });

  test('is kept when another site is refreshed', async () => {
    subscriber.push('site-1', line('one'));
    subscriber.refresh(source('site-2'));
    subscriber.push('site-1', line('two'));
    assert.deepEqual(await sent(), ['all of site-2', 'one', 'two']);
  });

  test('gives way to snapshots of all its sites when it is too much', async () => {
    for (const site of ['site-1', 'site-2']) subscriber.join(source(site));
    for (let each = 0; each <= limits.feedQueue; each++) subscriber.push('site-1', line(`${each}`));
    assert.deepEqual(await sent(), ['all of site-1', 'all of site-2']);
  });

  test('is not sent while frozen, though it was there before', async () => {
    const one = source('site-1');
    subscriber.push('site-1', line('a change'));
    gate.frozen = true;
    subscriber.refresh(one);
    subscriber.release('site-2');
    subscriber.push('site-1', line('a heartbeat'));
    assert.deepEqual(await sent(), ['a heartbeat']);
  });

  test('goes with its site', async () => {
    const one = source('site-1');
    subscriber.join(one);
    subscriber.push('site-1', line('one'));
    subscriber.leave(one);
    subscriber.release('site-1');
    assert.deepEqual(
      (await sent()).map((line) => JSON.parse(line)),
      [{ type: 'release', site: 'site-1' }],
    );
  });

  test('a site that comes back before its release was sent is not released', async () => {
    subscriber.release('site-1');
    subscriber.join(source('site-1'));
    assert.deepEqual(await sent(), ['all of site-1']);
  });
});
