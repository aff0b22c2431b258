import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { httpsListeners, loadBalancer, server } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryDisk } from '../../test/support/memory-disk.ts';
import { heartbeat, Script, snapshot } from '../../test/support/script.ts';
import { unclaimedSites, type WatchMessage } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { type Agent, createAgent } from './agent.ts';
import { Certificates } from './certificates.ts';
import { MemoryEngine } from './memory-engine.ts';

let clock: SimulatedClock;
let engine: MemoryEngine;
let disk: MemoryDisk;
let control: Script;

beforeEach(() => {
  clock = new SimulatedClock();
  engine = new MemoryEngine({ now: clock.now });
  disk = new MemoryDisk();
  control = new Script(clock);
});

async function start(site = 'site-1', controlPlanes = [control]): Promise<Agent> {
  const agent = await createAgent({
    site,
    engine,
    certificates: new Certificates({ accessKeyId: 'id', accessKeySecret: 'secret' }),
    engineName: 'memory',
    controlPlanes,
    disk,
    now: clock.now,
    leaseNow: clock.now,
    timers: clock,
    random: () => 0.5,
    log: silent,
  });
  await clock.advance(0);
  return agent;
}

const one = loadBalancer('lb-1', ['i-1']);
const two = loadBalancer('lb-2', ['i-2']);
/** Sites that it has said goodbye to. */
const goodbyes = () =>
  control.reports.flatMap(({ site, report }) => (report.goodbye === undefined ? [] : [site]));
const carried = () => [...engine.carried.keys()].sort();

async function say(...messages: (WatchMessage | string)[]): Promise<void> {
  control.say(...messages);
  await clock.advance(0);
}

