import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../../../test/support/clock.ts';
import { silent } from '../../../test/support/log.ts';
import { until } from '../../../test/support/wait.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import { openSqlite } from '../../store/sqlite.ts';
import type { Store } from '../../store/store.ts';
import type { SealName } from './chain.ts';
import { type OpenTrail, openTrail } from './open.ts';
import { createProof } from './proof.ts';
import { type Progress, type Verified, verifyPart } from './verify.ts';

const secret = Buffer.alloc(32, 3);
const proof = createProof(secret);
const minute = 60_000;

let folder: string;
let clock: SimulatedClock;
let store: Store;
let trails: OpenTrail[];
let written: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-trail-'));
  clock = new SimulatedClock();
  store = await openSqlite({ path: join(folder, 'store.db') });
  trails = [];
  written = [];
});
afterEach(async () => {
  for (const trail of trails) await trail.close();
  await store.close();
  await rm(folder, { recursive: true });
});

function start(retentionMs = 90 * 86_400_000, mostBytes = 1e9): OpenTrail {
  const { now } = clock;
  const trail = openTrail({
    store,
    secret,
    retentionMs,
    mostBytes,
    now,
    timers: clock,
    log: silent,
  });
  trails.push(trail);
  return trail;
}

async function stop(trail: OpenTrail): Promise<void> {
  trails = trails.filter((each) => each !== trail);
  await trail.close();
}

/** Commits `count` records, each by itself, a millisecond apart. @returns their keys */
async function write(count: number): Promise<string[]> {
  const own: string[] = [];
  for (let i = 0; i < count; i++) {
    await clock.advance(1);
    const key = keys.audit(new Date(clock.now()).toISOString(), `request-${written.length}`);
    const puts = [proof.sign(key, { v: 1, action: 'Try', number: written.length })];
    await store.commit({ ifRevision: new Map([[key, 0]]), puts, deletes: [] });
    written.push(key);
    own.push(key);
  }
  return own;
}

const sealCount = async () => (await store.range(keys.auditSeals)).entries.length;

/** Lets time pass until the newest record is sealed. @returns the newest seal */
async function sealed(trail: OpenTrail): Promise<SealName> {
  const { revision } = (await store.range('audit/')).entries.reduce((one, other) =>
    one.revision > other.revision ? one : other,
  );
  await until(
    async () => {
      await clock.advance(limits.auditSealEvery);
      const head = await store.get(keys.auditHead);
      return head !== undefined && JSON.parse(head.value).to >= revision;
    },
    { what: 'the newest record to be sealed' },
  );
  return trail.newest();
}

/** Verifies all, part by part, as the command does. */
async function verify(known: readonly SealName[] = []) {
  const sum = { seals: 0, records: 0, unsealed: 0, parts: 0 };
  let next: Progress | undefined;
  let part: Verified;
  do {
    part = await verifyPart({ store, proof, known }, next);
    sum.seals += part.seals;
    sum.records += part.records;
    sum.unsealed += part.unsealed;
    sum.parts += 1;
    next = part.next;
  } while (next !== undefined);
  return { ...sum, fault: part.fault };
}

/** Changes the database behind the back of the store. */
function tamper(sql: string, ...values: (string | number)[]): void {
  const database = new DatabaseSync(join(folder, 'store.db'), { timeout: 5_000 });
  try {
    const { changes } = database.prepare(sql).run(...values);
    assert.notEqual(changes, 0, sql);
  } finally {
    database.close();
  }
}

async function wrongWith(known: readonly SealName[] = []) {
  const { fault } = await verify(known);
  assert.ok(fault, 'nothing was noticed');
  return fault;
}

describe('an audit log as it was written', () => {
  test('is intact: every record is in one seal, in order', async () => {
    const trail = start();
    await write(20);
    await sealed(trail);
    await write(20);
    await sealed(trail);
    const { fault, records, unsealed, seals } = await verify();
    assert.deepEqual({ fault, records, unsealed }, { fault: undefined, records: 40, unsealed: 0 });
    assert.equal(seals, await sealCount());
    const head = await store.get(keys.auditHead);
    assert.equal(JSON.parse(head!.value).number, seals);
  });

  test('is intact before its first seal, and when there is nothing in it', async () => {
    assert.equal((await verify()).fault, undefined);
    await write(2);
    assert.deepEqual(await verify(), {
      fault: undefined,
      seals: 0,
      records: 0,
      unsealed: 2,
      parts: 1,
    });
  });

  test('is verified in parts of bounded size', async () => {
    for (let from = 0; from < limits.auditVerify + 1_000; from += 120) {
      const puts = Array.from({ length: 120 }, (_, index) => {
        const time = new Date(clock.now() + index).toISOString();
        return proof.sign(keys.audit(time, `request-${from + index}`), { v: 1 });
      });
      await store.commit({ ifRevision: new Map(), puts, deletes: [] });
    }
    const trail = start();
    await sealed(trail);
    const { fault, records, parts } = await verify();
    assert.deepEqual([fault, records], [undefined, limits.auditVerify + 1_000]);
    assert.ok(parts >= 2, `${parts} parts`);
  });

  test('goes on being sealed by a process that starts again', async () => {
    await write(3);
    const first = start();
    await sealed(first);
    await stop(first);
    await write(3);
    await sealed(start());
    const { fault, records, unsealed } = await verify();
    assert.deepEqual([fault, records, unsealed], [undefined, 6, 0]);
  });

  test('is sealed to its end by a process that is stopped', async () => {
    const trail = start();
    await write(1);
    await sealed(trail);
    await write(5);
    await stop(trail);
    assert.equal((await verify()).unsealed, 0);
  });
});

