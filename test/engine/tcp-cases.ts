import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BackendServer, HealthCheck, LoadBalancer, TcpListener } from '../../src/elb/types.ts';
import type { ReportFailure } from '../../src/fleet/protocol.ts';
import type { Answered } from '../support/namespace-client.ts';
import { until } from '../support/wait.ts';

/** What an engine needs to show that it carries TCP listeners as promised. */
export interface TcpScene {
  readonly address: string;
  /** Three servers: s-1, s-2 and s-3. */
  readonly servers: readonly BackendServer[];
  balancer(parts: Partial<LoadBalancer>): LoadBalancer;
  /** A listener without probes. */
  listener(more?: Partial<TcpListener>): TcpListener;
  apply(wanted: LoadBalancer): Promise<readonly ReportFailure[]>;
  /** What probes find at `healthPort` of a server from now on: a status, or nobody. */
  setHealth(serverId: string, found: number | 'nobody'): Promise<void>;
  readonly healthPort: number;
  readonly client: TcpClient;
}

/** As `Client` of namespace-client.ts has them. */
interface TcpClient {
  tcp(to: To): Promise<Answered | string>;
  tcpMany(to: To, count: number): Promise<Record<string, number>>;
  openTcp(name: string, to: To): Promise<string>;
  echo(name: string): Promise<string>;
  isOpen(name: string): Promise<boolean>;
}

interface To {
  readonly address: string;
  readonly port: number;
  readonly from?: string;
}