describe('following the control plane', () => {
  test('what it says is journaled, applied and reported at once', async () => {
    await start();
    await say(snapshot(5, [one]));
    assert.deepEqual(carried(), ['lb-1']);
    assert.deepEqual(control.applied, { revision: 5, failures: [] });
    await say({ type: 'change', site: 'site-1', base: 5, revision: 6, puts: [two], deletes: [] });
    assert.deepEqual(carried(), ['lb-1', 'lb-2']);
    assert.deepEqual(control.applied, { revision: 6, failures: [] });
    assert.match(disk.files.get('site-1.ndjson') ?? '', /"revision":5.*\n.*"revision":6.*\n$/);
  });

  test('each change makes one report, and that one is after it was read back', async () => {
    await start();
    await say(snapshot(5, [one]));
    for (const revision of [8, 11]) {
      const next = loadBalancer('lb-1', [`i-${revision}`]);
      const base = revision - 3;
      await say({ type: 'change', site: 'site-1', base, revision, puts: [next], deletes: [] });
    }
    const revisions = control.reports.map(({ report }) => report.applied?.revision);
    assert.deepEqual(revisions, [5, 8, 11]);
  });

  test('it is in the journal before the engine is touched', async () => {
    await start();
    const seen: (string | undefined)[] = [];
    engine.faults.slow = () => {
      seen.push(disk.files.get('site-1.ndjson'));
      return undefined;
    };
    await say(snapshot(5, [one]));
    assert.match(seen[0] ?? '', /"revision":5/);
  });

  test('a gap makes it connect again for the whole', async () => {
    await start();
    await say(snapshot(5, [one]));
    await say({ type: 'change', site: 'site-1', base: 6, revision: 7, puts: [two], deletes: [] });
    assert.deepEqual(carried(), ['lb-1']);
    await clock.advance(limits.reconnect.lost.maxMs);
    assert.equal(control.streams, 2);
    await say(snapshot(7, [one, two]));
    assert.deepEqual(carried(), ['lb-1', 'lb-2']);
  });

  test('so does a heartbeat with another hash, and a line that is none', async () => {
    await start();
    await say(snapshot(5, [one]), heartbeat(5, [two]));
    await clock.advance(limits.reconnect.lost.maxMs);
    assert.equal(control.streams, 2);
    await say(snapshot(5, [one]), '{"type":"chan');
    await clock.advance(limits.reconnect.lost.maxMs);
    assert.equal(control.streams, 3);
  });

  test('a stream on which nothing is read is left, and so is one without messages', async () => {
    await start();
    await say(snapshot(5, [one]));
    for (let beat = 0; beat < 5; beat++) {
      await clock.advance(limits.heartbeat);
      await say(heartbeat(5, [one]));
    }
    assert.equal(control.streams, 1);
    control.isAlive = false;
    await clock.advance(limits.streamSilence + limits.reconnect.lost.minMs);
    assert.equal(control.streams, 2);
    control.isAlive = true;
    await say(snapshot(5, [one]));
    await clock.advance(limits.missedHeartbeats * limits.heartbeat - 1);
    assert.equal(control.streams, 2);
    await clock.advance(1 + 2 * limits.reconnect.lost.minMs);
    assert.equal(control.streams, 3);
  });

  test('it tries to connect less and less often, and never gives up', async () => {
    control.up = false;
    let tries = 0;
    const { watch } = control;
    control.watch = (site, signal) => {
      tries += 1;
      return watch.call(control, site, signal);
    };
    await start();
    await clock.advance(60_000);
    assert.ok(tries > 60 && tries < 100, `${tries} tries in a minute`);
    control.up = true;
    await clock.advance(limits.reconnect.unreachable.maxMs);
    await say(snapshot(5, [one]));
    assert.deepEqual(carried(), ['lb-1']);
  });

  test('a forwarder with nothing new says so within its lease', async () => {
    await start();
    await say(snapshot(5, [one]));
    control.reports.length = 0;
    await clock.advance(limits.forwarderLeaseSeconds * 1000);
    const renewals = control.reports.filter(({ report }) => report.applied !== undefined);
    assert.ok(renewals.length >= 2, `${renewals.length} renewals`);
  });

  test('a report that fails is made again with what is true then', async () => {
    await start();
    await say(snapshot(5, [one]));
    control.up = false;
    await say({ type: 'change', site: 'site-1', base: 5, revision: 6, puts: [two], deletes: [] });
    await say({
      type: 'change',
      site: 'site-1',
      base: 6,
      revision: 7,
      puts: [],
      deletes: ['lb-1'],
    });
    assert.equal(control.applied?.revision, 5);
    control.up = true;
    await clock.advance(limits.reportRetry.maxMs);
    assert.equal(control.applied?.revision, 7);
  });
});