describe('what was done behind the back of Sluice is found', () => {
  let trail: OpenTrail;
  let newest: SealName;
  beforeEach(async () => {
    trail = start();
    await write(5);
    await sealed(trail);
    await write(5);
    newest = await sealed(trail);
  });
  const at = (index: number) => written[index]!;

  test('a value that was altered', async () => {
    tamper(`UPDATE kv SET value = replace(value, 'Try', 'Lie') WHERE key = ?`, at(3));
    assert.deepEqual(await wrongWith(), {
      key: at(3),
      reason: 'altered, or not written by this Sluice',
    });
  });

  test('a record that was deleted', async () => {
    tamper('DELETE FROM kv WHERE key = ?', at(6));
    assert.deepEqual(await wrongWith(), { key: at(6), reason: 'missing' });
  });

  test('of several wrong records the first is named', async () => {
    tamper('DELETE FROM kv WHERE key IN (?, ?)', at(8), at(2));
    assert.equal((await wrongWith()).key, at(2));
  });

  test('two records that changed places', async () => {
    const [one, other] = [await store.get(at(1)), await store.get(at(7))];
    tamper('UPDATE kv SET value = ? WHERE key = ?', other!.value, at(1));
    tamper('UPDATE kv SET value = ? WHERE key = ?', one!.value, at(7));
    assert.equal((await wrongWith()).key, at(1));
  });

  test('two records that changed their order', async () => {
    const [one, other] = [await store.get(at(1)), await store.get(at(2))];
    tamper('UPDATE kv SET revision = ? WHERE key = ?', other!.revision, at(1));
    tamper('UPDATE kv SET revision = ? WHERE key = ?', one!.revision, at(2));
    const { key, reason } = await wrongWith();
    assert.equal(key, at(1));
    assert.match(reason, /^moved/);
  });

  test('a record that was made up, whatever time and revision it claims', async () => {
    const copied = (await store.get(at(4)))!;
    const insert = 'INSERT INTO kv (key, revision, value) VALUES (?, ?, ?)';
    const key = keys.audit('2026-11-24T00:00:00.003Z', 'made-up');
    tamper(insert, key, copied.revision, copied.value);
    assert.deepEqual(await wrongWith(), { key, reason: 'altered, or not written by this Sluice' });
  });

  test('a genuine record that was kept aside and put back where no seal has it', async () => {
    const key = keys.audit('2026-11-24T00:00:00.003Z', 'kept-aside');
    const { value } = proof.sign(key, { v: 1 });
    const { revision } = (await store.get(at(4)))!;
    tamper('INSERT INTO kv (key, revision, value) VALUES (?, ?, ?)', key, revision, value);
    const fault = await wrongWith();
    assert.equal(fault.key, key);
    assert.match(fault.reason, /^not one of seal/);
  });

  test('a seal that was rewritten to fit', async () => {
    const key = keys.auditSeal(1);
    const { value } = (await store.get(key))!;
    tamper('UPDATE kv SET value = ? WHERE key = ?', value.replace('"to":', '"to":1'), key);
    assert.equal((await wrongWith()).key, key);
  });

  test('a seal that was deleted, and a head', async () => {
    tamper('DELETE FROM kv WHERE key = ?', keys.auditSeal(1));
    assert.deepEqual(await wrongWith(), { key: keys.auditSeal(1), reason: 'missing' });
    tamper('DELETE FROM kv WHERE key = ?', keys.auditHead);
    assert.equal((await wrongWith()).key, keys.auditSeal(2));
  });

  test('a tail that was cut off, by the head', async () => {
    const { number } = newest;
    tamper('DELETE FROM kv WHERE key IN (?, ?)', keys.auditSeal(number), at(9));
    assert.deepEqual(await wrongWith(), { key: keys.auditSeal(number), reason: 'missing' });
  });

  test('a tail that was cut off with an older head in its place, by who has seen it', async () => {
    const head = (await store.get(keys.auditHead))!;
    const last = await write(1);
    const seen = await sealed(trail);
    tamper('DELETE FROM kv WHERE key IN (?, ?)', keys.auditSeal(seen.number), last[0]!);
    const put = 'UPDATE kv SET value = ?, revision = ? WHERE key = ?';
    tamper(put, head.value, head.revision, keys.auditHead);
    assert.match((await wrongWith([trail.newest()])).reason, /^missing: it has been seen/);
    // Nobody who remembers the seal is left: this is what ExpectedSeal is for.
    assert.equal((await verify()).fault, undefined);
  });

  test('an older head in front of seals that it does not know', async () => {
    const head = (await store.get(keys.auditHead))!;
    await write(1);
    const seen = await sealed(trail);
    const put = 'UPDATE kv SET value = ?, revision = ? WHERE key = ?';
    tamper(put, head.value, head.revision, keys.auditHead);
    const fault = await wrongWith();
    assert.deepEqual(fault, { key: keys.auditSeal(seen.number), reason: 'not known to the head' });
  });

  test('an unsealed record that was altered, or deleted after it was seen', async () => {
    const [one, other] = await write(2);
    tamper(`UPDATE kv SET value = replace(value, 'Try', 'Lie') WHERE key = ?`, other!);
    assert.equal((await wrongWith()).key, other);
    tamper('DELETE FROM kv WHERE key = ?', one!);
    await stop(trail);
    assert.deepEqual(await wrongWith(), { key: one, reason: 'missing' });
  });
});

