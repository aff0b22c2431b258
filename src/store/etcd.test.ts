import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { type Etcd, startEtcd } from '../../test/support/etcd.ts';
import { callEtcd, put, putAt, startWatch } from '../../test/support/stores.ts';
import { until } from '../../test/support/wait.ts';
import { type EtcdOptions, openEtcd } from './etcd.ts';
import { type Store, StoreUnavailable } from './store.ts';

/** Patience for tests that wait until it has run out. */
const impatient = { requestMs: 1_000, patienceMs: 500, watchPatienceMs: 500 };

describe('the etcd store', () => {
  const endings: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });
  const start = async (size?: number): Promise<Etcd> => {
    const etcd = await startEtcd(size);
    endings.push(() => etcd.stop());
    return etcd;
  };
  const open = async (options: EtcdOptions): Promise<Store> => {
    const store = await openEtcd(options);
    endings.push(() => store.close());
    return store;
  };

  test('two control planes on one etcd see and hear of each other', async () => {
    const { endpoints } = await start();
    const [one, two] = [await open({ endpoints }), await open({ endpoints })];
    const begin = await putAt(one, ['a', '1']);
    assert.deepEqual(await two.get('a'), { key: 'a', value: '1', revision: begin });
    const watching = startWatch(two, '', begin);
    const lease = await one.lease(60);
    await lease.put('r', 'leased');
    await put(one, ['a', '2']);
    await watching.seen('a', '2');
    await watching.stop();
    assert.deepEqual(watching.valuesOf('r'), ['leased']);
  });

  test('stores with other prefixes on the same etcd are apart', async () => {
    const { endpoints } = await start();
    const one = await open({ endpoints, prefix: '/one/' });
    const two = await open({ endpoints, prefix: '/one/two/' });
    const three = await open({ endpoints, prefix: '/one0' });
    await put(three, ['a', '3']);
    await put(two, ['a', '2']);
    await put(one, ['a', '1']);
    assert.equal((await one.get('a'))?.value, '1');
    const keys = (await two.range('')).entries.map(({ key }) => key);
    assert.deepEqual(keys, ['a']);
    assert.equal((await three.range('')).entries.length, 1);
  });

  test('a watch goes on over a kill -9 of etcd, without gap or repetition', async () => {
    const etcd = await start();
    const store = await open({ endpoints: etcd.endpoints });
    const begin = await putAt(store, ['w', '0']);
    const watching = startWatch(store, 'w', begin);
    await put(store, ['w', '1']);
    await watching.seen('w', '1');
    await etcd.kill();
    await etcd.start();
    await put(store, ['w', '2']);
    await put(store, ['w', '3']);
    await watching.seen('w', '3');
    assert.equal(await watching.stop(), undefined);
    assert.deepEqual(watching.valuesOf('w'), ['1', '2', '3']);
  });

  test('a call that finds etcd away waits for it a while', async () => {
    const etcd = await start();
    const store = await open({ endpoints: etcd.endpoints, timing: { patienceMs: 60_000 } });
    await etcd.kill();
    const [commit, read] = [putAt(store, ['a', '1']), store.get('b')];
    await etcd.start();
    const revision = await commit;
    assert.equal(await read, undefined);
    assert.equal((await store.get('a'))?.revision, revision);
  });

  test('while etcd is away nothing is changed, every call says so, and a watch ends', async () => {
    const etcd = await start();
    const store = await open({ endpoints: etcd.endpoints, timing: impatient });
    const begin = await putAt(store, ['a', '1']);
    const watching = startWatch(store, 'a', begin);
    await put(store, ['a', '2']);
    await watching.seen('a', '2');
    await etcd.kill();
    await assert.rejects(put(store, ['a', '3']), isUnavailable('nothing-changed'));
    await assert.rejects(store.get('a'), StoreUnavailable);
    await assert.rejects(store.range('a'), StoreUnavailable);
    await assert.rejects(store.lease(5), StoreUnavailable);
    assert.ok((await watching.end) instanceof StoreUnavailable);
    await etcd.start();
    assert.equal((await store.get('a'))?.value, '2');
    await put(store, ['a', '4']);
  });

  test('opening fails when nobody answers', async () => {
    const closed = await listenOn(net.createServer());
    await closed.close();
    const endpoints = [closed.origin];
    await assert.rejects(
      openEtcd({ endpoints, timing: impatient }),
      isUnavailable('nothing-changed'),
    );
  });

  test('a commit whose answer was lost is unknown, and is not sent again', async () => {
    const etcd = await start();
    let commits = 0;
    const proxy = await listenOn(
      http.createServer(async (request, response) => {
        const body = await Array.fromAsync(request);
        const url = `${etcd.endpoints[0]}${request.url}`;
        const answer = await fetch(url, { method: 'POST', body: Buffer.concat(body) });
        const text = await answer.text();
        if (request.url !== '/v3/kv/txn') return response.end(text);
        commits += 1;
        return request.socket.destroy();
      }),
    );
    endings.push(() => proxy.close());
    const store = await open({ endpoints: [proxy.origin] });
    await assert.rejects(put(store, ['a', '1']), isUnavailable('unknown'));
    assert.equal((await store.get('a'))?.value, '1');
    assert.equal(commits, 1);
  });

  test('a watch leaves a link that is half open, and misses nothing', async () => {
    const etcd = await start();
    const link = await startLink(etcd);
    endings.push(() => link.close());
    const endpoints = [link.origin, ...etcd.endpoints];
    const timing = { requestMs: 500, watchSilenceMs: 200 };
    const store = await open({ endpoints, timing });
    const other = await open({ endpoints: etcd.endpoints });
    const begin = await putAt(store, ['w', '0']);
    const watching = startWatch(store, 'w', begin);
    await put(store, ['w', '1']);
    await watching.seen('w', '1');
    link.freeze();
    await put(other, ['w', '2']);
    await watching.seen('w', '2');
    assert.equal(await watching.stop(), undefined);
    assert.deepEqual(watching.valuesOf('w'), ['1', '2']);
  });

  test('a watch on which nothing is heard is opened again where it stood', async () => {
    const etcd = await start();
    const link = await startLink(etcd);
    endings.push(() => link.close());
    const store = await open({ endpoints: [link.origin], timing: { watchSilenceMs: 50 } });
    const begin = await putAt(store, ['w', '0'], ['quiet', '1']);
    const watching = startWatch(store, 'w', begin);
    for (const value of ['1', '2', '3', '4']) {
      await put(store, ['w', value]);
      await watching.seen('w', value);
      const connections = link.connections();
      await until(() => link.connections() >= connections + 2, { what: 'new streams' });
    }
    assert.equal(await watching.stop(), undefined);
    assert.deepEqual(watching.valuesOf('w'), ['1', '2', '3', '4']);
  });

  test('the loss of one member of three is survived by commits, reads and watches', async () => {
    const etcd = await start(3);
    const timing = { requestMs: 2_000, patienceMs: 30_000 };
    const store = await open({ endpoints: etcd.endpoints, timing });
    const begin = await putAt(store, ['w', '0']);
    const watching = startWatch(store, 'w', begin);
    await put(store, ['w', '1']);
    await watching.seen('w', '1');
    await etcd.kill(0);
    await until(() => isCommitted(store, 'w', '2'), {
      what: 'a commit without the first member',
      timeoutMs: 60_000,
    });
    await watching.seen('w', '2');
    assert.equal((await store.get('w'))?.value, '2');
    await etcd.start(0);
    etcd.freeze(1, true);
    await until(() => isCommitted(store, 'w', '3'), {
      what: 'a commit beside a frozen member',
      timeoutMs: 60_000,
    });
    etcd.freeze(1, false);
    await watching.seen('w', '3');
    assert.equal(await watching.stop(), undefined);
    assert.deepEqual(new Set(watching.valuesOf('w')), new Set(['1', '2', '3']));
  });

  test('a frozen follower holds up no commit, no read and no watch', async () => {
    const etcd = await start(3);
    const follower = await followerOf(etcd);
    const others = etcd.endpoints.filter((_, index) => index !== follower);
    // Nothing is given up within this test: only another member can answer.
    const never = 600_000;
    const timing = { requestMs: never, watchSilenceMs: never, freshMs: 0 };
    const endpoints = [etcd.endpoints[follower]!, ...others];
    const store = await open({ endpoints, timing });
    // A store closes once its calls have ended.
    endings.push(async () => etcd.freeze(follower, false));
    const begin = await putAt(store, ['w', '0']);
    const watching = startWatch(store, 'w', begin);
    await put(store, ['w', '1']);
    await watching.seen('w', '1');
    etcd.freeze(follower, true);
    const revision = await putAt(store, ['w', '2']);
    await watching.seen('w', '2');
    assert.deepEqual(await store.get('w'), { key: 'w', value: '2', revision });
    const lease = await store.lease(60);
    await lease.put('l', '1');
    await lease.keepAlive();
    etcd.freeze(follower, false);
    assert.equal(await watching.stop(), undefined);
    assert.deepEqual(watching.valuesOf('w'), ['1', '2']);
  });

  test('a watch at a member that lost its cluster ends and does not go silent', async () => {
    const etcd = await start(3);
    // Only etcd itself can end it: silence alone would not within this test.
    const timing = { watchSilenceMs: 600_000, watchPatienceMs: 0, requestMs: 1_000 };
    const store = await open({ endpoints: etcd.endpoints.slice(0, 1), timing });
    const begin = await putAt(store, ['w', '0']);
    const watching = startWatch(store, 'w', begin);
    await put(store, ['w', '1']);
    await watching.seen('w', '1');
    etcd.freeze(1, true);
    etcd.freeze(2, true);
    let ended: unknown;
    void watching.end.then((error) => {
      ended = error;
    });
    await until(() => ended, { what: 'the end of the watch', timeoutMs: 45_000 });
    assert.ok(ended instanceof StoreUnavailable);
  });

  test('a full etcd refuses commits and nothing is changed', async () => {
    const etcd = await start();
    const store = await open({ endpoints: etcd.endpoints });
    const alarm = { alarm: 'NOSPACE', memberID: await memberId(etcd) };
    await callEtcd(etcd, '/v3/maintenance/alarm', { action: 'ACTIVATE', ...alarm });
    await assert.rejects(put(store, ['a', '1']), isUnavailable('nothing-changed'));
    assert.equal(await store.get('a'), undefined);
    await callEtcd(etcd, '/v3/maintenance/alarm', { action: 'DEACTIVATE', ...alarm });
    await put(store, ['a', '2']);
  });

  test('a commit too large for etcd is a mistake of its caller', async () => {
    const { endpoints } = await start();
    const store = await open({ endpoints });
    await assert.rejects(put(store, ['a', 'x'.repeat(2_000_000)]), TypeError);
    assert.equal(await store.get('a'), undefined);
  });

  test('user and password are used, and a token that no longer counts is renewed', async () => {
    const etcd = await start();
    const { endpoints } = etcd;
    await callEtcd(etcd, '/v3/auth/user/add', { name: 'root', password: 'secret' });
    await callEtcd(etcd, '/v3/auth/user/grant', { user: 'root', role: 'root' });
    await callEtcd(etcd, '/v3/auth/enable', {});
    await assert.rejects(openEtcd({ endpoints }), StoreUnavailable);
    await assert.rejects(openEtcd({ endpoints, user: 'root', password: 'x' }), StoreUnavailable);
    const store = await open({ endpoints, user: 'root', password: 'secret' });
    const begin = await putAt(store, ['a', '1']);
    const watching = startWatch(store, 'a', begin);
    await put(store, ['a', '2']);
    await watching.seen('a', '2');
    // Tokens live in the memory of the member that gave them.
    await etcd.kill();
    await etcd.start();
    await put(store, ['a', '3']);
    await watching.seen('a', '3');
    await watching.stop();
    assert.equal((await store.get('a'))?.value, '3');
  });
});

