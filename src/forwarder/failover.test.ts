import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import type { Timers } from '../clock.ts';
import { aliveLine, type LeaseTerms, type SiteReport } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { Failover, type Follower } from './failover.ts';
import type { Transport, WatchRequest } from './transport.ts';

const never = <T>() => new Promise<T>(() => {});

class StatusError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** A control plane that says that it is alive, or one of the ways not to. */
class Plane implements Transport {
  readonly endpoint: string;
  /** What its stream does: `hang` also for one that was open before. */
  stream: 'live' | 'hang' | 'end' | number = 'live';
  reports: 'taken' | 'hang' | number = 'taken';
  /** Without one, a report that its store has to take fails. */
  hasStore = true;
  watches = 0;
  drops = 0;
  /** When each report came. */
  readonly reported: number[] = [];
  #said: string[] = [];

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  async *watch(_request: WatchRequest, signal: AbortSignal): AsyncIterable<string> {
    this.watches += 1;
    while (!signal.aborted) {
      if (typeof this.stream === 'number') throw new StatusError(this.stream);
      if (this.stream === 'end') return;
      if (this.stream === 'live') yield this.#said.shift() ?? aliveLine;
      await new Promise<void>((resolve) => clock.after(limits.streamAlive, resolve));
    }
  }

  async report(_site: string, report: SiteReport, _signal: AbortSignal): Promise<LeaseTerms> {
    if (this.reports === 'hang') return never();
    if (this.reports !== 'taken') throw new StatusError(this.reports);
    const isStored = report.applied !== undefined || report.status !== undefined;
    if (!this.hasStore && isStored) throw new StatusError(503);
    this.reported.push(clock.now());
    return { isolation: 'serve', leaseMs: 0 };
  }

  drop(): void {
    this.drops += 1;
  }

  say(...lines: string[]): void {
    this.#said.push(...lines);
  }
}

let clock: SimulatedClock;
let planes: Plane[];
let abort: AbortController;
let failover: Failover;
let taken: string[];
let logged: string[];
let take: Follower['take'];
let done: Promise<void>;

beforeEach(() => {
  clock = new SimulatedClock();
  abort = new AbortController();
  planes = [new Plane('a'), new Plane('b')];
  taken = [];
  logged = [];
  take = async (line) => void taken.push(line);
});
afterEach(async () => {
  abort.abort();
  await done;
});

/** Follows `*`, of which a control plane need not say anything but that it is alive. */
function follow(timers: Timers = clock, site = '*'): void {
  const note = (fields: object, message: string) => {
    const { endpoint, before, reason } = fields as Record<string, string>;
    logged.push(
      [message, endpoint, before, reason].filter((each) => each !== undefined).join(', '),
    );
  };
  failover = new Failover({
    controlPlanes: planes,
    timers,
    random: () => 0.5,
    log: { info: note, warn: note, error: note },
  });
  const request = () => ({ site, startedAt: 1, sequence: 1, keepsLeases: false });
  done = failover.follow(request, abort.signal, {
    begin: () => taken.push('begin'),
    take: (line) => take(line),
    end: () => taken.push('end'),
  });
}

const watches = () => planes.map((plane) => plane.watches);
const a = () => planes[0]!;
const b = () => planes[1]!;
/** A good while in which nothing should happen. */
const long = 60_000;

describe('a control plane that works', () => {
  test('is the only one that is used', async () => {
    follow();
    await clock.advance(long);
    assert.deepEqual(watches(), [1, 0]);
    assert.deepEqual(logged, ['follows a control plane, a']);
  });

  test('gets a small report now and then once there is a site', async () => {
    follow(clock, 'site-1');
    await clock.advance(5_000);
    const pauses = a().reported.map((at, index, all) => at - (all[index - 1] ?? at));
    assert.ok(a().reported.length >= 5, `${a().reported.length} reports`);
    assert.ok(Math.max(...pauses) <= limits.reportEvery);
  });

  test('is not left when the forwarder ends', async () => {
    follow();
    await clock.advance(1_000);
    abort.abort();
    await done;
    await clock.advance(long);
    assert.deepEqual(watches(), [1, 0]);
    assert.deepEqual(logged, ['follows a control plane, a']);
    assert.equal(clock.pending, 0, 'timers left');
  });

  test('is not left while the agent is busy with a line', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    take = () => promise;
    a().say('one');
    follow();
    await clock.advance(long);
    assert.deepEqual(watches(), [1, 0]);
    resolve();
  });

  test('is not left by an agent that was stopped itself', async () => {
    const stopped: (() => void)[] = [];
    let isStopped = false;
    follow({ after: (ms, run) => clock.after(ms, () => (isStopped ? stopped.push(run) : run())) });
    await clock.advance(1_000);
    isStopped = true;
    await clock.advance(long);
    isStopped = false;
    for (const run of stopped.splice(0)) run();
    await clock.advance(long);
    assert.deepEqual(watches(), [1, 0]);
  });

  test('and refuses reports is not left: another would refuse them too', async () => {
    a().reports = 404;
    follow();
    await clock.advance(0);
    for (let count = 0; count < 20; count++) {
      await assert.rejects(failover.report('site-1', {}), { status: 404 });
      await clock.advance(1_000);
    }
    assert.deepEqual(watches(), [1, 0]);
  });
});

