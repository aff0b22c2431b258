import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { differenceOf, shortened } from './difference.ts';
import type { AuditEvent } from './event.ts';
import { addressOf, attributesOf, isWanted, noFilters, readFilters, timesOf } from './filters.ts';

const now = Date.parse('2026-11-24T08:00:00Z');

describe('filters', () => {
  const text = fc.string({ maxLength: 20 });
  const filters = fc.record({
    range: fc.constantFrom('1h', '24h', '7d', '90d'),
    from: fc.constant(''),
    to: fc.constant(''),
    ...{ action: text, resource: text, user: text },
    only: fc.constantFrom('', 'writes', 'errors'),
  });
  const queryOf = (address: string) =>
    Object.fromEntries(new URL(address, 'http://localhost').searchParams);

  test('are the same after a way through the address', () => {
    fc.assert(
      fc.property(filters, (each) => {
        assert.deepEqual(readFilters(queryOf(addressOf(each))), { ...each });
      }),
    );
    const between = { ...noFilters, range: 'between', from: '2026-11-24T08:00:00Z' };
    assert.deepEqual(readFilters(queryOf(addressOf(between))), between);
    assert.equal(addressOf(noFilters), '/console/audit');
  });

  test('that are none are left out', () => {
    const query = { range: 'ever', from: 'then', only: 'reads' };
    assert.deepEqual(readFilters(query), noFilters);
    assert.deepEqual(readFilters({ range: 'between', from: 'then' }), noFilters);
  });

  test('ask for whole seconds', () => {
    assert.deepEqual(timesOf({ ...noFilters, range: '1h' }, now), {
      StartTime: '2026-11-24T07:00:00Z',
    });
    const between = { ...noFilters, range: 'between', to: '2026-11-24T09:00:00.500+01:00' };
    assert.deepEqual(timesOf(between, now), {
      StartTime: '1970-01-01T00:00:00Z',
      EndTime: '2026-11-24T08:00:00Z',
    });
  });

  test('that the server does not narrow by are looked at here', () => {
    const all = { ...noFilters, action: 'A', resource: 'r', user: 'u', only: 'writes' };
    assert.deepEqual(attributesOf(all), [
      { Key: 'ResourceName', Value: 'r' },
      { Key: 'EventName', Value: 'A' },
    ]);
    const event = {
      eventName: 'A',
      eventRW: 'Write',
      referencedResources: { some: ['q', 'r'] },
      userIdentity: { userName: 'u' },
    } as unknown as AuditEvent;
    assert.ok(isWanted(event, all));
    for (const other of [{ action: 'B' }, { resource: 's' }, { user: 'v' }, { only: 'errors' }]) {
      assert.ok(!isWanted(event, { ...all, ...other }), JSON.stringify(other));
    }
    assert.ok(!isWanted({ ...event, eventRW: 'Read' }, all));
    assert.ok(isWanted({ ...event, errorCode: 'X' }, { ...noFilters, only: 'errors' }));
  });
});

describe('a difference', () => {
  const of = (Before: object | null, After: object | null) =>
    differenceOf({ Key: 'k', Before: Before as never, After: After as never });
  const lines = (parts: ReturnType<typeof of>, kind: string) =>
    parts.filter((each) => each.kind === kind).flatMap((each) => each.lines);

  test('of a list names the item that is gone and no other', () => {
    const parts = of({ servers: ['a', 'b', 'c'] }, { servers: ['b', 'c'] });
    assert.deepEqual(lines(parts, 'gone'), ['    "a"']);
    assert.deepEqual(lines(parts, 'new'), []);
    const last = of({ servers: ['a', 'b'] }, { servers: ['a'] });
    assert.deepEqual(lines(last, 'gone'), ['    "b"']);
  });

  test('of servers shows one that is gone and one that is new, not one that became another', () => {
    const server = (serverId: string) => ({ serverId, ip: '10.0.0.1', port: 80, weight: 100 });
    const parts = of({ backends: [server('web-21')] }, { backends: [server('web-23')] });
    const item = (id: string) => [
      '    {',
      '      "ip": "10.0.0.1"',
      '      "port": 80',
      `      "serverId": "${id}"`,
      '      "weight": 100',
      '    }',
    ];
    assert.deepEqual(lines(parts, 'gone'), item('web-21'));
    assert.deepEqual(lines(parts, 'new'), item('web-23'));
  });

  test('of a server shows the member that changed', () => {
    const server = (weight: number) => ({ serverId: 'web-1', weight });
    const parts = of({ backends: [server(1), server(2)] }, { backends: [server(1), server(3)] });
    assert.deepEqual(lines(parts, 'gone'), ['      "weight": 2']);
    assert.deepEqual(lines(parts, 'new'), ['      "weight": 3']);
  });

  test('does not see the order of members', () => {
    assert.ok(
      of({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }).every(
        ({ kind }) => kind === 'same',
      ),
    );
  });

  test('of what was made is all new, of what was deleted all gone', () => {
    assert.deepEqual(new Set(of(null, { a: 1 }).map(({ kind }) => kind)), new Set(['new']));
    assert.deepEqual(new Set(of({ a: 1 }, null).map(({ kind }) => kind)), new Set(['gone']));
  });

  test('of a huge record is shown whole rather than reckoned', () => {
    const list = Array.from({ length: 5_000 }, (_, index) => index);
    assert.deepEqual(
      of({ list }, { list: list.slice(1) }).map(({ kind }) => kind),
      ['gone', 'new'],
    );
  });

  test('is cut to what stands next to a change', () => {
    const list = Array.from({ length: 30 }, (_, index) => index);
    const parts = shortened(of({ list, z: 1 }, { list, z: 2 }));
    assert.deepEqual(lines(parts, 'gone'), ['  "z": 1']);
    assert.ok(lines(parts, 'same').length < 10);
    assert.ok(lines(parts, 'same').some((line) => /30 lines as before/.test(line)));
  });
});