test('a record that is deleted before a control plane sees it leaves no trace', async () => {
  const trail = start();
  await write(3);
  await sealed(trail);
  await stop(trail);
  const [unseen] = await write(1);
  tamper('DELETE FROM kv WHERE key = ?', unseen!);
  assert.equal((await verify()).fault, undefined);
});

describe('retention', () => {
  test('deletes what is older, seal by seal, and what is left stays verifiable', async () => {
    const trail = start(10 * minute);
    await write(200);
    await sealed(trail);
    const old = await sealCount();
    await clock.advance(9 * minute);
    const young = await write(3);
    await sealed(trail);
    await clock.advance(2 * minute);
    await until(
      async () => {
        await clock.advance(limits.auditPruneEvery);
        assert.equal((await verify([trail.newest()])).fault, undefined);
        return (await store.range('audit/')).entries.length === young.length;
      },
      { what: 'the old records to go' },
    );
    const anchor = JSON.parse((await store.get(keys.auditAnchor))!.value);
    assert.equal(anchor.number, old);
    assert.deepEqual(
      (await store.range('audit/')).entries.map(({ key }) => key),
      young,
    );
    tamper('DELETE FROM kv WHERE key = ?', young[0]!);
    assert.equal((await wrongWith()).key, young[0]);
  });
});

describe('a log that is larger than it may be', () => {
  test('loses its oldest seals, and what is left stays verifiable', async () => {
    const most = 20_000;
    const trail = start(90 * 86_400_000, most);
    for (let part = 0; part < 10; part++) {
      await write(20);
      await sealed(trail);
    }
    const whole = written.length;
    await until(
      async () => {
        await clock.advance(limits.auditPruneEvery);
        assert.equal((await verify([trail.newest()])).fault, undefined);
        const { entries } = await store.range('audit/');
        const { bytes, dropped } = await trail.figures();
        return bytes <= most && dropped > 0 && entries.length === whole - dropped;
      },
      { what: 'the oldest records to go' },
    );
    const { bytes } = await trail.figures();
    const left = (await store.range('audit/')).entries;
    assert.ok(bytes > most / 2, `${bytes} bytes`);
    assert.equal(left.at(-1)?.key, written.at(-1));
    tamper('DELETE FROM kv WHERE key = ?', left.at(-3)!.key);
    assert.equal((await wrongWith()).key, left.at(-3)!.key);
  });
});

describe('two control planes', () => {
  test('seal one chain: one at a time, and the other goes on when it ends', async () => {
    const planes = [start(), start()];
    await write(10);
    await sealed(planes[0]!);
    await write(10);
    await sealed(planes[1]!);
    await stop(planes[0]!);
    await write(10);
    await sealed(planes[1]!);
    const { fault, records, unsealed } = await verify([planes[1]!.newest()]);
    assert.deepEqual([fault, records, unsealed], [undefined, 30, 0]);
  });
});
