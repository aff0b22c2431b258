import assert from 'node:assert/strict';
import { test } from 'node:test';
import { http } from '../../test/support/haproxy.ts';
import { udp } from '../../test/support/kernel.ts';
import { loadBalancer, server } from '../../test/support/load-balancers.ts';
import { MemoryEngine } from './memory-engine.ts';
import { RoutedEngine } from './routed-engine.ts';

function pair() {
  const now = () => 0;
  const [upper, lower] = [new MemoryEngine({ now }), new MemoryEngine({ now })];
  const engine = new RoutedEngine([
    { engine: upper, takes: ({ protocol }) => protocol !== 'udp' },
    { engine: lower, takes: ({ protocol }) => protocol === 'udp' },
  ]);
  return { engine, upper, lower };
}
const both = loadBalancer('lb-1', ['i-1'], { listeners: [http(80), udp(53)] });

test('each engine carries its own listeners', async () => {
  const { engine, upper, lower } = pair();
  await engine.apply(both);
  const carried = (each: MemoryEngine) =>
    each.carried.get('lb-1')?.listeners.map(({ protocol }) => protocol);
  assert.deepEqual([carried(upper), carried(lower)], [['http'], ['udp']]);
  await engine.remove('lb-1');
  assert.deepEqual([upper.carried.size, lower.carried.size], [0, 0]);
});

test('what one engine refuses is told, and keeps the other from nothing', async () => {
  const { engine, upper, lower } = pair();
  upper.faults.refuse = () => 'no room';
  assert.deepEqual(await engine.apply(both), [{ loadBalancerId: 'lb-1', reason: 'no room' }]);
  upper.faults.slow = () => Promise.reject(new Error('broken'));
  await assert.rejects(engine.apply(both), /broken/);
  assert.equal(lower.verbs.filter((verb) => verb === 'apply lb-1').length, 2);
});

test('sessions of one drain are added up', async () => {
  const { engine, upper, lower } = pair();
  const draining = [{ ...server('i-2'), deadline: 1_000 }];
  await engine.apply({ ...both, draining });
  upper.sessions.set('i-2', 2);
  lower.sessions.set('i-2', 3);
  const found = await engine.drains();
  assert.deepEqual(
    found.map(({ sessions }) => sessions),
    [5],
  );
});

test('either engine is heard when it has lost its state', async () => {
  const { engine, upper, lower } = pair();
  const reasons: string[] = [];
  engine.onLost((reason) => reasons.push(reason));
  upper.lose('a');
  lower.lose('b');
  assert.deepEqual(reasons, ['a', 'b']);
});