describe('a control plane that is left', () => {
  const reportsTo = async (plane: Plane) => {
    const before = plane.reported.length;
    await failover.report('site-1', {});
    return plane.reported.length > before;
  };

  test('when nothing is read from it, connections and all', async () => {
    follow();
    await clock.advance(1_000);
    a().stream = 'hang';
    await clock.advance(limits.streamSilence + limits.streamAlive);
    assert.deepEqual(watches(), [1, 1]);
    assert.equal(a().drops, 1);
    assert.ok(await reportsTo(b()));
    assert.deepEqual(taken, ['begin', 'end', 'begin']);
    assert.deepEqual(logged.slice(1), [
      'the control plane failed, a, nothing was read for 1500 ms',
      'follows another control plane, b, a, nothing was read for 1500 ms',
    ]);
    await clock.advance(long);
    assert.deepEqual(watches(), [1, 1], 'it stays with the other');
  });

  test('when it never says anything', async () => {
    a().stream = 'hang';
    follow();
    await clock.advance(limits.streamSilence);
    assert.deepEqual(watches(), [1, 1]);
  });

  for (const stream of ['end', 503, 404] as const) {
    test(`at once when its stream is like this: ${stream}`, async () => {
      a().stream = stream;
      follow();
      await clock.advance(0);
      assert.deepEqual(watches(), [1, 1]);
    });
  }

  test('when reports have no answer while its stream goes on, within 1.5 seconds', async () => {
    follow(clock, 'site-1');
    await clock.advance(2_000);
    a().reports = 'hang';
    await clock.advance(1_500 - (clock.now() - a().reported.at(-1)!));
    assert.deepEqual(watches(), [1, 1]);
    assert.match(logged.at(-1)!, /another .* a report had no answer within 700 ms/);
    await assert.doesNotReject(failover.report('site-1', {}));
  });

  test('when a report fails, and then it is made to the next one', async () => {
    follow();
    await clock.advance(0);
    a().reports = 503;
    await assert.rejects(failover.report('site-1', {}), { status: 503 });
    await clock.advance(0);
    assert.ok(await reportsTo(b()));
  });

  test('a report that was under way is over with it', async () => {
    follow();
    await clock.advance(0);
    a().reports = 'hang';
    const report = failover.report('site-1', {});
    a().stream = 'end';
    await Promise.all([
      assert.rejects(report, /closed: the stream ended/),
      clock.advance(limits.streamAlive),
    ]);
  });

  test('when what it says makes no sense', async () => {
    take = async (line) => {
      throw new Error(`no sense: ${line}`);
    };
    a().say('one');
    follow();
    await clock.advance(0);
    assert.deepEqual(watches(), [1, 1]);
    assert.match(logged.at(-1)!, /follows another control plane, b, a, no sense: one/);
  });

  test('when it is alive but has nothing to say of the site', async () => {
    follow(clock, 'site-1');
    await clock.advance(limits.missedHeartbeats * limits.heartbeat);
    assert.deepEqual(watches(), [1, 1]);
  });

  test('a large report has the time that it takes', async () => {
    follow();
    await clock.advance(0);
    a().reports = 'hang';
    const reason = 'x'.repeat(limits.reportCharactersPerMs * 2_000);
    const applied = { revision: 1, failures: [{ loadBalancerId: 'lb', reason }] };
    failover.report('site-1', { applied }).catch(() => {});
    await clock.advance(limits.reportTimeout + 500);
    a().reports = 'taken';
    assert.deepEqual(watches(), [1, 0]);
    await clock.advance(2_000);
    assert.deepEqual(watches(), [1, 1]);
  });
});

describe('when all control planes fail', () => {
  test('one without its store is left, also while it answers reports of nothing', async () => {
    a().stream = 'end';
    b().hasStore = false;
    follow(clock, 'site-1');
    await clock.advance(1);
    assert.deepEqual(watches(), [1, 1]);
    const applied = { revision: 1, failures: [] };
    await assert.rejects(failover.report('site-1', { applied }), { status: 503 });
    a().stream = 'live';
    await clock.advance(limits.reconnect.unanswered.minMs * 2);
    assert.ok(b().reported.length > 0, 'a report of nothing was answered');
    assert.deepEqual(watches(), [2, 1]);
    await assert.doesNotReject(failover.report('site-1', { applied }));
  });

  test('each is tried in turn, and the first that is back is found within 2 s', async () => {
    a().stream = 'end';
    b().stream = 'end';
    follow();
    await clock.advance(long);
    const [first, second] = watches() as [number, number];
    assert.ok(Math.abs(first - second) <= 1, `${first} and ${second}`);
    assert.ok(first > 30 && first < 120, `${first} tries in a minute`);
    b().stream = 'live';
    await clock.advance(2_000);
    assert.match(logged.at(-1)!, /follows a control plane, b/);
  });

  test('one that refuses is not hammered', async () => {
    a().stream = 404;
    b().stream = 404;
    follow();
    await clock.advance(long);
    assert.ok(a().watches < 25, `${a().watches} tries in a minute`);
  });

  test('a stream that works is kept while reports fail everywhere', async () => {
    for (const plane of planes) plane.reports = 503;
    follow(clock, 'site-1');
    for (const plane of planes) plane.say(...Array.from({ length: 1_000 }, () => 'heartbeat'));
    await clock.advance(long);
    assert.ok(a().watches + b().watches < 30, `${watches()} streams in a minute`);
    const before = watches();
    for (const plane of planes) plane.reports = 'taken';
    await clock.advance(long);
    assert.deepEqual(watches(), before);
  });
});
