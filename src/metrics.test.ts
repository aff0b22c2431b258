import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { SimulatedClock } from '../test/support/clock.ts';
import { MemoryStore } from '../test/support/memory-store.ts';
import { createMetrics } from './metrics.ts';
import { keys } from './store/keys.ts';
import type { Store } from './store/store.ts';

async function scrape(store: Store): Promise<string> {
  const audit = async () => ({ bytes: 7, dropped: 0, omitted: 3 });
  const metrics = createMetrics(store, { standings: () => [] }, audit);
  try {
    const address = await metrics.listen({ host: '127.0.0.1', port: 0 });
    return await (await fetch(address)).text();
  } finally {
    await metrics.close();
  }
}

test('scrapes are answered under configured host names, to no foreign page', async () => {
  const audit = async () => ({ bytes: 7, dropped: 0, omitted: 3 });
  const store = new MemoryStore(new SimulatedClock());
  const metrics = createMetrics(store, { standings: () => [] }, audit, ['edge.test']);
  try {
    const address = new URL(await metrics.listen({ host: '127.0.0.1', port: 0 }));
    const statusWith = async (headers: Readonly<Record<string, string>>) => {
      const [answer] = await once(http.get(address, { agent: false, headers }), 'response');
      (answer as http.IncomingMessage).resume();
      return (answer as http.IncomingMessage).statusCode;
    };
    assert.equal(await statusWith({}), 200);
    assert.equal(await statusWith({ host: 'edge.test:9464' }), 200);
    assert.equal(await statusWith({ host: 'evil.test' }), 403);
    assert.equal(await statusWith({ origin: 'http://127.0.0.1:1' }), 403);
    assert.equal(await statusWith({ 'sec-fetch-site': 'same-site' }), 403);
  } finally {
    await metrics.close();
  }
});

test('the end of each certificate is exported, whatever its name', async () => {
  const store = new MemoryStore(new SimulatedClock());
  const certificate = { v: 1, id: '7', name: 'a "name"', notAfter: 1_800_000_000_000 };
  const puts = [{ key: keys.certificate('7'), value: JSON.stringify(certificate) }];
  await store.commit({ ifRevision: new Map(), puts, deletes: [] });
  const line =
    'sluice_certificate_not_after_seconds{certificate="7",name="a \\"name\\""} 1800000000';
  assert.ok((await scrape(store)).includes(line));
});

test('a store that is away takes no other figure along', async () => {
  const store = { range: () => Promise.reject(new Error('away')) } as unknown as Store;
  assert.match(await scrape(store), /^nodejs_/m);
});