async function isCommitted(store: Store, key: string, value: string): Promise<boolean> {
  return (await put(store, [key, value])).committed;
}

async function memberId(etcd: Etcd): Promise<string> {
  const status = await callEtcd(etcd, '/v3/maintenance/status', {});
  return (status as { header: { member_id: string } }).header.member_id;
}

async function followerOf({ endpoints }: Etcd): Promise<number> {
  for (const [index, endpoint] of endpoints.entries()) {
    const response = await fetch(`${endpoint}/v3/maintenance/status`, {
      method: 'POST',
      body: '{}',
    });
    const { header, leader } = (await response.json()) as {
      readonly header: { readonly member_id: string };
      readonly leader: string;
    };
    if (leader !== header.member_id) return index;
  }
  throw new Error('no follower');
}

interface Listening {
  readonly origin: string;
  close(): Promise<void>;
}

/** A TCP relay to etcd that can stop relaying without closing anything. */
async function startLink(etcd: Etcd) {
  const target = Number(new URL(etcd.endpoints[0] as string).port);
  let frozen = false;
  let connections = 0;
  const server = net.createServer((near) => {
    connections += 1;
    const far = net.connect(target, '127.0.0.1');
    const relay = (from: net.Socket, to: net.Socket) => {
      from.on('data', (data) => frozen || to.write(data));
      from.on('close', () => to.destroy());
      // An error ends in 'close'.
      from.on('error', () => {});
    };
    relay(near, far);
    relay(far, near);
  });
  const listening = await listenOn(server);
  const freeze = () => {
    frozen = true;
  };
  return { ...listening, connections: () => connections, freeze };
}

/** A server on a port of the system's choice; closing it breaks its connections off. */
async function listenOn(server: net.Server): Promise<Listening> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function isUnavailable(outcome: StoreUnavailable['outcome']) {
  return (error: unknown) => error instanceof StoreUnavailable && error.outcome === outcome;
}
