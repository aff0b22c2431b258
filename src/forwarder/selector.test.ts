import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../limits.ts';
import {
  type ConnectionEvent,
  type Failure,
  firstSelection,
  type Selection,
  select,
} from './selector.ts';

const half = () => 0.5;
const failures: readonly Failure[] = ['unreachable', 'lost', 'refused', 'unanswered'];

/** An event of the connection that is open. */
type Event = ConnectionEvent extends infer E
  ? E extends ConnectionEvent
    ? Omit<E, 'connection'>
    : never
  : never;

function after(endpoints: number, events: readonly Event[], from = firstSelection): Selection {
  return events.reduce<Selection>((selection, event) => {
    const of = { ...event, connection: selection.connection } as ConnectionEvent;
    return select(selection, of, endpoints, half);
  }, from);
}

const failed = (failure: Failure): Event => ({ kind: 'failed', failure });

describe('which control plane comes next', () => {
  for (const failure of failures) {
    test(`after one that is ${failure}: the next one, at once`, () => {
      const { endpoint, waitMs } = after(2, [{ kind: 'steady' }, failed(failure)]);
      assert.deepEqual([endpoint, waitMs], [1, 0]);
    });
  }

  test('when all have failed: each in turn, with a pause between two rounds', () => {
    const events = Array.from({ length: 7 }, () => failed('unreachable'));
    const steps = events.map((_, index) => after(3, events.slice(0, index + 1)));
    assert.deepEqual(
      steps.map(({ endpoint }) => endpoint),
      [1, 2, 0, 1, 2, 0, 1],
    );
    const isPaused = steps.map(({ waitMs }) => waitMs > 0);
    assert.deepEqual(isPaused, [false, false, true, false, false, true, false]);
  });

  test('a single one is tried again, less and less often, within a second at most', () => {
    const events = Array.from({ length: 10 }, () => failed('unreachable'));
    const waits = events.map((_, index) => after(1, events.slice(0, index + 1)).waitMs);
    assert.deepEqual(waits.slice(0, 5), [75, 150, 300, 600, 750]);
    assert.equal(after(1, events).endpoint, 0);
  });

  test('one that refuses is tried less often than one that is out of reach', () => {
    const waits = (failure: Failure) =>
      after(
        1,
        Array.from({ length: 9 }, () => failed(failure)),
      ).waitMs;
    assert.ok(waits('refused') > 3 * waits('unreachable'));
  });

  test('a failure long after the last one is the first of its kind', () => {
    const bad = [failed('lost'), failed('lost'), failed('lost')];
    assert.equal(after(2, [...bad, { kind: 'steady' }, failed('lost')]).waitMs, 0);
    assert.ok(after(2, [...bad, failed('lost')]).waitMs > 0);
  });
});

describe('reports that are not answered while the stream goes on', () => {
  const all = [failed('unreachable'), failed('unanswered')];

  test('the connection is kept for a while when the others have failed too', () => {
    const kept = after(2, all);
    assert.deepEqual([kept.connection, kept.endpoint], [1, 1]);
    assert.ok(kept.leaveMs! > 0);
    const left = after(2, [{ kind: 'expired' }], kept);
    assert.deepEqual([left.connection, left.endpoint, left.waitMs], [2, 0, 0]);
  });

  test('further ones do not put off the end', () => {
    const kept = after(2, all);
    assert.equal(after(2, [failed('unanswered')], kept), kept);
  });

  test('an answer in time ends the doubt, and its end means nothing then', () => {
    const trusted = after(2, [...all, { kind: 'answered' }]);
    assert.equal(trusted.leaveMs, undefined);
    assert.equal(after(2, [{ kind: 'expired' }], trusted), trusted);
  });

  test('one in doubt is not steady, so that the pauses go on growing', () => {
    const kept = after(2, all);
    assert.equal(after(2, [{ kind: 'steady' }], kept), kept);
  });

  test('a stream that ends meanwhile ends the connection', () => {
    assert.equal(after(2, [failed('lost')], after(2, all)).connection, 2);
  });
});

describe('whatever happens', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('failed' as const), failure: fc.constantFrom(...failures) }),
    fc.record({ kind: fc.constantFrom('answered' as const, 'steady', 'expired') }),
  );
  const history = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.array(event, { maxLength: 60 }));

  test('an event of an earlier connection changes nothing', () => {
    fc.assert(
      fc.property(history, event, fc.nat(), ([endpoints, events], late, age) => {
        const selection = after(endpoints, events);
        const connection = selection.connection - 1 - age;
        const of = { ...late, connection } as ConnectionEvent;
        assert.equal(select(selection, of, endpoints, half), selection);
      }),
    );
  });

  test('each control plane is used again within one round of connections', () => {
    fc.assert(
      fc.property(history, ([endpoints, events]) => {
        const used = events.map((_, index) => after(endpoints, events.slice(0, index)));
        for (const { connection, endpoint } of used) {
          assert.equal(endpoint, connection % endpoints);
        }
      }),
    );
  });

  test('no wait is longer than its bound, and none comes before all have failed', () => {
    const most = Math.max(...Object.values(limits.reconnect).map(({ maxMs }) => maxMs));
    fc.assert(
      fc.property(history, ([endpoints, events]) => {
        const steps = events.map((_, index) => after(endpoints, events.slice(0, index + 1)));
        for (const [index, { connection, failures, waitMs, leaveMs = 0 }] of steps.entries()) {
          assert.ok(waitMs <= most && leaveMs <= most);
          const isNew = connection !== steps[index - 1]?.connection;
          if (isNew && waitMs > 0) assert.ok(failures >= endpoints);
        }
      }),
    );
  });
});