describe('starting from the journal', () => {
  test('the site is carried at once, with the control plane down', async () => {
    disk.files.set('site-1.ndjson', `${JSON.stringify(snapshot(5, [one, two]))}\n`);
    control.up = false;
    const agent = await start();
    assert.deepEqual(carried(), ['lb-1', 'lb-2']);
    assert.deepEqual(agent.sites(), [{ site: 'site-1', held: 5, revision: 5, failures: [] }]);
  });

  test('what an earlier life left on the engine goes first', async () => {
    await engine.apply(loadBalancer('lb-old'));
    disk.files.set('site-1.ndjson', `${JSON.stringify(snapshot(5, [one]))}\n`);
    await start();
    assert.deepEqual(engine.verbs.slice(1), ['prune', 'apply lb-1']);
    assert.deepEqual(carried(), ['lb-1']);
  });

  test('without one nothing is pruned until the control plane was heard', async () => {
    await engine.apply(loadBalancer('lb-old'));
    await start();
    await say(snapshot(5, [one]));
    assert.deepEqual(carried(), ['lb-1', 'lb-old']);
    await say(heartbeat(5, [one]));
    assert.deepEqual(carried(), ['lb-1']);
  });

  test('an unreadable one leaves the engine alone until the control plane speaks', async () => {
    await engine.apply(loadBalancer('lb-1', ['i-old']));
    disk.files.set('site-1.ndjson', 'garbage\n');
    control.up = false;
    await start();
    await clock.advance(60_000);
    assert.deepEqual(engine.verbs, ['apply lb-1']);
    assert.equal(disk.files.get('site-1.ndjson.unreadable'), 'garbage\n');
    control.up = true;
    await clock.advance(limits.reconnect.lost.maxMs);
    await say(snapshot(5, [one]));
    assert.deepEqual(engine.carried.get('lb-1'), one);
  });

  test('an unreadable one among others keeps what its site has on the engine', async () => {
    await engine.apply(two);
    disk.files.set('site-1.ndjson', `${JSON.stringify(snapshot(5, [one]))}\n`);
    disk.files.set('site-2.ndjson', 'garbage\n');
    control.up = false;
    await start(unclaimedSites);
    await clock.advance(60_000);
    assert.deepEqual(carried(), ['lb-1', 'lb-2']);
  });

  test('it never goes back behind it', async () => {
    disk.files.set('site-1.ndjson', `${JSON.stringify(snapshot(9, [two]))}\n`);
    await start();
    await say(snapshot(5, [one]));
    assert.deepEqual(carried(), ['lb-2']);
    assert.equal(control.applied?.revision, 9);
    assert.equal(control.applied?.failures[0]?.loadBalancerId, '*');
    assert.match(control.applied?.failures[0]?.reason ?? '', /offers revision 5, held is 9/);
    await say({ type: 'change', site: 'site-1', base: 8, revision: 10, puts: [one], deletes: [] });
    assert.deepEqual(control.applied, { revision: 10, failures: [] });
  });

  test('a disk that is full does not stop a change, and is reported', async () => {
    await start();
    await say(snapshot(5, [one]));
    disk.full = true;
    await say({ type: 'change', site: 'site-1', base: 5, revision: 6, puts: [two], deletes: [] });
    assert.deepEqual(carried(), ['lb-1', 'lb-2']);
    await clock.advance(limits.statusIdle);
    const status = control.reports.findLast(({ report }) => report.status)?.report.status;
    assert.match(status?.notices?.[0] ?? '', /cannot be written: ENOSPC/);
  });
});

describe('what is held back', () => {
  test('the last good state stays, and is reported with its reason', async () => {
    await start();
    const emptied = { ...one, backends: [] };
    await say(snapshot(5, [one]), snapshot(6, [emptied]), heartbeat(6, [emptied]));
    assert.deepEqual(engine.carried.get('lb-1'), one);
    const failures = control.applied?.failures ?? [];
    assert.deepEqual([failures.length, failures[0]?.loadBalancerId], [1, 'lb-1']);
    assert.match(failures[0]?.reason ?? '', /held back/);
    assert.equal(control.streams, 1);
  });

  test('it is still so after a restart', async () => {
    const agent = await start();
    await say(snapshot(5, [one]), snapshot(6, [{ ...one, backends: [] }]));
    await agent.close({ stopTraffic: false });
    engine = new MemoryEngine({ now: clock.now });
    control.up = false;
    const again = await start();
    assert.deepEqual(engine.carried.get('lb-1'), one);
    assert.equal(again.sites()[0]?.failures.length, 1);
  });
});

describe('the status', () => {
  const drained = {
    ...two,
    draining: [{ ...server('i-9'), deadline: Date.UTC(2026, 10, 24, 0, 0, 20) }],
  };

  const statuses = () =>
    control.reports.flatMap(({ report }) => (report.status === undefined ? [] : [report.status]));

  test('follows a drain second by second until its last session ended', async () => {
    await start();
    await say(snapshot(5, [one]));
    await clock.advance(limits.statusIdle);
    engine.sessions.set('i-9', 3);
    await say({
      type: 'change',
      site: 'site-1',
      base: 5,
      revision: 6,
      puts: [drained],
      deletes: [],
    });
    control.reports.length = 0;
    for (const left of [3, 2, 0]) {
      engine.sessions.set('i-9', left);
      await clock.advance(limits.statusDraining);
    }
    assert.deepEqual(
      statuses().map(({ drains }) => drains[0]?.sessions),
      [3, 2, 0],
    );
  });

  test('an unchanged status is not sent again soon, but it is now and then', async () => {
    await start();
    await say(snapshot(5, [one]));
    for (let beat = 0; beat < limits.statusRefresh / limits.heartbeat; beat++) {
      await clock.advance(limits.heartbeat);
      await say(heartbeat(5, [one]));
    }
    assert.ok(statuses().length <= 2, `${statuses().length} times`);
    await clock.advance(limits.statusIdle);
    assert.ok(statuses().length >= 2, 'sent again');
  });
});

