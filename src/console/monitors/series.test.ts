import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  alone,
  apiTime,
  chartsOf,
  isKnown,
  type RequestRow,
  type TrafficRow,
  windowOf,
} from './series.ts';
import { readable } from './units.ts';

const from = Date.parse('2026-11-24T08:00:00Z');
const until = from + 3 * 60_000;

const row = (fields: Partial<TrafficRow> = {}): TrafficRow => ({
  BizTime: '2026-11-24T08:01:00Z',
  Proto: 'tcp',
  VPort: '80',
  ActConns: '5',
  Conns: '120',
  DropConns: '0',
  InBytes: '6000',
  OutBytes: '60000',
  InPkts: '0',
  OutPkts: '0',
  ValidRsNum: '3',
  InValidRsNum: '0',
  ...fields,
});
const answers: RequestRow = {
  BizTime: '2026-11-24T08:01:00Z',
  Proto: 'http',
  Vport: 81,
  Reqs2xx: 60,
  Reqs3xx: 0,
  Reqs4xx: 6,
  Reqs5xx: 0,
};

function values(title: string, name: string, traffic: TrafficRow[], listener?: string) {
  const { charts } = chartsOf({ from, until, traffic, requests: [answers] }, listener);
  const chart = charts.find((each) => each.title === title);
  return chart?.lines.find((each) => each.name === name)?.values;
}

describe('the lines of charts', () => {
  test('stand on whole minutes, and a minute nobody reported is a gap, no zero', () => {
    assert.deepEqual(values('Connections', 'open', [row()]), [null, 5, null]);
  });

  test('are rates of a second', () => {
    assert.deepEqual(values('New connections', 'new', [row()]), [null, 2, null]);
    assert.deepEqual(values('Traffic', 'from clients', [row()]), [null, 800, null]);
    assert.deepEqual(values('Answers by status', '4xx', []), [null, 0.1, null]);
  });

  test('add up over listeners, except for servers, where the worst counts', () => {
    const two = [row(), row({ VPort: '81', ActConns: '7', ValidRsNum: '1', InValidRsNum: '2' })];
    assert.deepEqual(values('Connections', 'open', two), [null, 12, null]);
    assert.deepEqual(values('Servers', 'in service', two), [null, 1, null]);
    assert.deepEqual(values('Servers', 'probes fail', two), [null, 2, null]);
    assert.deepEqual(values('Connections', 'open', two, 'tcp:81'), [null, 7, null]);
    assert.deepEqual(values('Answers by status', '2xx', two, 'tcp:81'), [null, null, null]);
  });

  test('have packets only of an engine that sees them', () => {
    assert.deepEqual(values('Packets', 'from clients', [row()]), [null, null, null]);
    const idle = row({ Proto: 'udp', Conns: '0' });
    assert.deepEqual(values('Packets', 'from clients', [idle]), [null, 0, null]);
    const seen = [row({ InPkts: '60' }), row({ BizTime: '2026-11-24T08:02:00Z' })];
    assert.deepEqual(values('Packets', 'from clients', seen), [null, 1, 0]);
  });

  test('leave out minutes outside the window', () => {
    const late = row({ BizTime: '2026-11-24T08:03:00Z' });
    assert.deepEqual(values('Connections', 'open', [late]), [null, null, null]);
  });

  test('tell a chart that knows something from one that does not', () => {
    const { charts } = chartsOf({ from, until, traffic: [row()], requests: [] });
    assert.deepEqual(
      charts.filter((chart) => !isKnown(chart)).map(({ title }) => title),
      ['Packets', 'Answers by status'],
    );
  });
});

test('values between two gaps are found', () => {
  assert.deepEqual(alone([1, null, 2, null, 3, 4]), [0, 2]);
});

test('a window ends with the last minute that is over', () => {
  const { from: begin, until: end } = windowOf(Date.parse('2026-11-24T08:00:59Z'), 1);
  assert.deepEqual(
    [apiTime(begin), apiTime(end)],
    ['2026-11-24T07:00:00Z', '2026-11-24T08:00:00Z'],
  );
});

test('numbers are read with three digits and a unit', () => {
  assert.equal(readable(0, 'bit/s'), '0 bit/s');
  assert.equal(readable(1_250_000, 'bit/s'), '1.25 Mbit/s');
  assert.equal(readable(0.05, '/s'), '0.05 /s');
  assert.equal(readable(1_234, ''), '1234');
  assert.equal(readable(56_700, ''), '56.7 k');
  assert.equal(readable(123_456, '/s'), '123 k/s');
});
