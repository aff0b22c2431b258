import assert from 'node:assert/strict';
import { test } from 'node:test';
import { totalsOf } from './counters.ts';
import { parseStats } from './tables.ts';

/** The columns of HAProxy's table that are read, among others. */
const head =
  '# pxname,svname,qcur,scur,stot,bin,bout,econ,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,' +
  'req_tot,qtime,ctime,rtime,connect,dcon,dses,conn_tot,-';

function table(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const columns = head.slice(2).split(',');
  return [head, ...rows.map((row) => columns.map((name) => row[name] ?? '').join(','))].join('\n');
}

const listener = 'lb-5a.http-80.0123456789ab';
const front = { pxname: `${listener}.front`, svname: 'FRONTEND' };
const pool = { pxname: `${listener}.pool`, svname: 'BACKEND' };
const open = { pxname: `${listener}.open`, svname: 'BACKEND' };
const next = { pxname: `${listener}.next`, svname: 'BACKEND' };

const totals = (...rows: Readonly<Record<string, string | number>>[]) =>
  totalsOf('worker', parseStats(table(rows)));

test('clients are counted at the front, failures to reach a server behind it', () => {
  const [total, ...others] = totals(
    { ...front, scur: 2, conn_tot: 9, bin: 100, bout: 200, req_tot: 12, hrsp_2xx: 11, dcon: 1 },
    { ...pool, scur: 7, connect: 70, bin: 700, bout: 700, req_tot: 10, econ: 3 },
  );
  assert.deepEqual(others, []);
  assert.deepEqual(total, {
    loadBalancerId: 'lb-5a',
    listener: 'http:80',
    source: 'worker',
    active: 2,
    connections: 9,
    dropped: 4,
    bytesIn: 100,
    bytesOut: 200,
    requests: 12,
    responses2xx: 11,
    responses3xx: 0,
    responses4xx: 0,
    responses5xx: 0,
    averageMs: 0,
  });
});

test('what a replaced worker passed on to the next one is that one’s to count', () => {
  const [total] = totals(
    { ...front, scur: 2, conn_tot: 9, bin: 100, bout: 200, req_tot: 12, hrsp_2xx: 10, hrsp_5xx: 2 },
    { ...next, scur: 1, connect: 4, bin: 40, bout: 80, req_tot: 4, hrsp_2xx: 3, hrsp_5xx: 1 },
  );
  const { active, connections, bytesIn, bytesOut, requests, responses2xx, responses5xx } = total!;
  assert.deepEqual(
    [active, connections, bytesIn, bytesOut, requests, responses2xx, responses5xx],
    [1, 5, 60, 120, 8, 7, 1],
  );
});

test('the time of answers is queue, connect and response, by how many pools answered', () => {
  const [total] = totals(
    { ...front },
    { ...pool, req_tot: 30, qtime: 1, ctime: 2, rtime: 7 },
    { ...open, req_tot: 10, qtime: 0, ctime: 0, rtime: 50 },
  );
  assert.equal(total?.averageMs, 20);
});

test('sections that are no listener’s are left out, and no table is an error', () => {
  assert.deepEqual(totals({ pxname: 'sluice', svname: 'FRONTEND', req_tot: 7 }), []);
  assert.throws(() => parseStats('Unknown command.'), /HAProxy answered: Unknown command/);
});