describe('a forwarder of unclaimed sites', () => {
  const other = loadBalancer('lb-9', ['i-9'], { site: 'site-2' });

  test('carries many sites, each with its own revision, and lets go of one', async () => {
    await start('*');
    await say(snapshot(5, [one]), snapshot(8, [other], 'site-2'));
    assert.deepEqual(carried(), ['lb-1', 'lb-9']);
    const revisions = control.reports.map(({ site, report }) => [site, report.applied?.revision]);
    assert.deepEqual(revisions, [
      ['site-1', 5],
      ['site-2', 8],
    ]);

    await say({ type: 'release', site: 'site-2' });
    assert.deepEqual(carried(), ['lb-1']);
    const journals = [...disk.files.keys()].filter((name) => name.endsWith('.ndjson'));
    assert.deepEqual(journals, ['site-1.ndjson']);
    // A line of the stream that began before the goodbye brings a new one.
    await say(snapshot(9, [other], 'site-2'));
    assert.deepEqual(carried(), ['lb-1']);
    await clock.advance(2_000);
    await say(snapshot(9, [other], 'site-2'));
    assert.deepEqual(carried(), ['lb-1', 'lb-9']);
  });

  test('says goodbye to a site once nothing here serves it, and not before', async () => {
    await start('*');
    await say(snapshot(5, [one]), snapshot(8, [other], 'site-2'));
    engine.faults.refuse = (id) => (id === 'lb-9' ? 'busy' : undefined);
    await say({ type: 'release', site: 'site-2' });
    assert.deepEqual(goodbyes(), []);
    engine.faults.refuse = () => undefined;
    await clock.advance(limits.applyRetry.maxMs);
    assert.deepEqual(goodbyes(), ['site-2']);
    assert.deepEqual(carried(), ['lb-1']);
  });

  test('serves a site again by a new stream, after its goodbye was taken', async () => {
    await start('*');
    await say(snapshot(8, [other], 'site-2'));
    control.takesReports = false;
    await say({ type: 'release', site: 'site-2' }, snapshot(9, [other], 'site-2'));
    assert.deepEqual(carried(), []);
    control.takesReports = true;
    await clock.advance(10_000);
    assert.deepEqual(goodbyes(), ['site-2']);
    await say(heartbeat(9, [other], 'site-2'));
    await clock.advance(2_000);
    await say(snapshot(9, [other], 'site-2'));
    assert.deepEqual(carried(), ['lb-9']);
    const said = control.requests.at(-1)!;
    const { goodbye } = control.reports.findLast(({ report }) => report.goodbye)!.report;
    assert.ok(said.sequence > goodbye!.sequence, 'the goodbye, come again, would be late');
  });

  test('starts with all of them from their journals', async () => {
    disk.files.set('site-1.ndjson', `${JSON.stringify(snapshot(5, [one]))}\n`);
    disk.files.set('site-2.ndjson', `${JSON.stringify(snapshot(8, [other], 'site-2'))}\n`);
    control.up = false;
    await start('*');
    assert.deepEqual(carried(), ['lb-1', 'lb-9']);
  });
});

