import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startHttpServer, startTcpEcho } from './support/backends.ts';
import { openSession, startHttpLoad } from './support/load.ts';
import { buildScene, emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';
import { watchLoadBalancer, watchLoadBalancers } from './support/watching.ts';

describe('who watches a load balancer that carries traffic', () => {
  let sluice: Sluice;
  const cleanups: (() => Promise<void>)[] = [];

  before(async () => {
    sluice = await startSluice();
    cleanups.push(() => sluice.stop());
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  test('sees sessions and rates of each server, through a reload too', async () => {
    const servers = await Promise.all(
      ['live-1', 'live-2'].map((name) => startHttpServer(name, { delayMs: 20 })),
    );
    cleanups.push(...servers.map((server) => () => server.close()));
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    const { loadBalancerId, address, ports } = scene;
    const [port] = ports as [number];
    const listener = `http:${port}`;
    const load = startHttpLoad({ host: address, port, clients: 8, keepAlive: true });
    cleanups.push(() => load.stop());
    const watching = watchLoadBalancer(sluice.client, loadBalancerId);
    cleanups.push(() => watching.stop());

    const first = await until(() => watching.lines[0], { what: 'the first line' });
    assert.equal(first.Type, 'state');
    assert.deepEqual('Figures' in first && first.Figures, {
      Forwarders: [],
      Listeners: [],
      Servers: [],
    });
    const state = await watching.state('rates of both servers', ({ Figures }) => {
      const busy = Figures.Servers.filter(({ RequestsPerSecond = 0 }) => RequestsPerSecond > 0);
      return busy.length === 2 && Figures.Listeners[0]?.RequestsPerSecond;
    });
    assert.deepEqual(
      state.Figures.Servers.map(({ Listener, ServerId, Port }) => [
        Listener,
        ServerId,
        Port,
      ]).sort(),
      servers.map(({ name, port: own }) => [listener, name, own]).sort(),
    );
    assert.equal(state.Figures.Listeners[0]!.Listener, listener);
    assert.deepEqual(
      state.Health.map(({ ServerId, Healthy }) => [ServerId, Healthy]).sort(),
      servers.map(({ name }) => [name, true]),
    );
    assert.deepEqual([state.Rollout.Applied, state.Rollout.Live], [1, 1]);
    await watching.state('sessions', ({ Figures }) =>
      Figures.Servers.some(({ Sessions = 0 }) => Sessions > 0),
    );

    const seen = watching.lines.length;
    const listening = { LoadBalancerId: loadBalancerId, ListenerPort: port };
    await sluice.client.call('Ens', 'SetLoadBalancerHTTPListenerAttribute', {
      ...listening,
      HealthCheck: 'on',
      IdleTimeout: 30,
    });
    await until(
      () =>
        watching.lines
          .slice(seen)
          .filter((line) => 'Figures' in line && line.Figures!.Servers.length > 0).length > 3,
      { what: 'figures from the new worker' },
    );
    const rates = watching.lines.flatMap((line) =>
      'Figures' in line ? [...line.Figures!.Servers, ...line.Figures!.Listeners] : [],
    );
    assert.deepEqual(
      rates.filter((rate) =>
        [rate.RequestsPerSecond, rate.ConnectionsPerSecond, rate.BytesInPerSecond].some(
          (number) => number !== undefined && number < 0,
        ),
      ),
      [],
    );
  });

  test('sees a removed server out: its sessions go to none, and the drain is over', async () => {
    const servers = await Promise.all(['drain-1', 'drain-2'].map((name) => startTcpEcho(name)));
    cleanups.push(...servers.map((server) => () => server.close()));
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'TCP' }]);
    const { loadBalancerId: LoadBalancerId, address, ports } = scene;
    const session = await until(() => openSession(address, ports[0]!), { what: 'a session' });
    const watching = watchLoadBalancer(sluice.client, LoadBalancerId);
    cleanups.push(() => watching.stop());
    await watching.state('both servers', ({ LoadBalancer }) => LoadBalancer.BackendServers[1]);

    const { headers } = await sluice.client.call('Ens', 'RemoveBackendServers', {
      LoadBalancerId,
      BackendServers: [{ ServerId: session.server }],
    });
    const leaving = await watching.state('its session', ({ Drains }) =>
      Drains.some(({ Forwarders }) => Forwarders.some(({ Sessions }) => Sessions === 1)),
    );
    assert.equal(leaving.Revision, Number(headers['x-sluice-revision']));
    assert.deepEqual(
      leaving.Drains.map(({ ServerId, Over }) => [ServerId, Over]),
      [[session.server, false]],
    );
    assert.equal(leaving.LoadBalancer.BackendServers.length, 1);

    session.end();
    const gone = await watching.state('the end of the drain', ({ Drains }) => Drains[0]?.Over);
    assert.deepEqual(
      gone.Drains[0]!.Forwarders.map(({ Sessions, Counted }) => [Sessions, Counted]),
      [[0, true]],
    );
  });

  test('is told when it is deleted, and then no more', async () => {
    const LoadBalancerId = await emptyLoadBalancer(sluice.client);
    const watching = watchLoadBalancer(sluice.client, LoadBalancerId);
    await watching.state('the first line', () => true);
    const abort = new AbortController();
    const all = watchLoadBalancers(sluice.client, abort.signal);
    await until(() => all[0]?.Type === 'all', { what: 'the first line of the account' });

    await sluice.client.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId });
    await watching.ended;
    assert.equal(watching.lines.at(-1)?.Type, 'deleted');
    await until(
      () => all.some((line) => 'Deleted' in line && line.Deleted?.includes(LoadBalancerId)),
      { what: 'the deletion among the changes of the account' },
    );
    abort.abort();
  });
});