/** Promises that every engine keeps for TCP listeners, whatever it is made of. */
const cases: Readonly<Record<string, (scene: TcpScene) => Promise<void>>> = {
  async 'wrr keeps to weights within 1 % over 10,000 connections'(scene) {
    const { client, listener, servers } = scene;
    const weights = [50, 30, 20];
    const backends = weighted(servers, weights);
    await applied(scene, { listeners: [listener()], backends });
    const counts = await client.tcpMany(to(scene), 10_000);
    for (const [index, weight] of weights.entries()) {
      const share = (counts[`s-${index + 1}`] ?? 0) / 10_000;
      assert.ok(Math.abs(share - weight / 100) < 0.01, JSON.stringify(counts));
    }
  },

  async 'rr takes servers in turn, whatever their weight'(scene) {
    const { client, listener, servers } = scene;
    const backends = weighted(servers, [1, 50, 100]);
    await applied(scene, { listeners: [listener({ scheduler: 'rr' })], backends });
    const counts = await client.tcpMany(to(scene), 300);
    assert.deepEqual(
      Object.values(counts).map((count) => Math.abs(count - 100) <= 2),
      [true, true, true],
      JSON.stringify(counts),
    );
  },

  async 'wlc sends new connections where there are fewest'(scene) {
    const { client, listener, servers } = scene;
    const listeners = [listener({ scheduler: 'wlc' })];
    await applied(scene, { listeners, backends: servers.slice(0, 1) });
    for (let n = 0; n < 30; n++) await client.openTcp(`a${n}`, to(scene));
    await applied(scene, { listeners, backends: servers });
    const found = [];
    for (let n = 0; n < 30; n++) found.push(await client.openTcp(`b${n}`, to(scene)));
    const first = found.filter((server) => server === 's-1').length;
    assert.ok(first <= 2, `${first} of 30 where there were 30 already`);
  },

  async 'sch keeps a client at one server; others stay where they are'(scene) {
    const { client, listener, servers } = scene;
    const listeners = [listener({ scheduler: 'sch' })];
    await applied(scene, { listeners });
    const counts = await client.tcpMany(to(scene), 50);
    assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
    const [server] = Object.keys(counts);
    const backends = servers.filter(({ serverId }) => serverId !== server);
    await applied(scene, { listeners, backends: [...backends] });
    await applied(scene, { listeners });
    assert.deepEqual(await client.tcpMany(to(scene), 20), { [server!]: 20 });
  },

  async 'tch spreads the connections of one client'(scene) {
    const { client, listener } = scene;
    await applied(scene, { listeners: [listener({ scheduler: 'tch' })] });
    const counts = await client.tcpMany(to(scene), 300);
    assert.equal(Object.keys(counts).length, 3, JSON.stringify(counts));
    assert.ok(
      Object.values(counts).every((count) => count > 30),
      JSON.stringify(counts),
    );
  },

  async 'PersistenceTimeout brings a client back, for as long as it says'(scene) {
    const { client, listener } = scene;
    const listeners = [listener({ persistenceTimeoutSeconds: 2 })];
    await applied(scene, { listeners });
    const first = await client.tcp(to(scene));
    assert.ok(typeof first !== 'string', String(first));
    const { server } = first;
    assert.deepEqual(await client.tcpMany(to(scene), 30), { [server]: 30 });
    const elsewhere = async () => {
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      const found = await client.tcp(to(scene));
      return typeof found !== 'string' && found.server !== server;
    };
    await until(elsewhere, { what: 'the client to be forgotten' });
  },

  async 'weight 0 gets no new connection, those of known clients too'(scene) {
    const { client, listener, servers } = scene;
    const listeners = [listener({ persistenceTimeoutSeconds: 60 })];
    await applied(scene, { listeners });
    const server = await client.openTcp('a', to(scene));
    const backends = servers.map((each) =>
      each.serverId === server ? { ...each, weight: 0 } : each,
    );
    await applied(scene, { listeners, backends });
    const counts = await client.tcpMany(to(scene), 50);
    assert.equal(counts[server], undefined, JSON.stringify(counts));
    assert.equal(await client.echo('a'), 'echoed');
  },

  async 'EstablishedTimeout ends a session that idles'(scene) {
    const { client, listener } = scene;
    await applied(scene, { listeners: [listener({ establishedTimeoutSeconds: 10 })] });
    await client.openTcp('a', to(scene));
    await client.openTcp('b', to(scene));
    const from = Date.now();
    while (Date.now() - from < 12_000) {
      assert.equal(await client.echo('b'), 'echoed');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    assert.notEqual(await client.echo('a'), 'echoed');
    assert.equal(await client.echo('b'), 'echoed');
  },

  async 'no drain cuts at once; with a drain a session goes on'(scene) {
    const { client, listener, servers } = scene;
    const listeners = [listener()];
    await applied(scene, { listeners });
    const server = await client.openTcp('a', to(scene));
    const left = servers.filter(({ serverId }) => serverId !== server);
    const gone = servers.find(({ serverId }) => serverId === server)!;
    const deadline = Date.now() + 60_000;
    await applied(scene, { listeners, backends: left, draining: [{ ...gone, deadline }] });
    assert.equal(await client.echo('a'), 'echoed');
    assert.equal((await client.tcpMany(to(scene), 50))[server], undefined);
    await applied(scene, { listeners, backends: left });
    const isCut = async () => (await client.echo('a')) !== 'echoed';
    await until(isCut, { what: 'the end of the session' });
    assert.equal(await client.isOpen('a'), false);
  },

  async 'a server that fails TCP probes is left out; when all fail, all are in'(scene) {
    await leavesOut(scene, { kind: 'tcp' }, 'nobody');
  },

  async 'a server that fails HTTP probes is left out; when all fail, all are in'(scene) {
    await leavesOut(scene, { kind: 'http', method: 'get', uri: '/', httpCode: 'http_2xx' }, 503);
  },
};

/** Has an engine keep each promise, on a scene of its own. */
export function tcpCases(engine: string, open: (t: TestContext) => Promise<TcpScene>): void {
  for (const [name, run] of Object.entries(cases)) {
    test(`${engine}: ${name}`, async (t) => run(await open(t)));
  }
}

async function leavesOut(
  scene: TcpScene,
  how: Partial<HealthCheck>,
  sick: number | 'nobody',
): Promise<void> {
  const { client, listener, servers, setHealth, healthPort } = scene;
  const ids = servers.map(({ serverId }) => serverId);
  for (const id of ids) await setHealth(id, 200);
  const health = { ...listener().health, ...how, enabled: true, port: healthPort };
  await applied(scene, { listeners: [listener({ health })] });
  const seen = async () => Object.keys(await client.tcpMany(to(scene), 30)).sort();
  assert.deepEqual(await seen(), ids);
  await setHealth('s-1', sick);
  await until(async () => String(await seen()) === 's-2,s-3', { what: 's-1 to be left out' });
  await setHealth('s-2', sick);
  await setHealth('s-3', sick);
  await until(async () => (await seen()).length === 3, { what: 'all servers' });
  await setHealth('s-2', 200);
  await until(async () => String(await seen()) === 's-2', { what: 's-2 alone' });
}

function weighted(servers: readonly BackendServer[], weights: readonly number[]): BackendServer[] {
  return servers.map((server, index) => ({ ...server, weight: weights[index]! }));
}

function to({ address, listener }: TcpScene): To {
  return { address, port: listener().port };
}

async function applied(scene: TcpScene, parts: Partial<LoadBalancer>): Promise<void> {
  assert.deepEqual(await scene.apply(scene.balancer(parts)), []);
}