describe('the end', () => {
  test('traffic goes on unless told otherwise, and nothing is left behind', async () => {
    const agent = await start();
    await say(snapshot(5, [one]));
    await agent.close({ stopTraffic: false });
    assert.deepEqual(carried(), ['lb-1']);
    assert.deepEqual(engine.closed, { stopTraffic: false });
    await clock.advance(0);
    assert.equal(clock.pending, 0, 'timers left');
  });

  test('where traffic stops, it says so once no restart would serve the sites', async () => {
    const agent = await start();
    await say(snapshot(5, [one]));
    await agent.close({ stopTraffic: true });
    assert.deepEqual(carried(), []);
    assert.deepEqual(goodbyes(), ['site-1']);
    assert.equal(disk.files.has('site-1.ndjson'), false);
  });

  test('where no control plane takes the goodbye, a restart serves the sites again', async () => {
    const agent = await start();
    await say(snapshot(5, [one]));
    control.takesReports = false;
    await agent.close({ stopTraffic: true });
    assert.deepEqual(carried(), []);
    assert.equal(disk.files.has('site-1.ndjson'), true);
  });

  test('where it cannot stop the traffic it says nothing: it stays counted', async () => {
    const agent = await start();
    await say(snapshot(5, [one]));
    engine.prune = () => Promise.reject(new Error('the engine hangs'));
    await agent.close({ stopTraffic: true });
    assert.deepEqual(goodbyes(), []);
    assert.equal(disk.files.has('site-1.ndjson'), true);
  });

  test('a stream that does not heed its end does not hold it up', async () => {
    control.watch = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
    });
    const agent = await start();
    await agent.close({ stopTraffic: true });
    assert.deepEqual(engine.closed, { stopTraffic: true });
  });
});

test('certificates that end soon are told of, the first of them first', async () => {
  await start();
  const now = clock.now();
  const certificate = (id: string, notAfter: number) => {
    return { id, chain: '', notAfter, key: '', sealedFor: 'id' };
  };
  const using = loadBalancer('lb-1', ['i-1'], { listeners: httpsListeners('1', '2', '3') });
  const certificates = [
    certificate('1', now + limits.certificateNotice + 60_000),
    certificate('2', now + limits.certificateNotice - 60_000),
    certificate('3', now - 1_000),
  ];
  await say({ ...snapshot(1, [using]), certificates });
  await clock.advance(limits.statusIdle);
  const status = control.reports.findLast(({ report }) => report.status !== undefined)?.report
    .status;
  assert.deepEqual(
    status?.notices?.map((notice) => notice.replace(/ at .*Z$/, '')),
    ['certificate 3 expired', 'certificate 2 expires'],
  );
});

describe('the traffic of a load balancer that somebody watches', () => {
  const watched = { ...heartbeat(5, [one, two]), watched: ['lb-1'] };
  const told = () =>
    control.reports.flatMap(({ report: { traffic } }) => (traffic === undefined ? [] : [traffic]));
  const doing = (id: string, requests: number) => {
    return { loadBalancerId: id, listener: 'http:80', source: 'a', sessions: 2, requests };
  };
  const row = { listener: 'http:80', sessions: 2 };

  test('is counted once a second, of no other, and not once nobody watches', async () => {
    await start();
    await say(snapshot(5, [one, two]), heartbeat(5, [one, two]));
    await clock.advance(limits.trafficEvery * 3);
    assert.deepEqual([engine.asked, told()], [[], []], 'nobody watches: it costs nothing');

    engine.doing = [doing('lb-1', 100), doing('lb-2', 100)];
    await say(watched);
    assert.deepEqual(told(), [{ 'lb-1': [row] }]);
    engine.doing = [doing('lb-1', 130), doing('lb-2', 130)];
    await clock.advance(limits.trafficEvery);
    assert.deepEqual(told().at(-1), { 'lb-1': [{ ...row, requests: 30 }] });

    await say(heartbeat(5, [one, two]));
    assert.deepEqual(told().at(-1), {}, 'what was counted last counts no more');
    engine.asked = [];
    const reports = told().length;
    await clock.advance(limits.trafficEvery * 3);
    assert.deepEqual([engine.asked, told().length], [[], reports]);
  });

  test('is counted no longer once the connection is lost, until asked for again', async () => {
    await start();
    await say(snapshot(5, [one, two]), watched);
    control.hangUp();
    await clock.advance(limits.reconnect.lost.minMs);
    engine.asked = [];
    await clock.advance(limits.trafficEvery * 3);
    assert.deepEqual(engine.asked, []);
    await say(snapshot(5, [one, two]), watched);
    assert.deepEqual(engine.asked, ['lb-1']);
  });
});
