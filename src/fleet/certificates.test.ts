import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { SimulatedClock } from '../../test/support/clock.ts';
import { httpsListeners, loadBalancer } from '../../test/support/load-balancers.ts';
import { silent } from '../../test/support/log.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { until } from '../../test/support/wait.ts';
import type { Certificate, LoadBalancer } from '../elb/types.ts';
import { keys } from '../store/keys.ts';
import { createFleet } from './create-fleet.ts';
import type { Deliver, Fleet, WatchMessage } from './fleet.ts';
import { aliveLine } from './protocol.ts';

/** How certificates travel with the changes of a site. */

let store: MemoryStore;
let fleet: Fleet;
let abort: AbortController;

beforeEach(async () => {
  const clock = new SimulatedClock();
  store = new MemoryStore(clock);
  fleet = await createFleet({ store, now: clock.now, timers: clock, log: silent });
  abort = new AbortController();
  for (const id of ['1', '2', '3']) {
    const certificate = { v: 1, id, chain: `chain ${id}`, notAfter: 1, key: `stored ${id}` };
    await commit({ [keys.certificate(id)]: certificate });
  }
});
afterEach(async () => {
  abort.abort();
  await fleet.close();
});

async function commit(puts: Readonly<Record<string, unknown>>, deletes: readonly string[] = []) {
  const entries = Object.entries(puts);
  await store.commit({
    ifRevision: new Map(),
    puts: entries.map(([key, value]) => ({ key, value: JSON.stringify(value) })),
    deletes,
  });
}

function put(...loadBalancers: LoadBalancer[]) {
  const entries = loadBalancers.map((each) => [keys.loadBalancer(each.site, each.id), each]);
  return commit(Object.fromEntries(entries));
}

function remove(id: string) {
  const key = keys.loadBalancer('site-1', id);
  return commit({ [keys.tombstone('site-1', id)]: { v: 1 } }, [key]);
}

const withCertificates = (id: string, ...certificates: string[]) =>
  loadBalancer(id, [], { listeners: httpsListeners(...certificates) });

const deliverTo =
  (name: string): Deliver =>
  ({ id, chain, notAfter, key }: Certificate) => {
    return { id, chain, notAfter, key: `${key} for ${name}`, sealedFor: name };
  };

/** The next message that is no heartbeat: its type, and the keys of its certificates. */
function watch(deliver?: Deliver) {
  const told: WatchMessage[] = [];
  void (async () => {
    for await (const line of fleet.watchSite('site-1', abort.signal, deliver)) {
      if (line === aliveLine) continue;
      const message = JSON.parse(line) as WatchMessage;
      if (message.type !== 'heartbeat') told.push(message);
    }
  })();
  return async () => {
    const message = await until(() => told.shift(), { what: 'a message' });
    const { certificates = [] } = message as { certificates?: readonly { key: string }[] };
    return [message.type, ...certificates.map(({ key }) => key).sort()];
  };
}

test('a certificate comes with the change that first uses it, and once', async () => {
  const next = watch(deliverTo('a'));
  assert.deepEqual(await next(), ['snapshot']);
  await put(withCertificates('lb-1', '1', '2-cn-hangzhou'));
  assert.deepEqual(await next(), ['change', 'stored 1 for a', 'stored 2 for a']);
  await put(withCertificates('lb-2', '2', '3'));
  assert.deepEqual(await next(), ['change', 'stored 3 for a']);
  await put(withCertificates('lb-1', '1'));
  assert.deepEqual(await next(), ['change']);
  // It was given up by all and comes anew.
  await remove('lb-2');
  assert.deepEqual(await next(), ['change']);
  await put(withCertificates('lb-1', '1', '2'));
  assert.deepEqual(await next(), ['change', 'stored 2 for a']);
});

test('a snapshot has those that the site uses, sealed for each watcher', async () => {
  await put(withCertificates('lb-1', '1', '1'), withCertificates('lb-2', '2'));
  const all = ['snapshot', 'stored 1 for a', 'stored 2 for a'];
  assert.deepEqual(await watch(deliverTo('a'))(), all);
  await remove('lb-2');
  await until(async () => (await watch(deliverTo('b'))()).length === 2, { what: 'one less' });
  assert.deepEqual(await watch(deliverTo('b'))(), ['snapshot', 'stored 1 for b']);
  assert.deepEqual(await watch()(), ['snapshot']);
});

test('one that is gone or cannot be opened keeps nothing else back', async () => {
  const broken: Deliver = (certificate) => {
    if (certificate.id === '1') throw new Error('sealed by another');
    return deliverTo('a')(certificate);
  };
  await put(withCertificates('lb-1', '1', '2', '404'));
  const next = watch(broken);
  assert.deepEqual(await next(), ['snapshot', 'stored 2 for a']);
  await put(withCertificates('lb-2', '3'));
  assert.deepEqual(await next(), ['change', 'stored 3 for a']);
});
