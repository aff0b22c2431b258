import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import { MemoryEngine } from './memory-engine.ts';

async function scene() {
  let time = 0;
  const engine = new MemoryEngine({ now: () => 0, leaseNow: () => time });
  await engine.apply(loadBalancer('lb-1', [], { site: 'site-1' }));
  await engine.apply(loadBalancer('lb-2', [], { site: 'site-2' }));
  return {
    engine,
    at: (now: number) => {
      time = now;
    },
    serving: () => engine.serving.map(({ id }) => id),
  };
}

test('a guarded site takes traffic only while its lease runs, others go on', async () => {
  const { engine, at, serving } = await scene();
  assert.deepEqual(serving(), ['lb-1', 'lb-2']);
  await engine.guard(new Map([['site-1', 100]]));
  assert.deepEqual(serving(), ['lb-1', 'lb-2']);
  at(100);
  assert.deepEqual(serving(), ['lb-2']);
  await engine.renew('site-1', 200);
  assert.deepEqual(serving(), ['lb-1', 'lb-2']);
});

test('a lease that is over or shorter changes nothing; guarding none frees all', async () => {
  const { engine, at, serving } = await scene();
  await engine.guard(new Map([['site-1', 100]]));
  await engine.renew('site-1', 50);
  at(99);
  assert.deepEqual(serving(), ['lb-1', 'lb-2']);
  at(150);
  await engine.renew('site-1', 149);
  assert.deepEqual(serving(), ['lb-2']);
  await engine.guard(new Map());
  assert.deepEqual(serving(), ['lb-1', 'lb-2']);
});
