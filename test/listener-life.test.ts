import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { RpcError } from '../src/client.ts';
import { startHttpServer, startTcpEcho, type TestBackend } from './support/backends.ts';
import { get, openSession } from './support/load.ts';
import { freePort } from './support/ports.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

describe('the life of a listener', () => {
  let sluice: Sluice;
  let web: TestBackend;
  let echo: TestBackend;
  let LoadBalancerId: string;
  let Address: string;

  before(async () => {
    sluice = await startSluice();
    web = await startHttpServer('life-web');
    echo = await startTcpEcho('life-echo');
    LoadBalancerId = await emptyLoadBalancer(sluice.client);
    for (const { name, ip, port } of [web, echo]) {
      const machine = { EnsRegionId: 'local', InstanceId: name, PrivateIpAddress: ip };
      await sluice.client.call('Sluice', 'RegisterInstance', machine);
      const server = { ServerId: name, Port: port };
      // Each listener asks all servers of a load balancer: one at a time is attached.
      if (name === web.name) await call('AddBackendServers', { BackendServers: [server] });
    }
    ({ Address } = (await call('DescribeLoadBalancerAttribute')) as { Address: string });
  });
  after(async () => {
    await sluice?.stop();
    await web?.close();
    await echo?.close();
  });

  async function call(action: string, more: Record<string, unknown> = {}) {
    const answer = await sluice.client.call('Ens', action, { LoadBalancerId, ...more });
    return answer.body as Record<string, unknown>;
  }
  const create = (kind: 'TCP' | 'HTTP', ListenerPort: number, more = {}) =>
    call(`CreateLoadBalancer${kind}Listener`, { ListenerPort, HealthCheck: 'off', ...more });
  const run = (verb: 'Start' | 'Stop' | 'Delete', ListenerPort: number) =>
    call(`${verb}LoadBalancerListener`, { ListenerPort });
  const statusOf = async (kind: 'TCP' | 'HTTP', ListenerPort: number) =>
    (await call(`DescribeLoadBalancer${kind}ListenerAttribute`, { ListenerPort })).Status;
  const listed = async (ListenerPort: number) => {
    const { Listeners } = await call('DescribeLoadBalancerListeners', { ListenerPort });
    return (Listeners as { Listener: { Status: string }[] }).Listener.map(({ Status }) => Status);
  };
  const reasons = async () => {
    const answer = await sluice.client.call('Sluice', 'DescribeRollouts', { LoadBalancerId });
    return JSON.stringify(answer.body);
  };
  const request = (port: number) => get({ host: Address, port, agent: false });
  const code = (expected: string) => (error: unknown) => (error as RpcError).code === expected;

  test('stopped, running, stopped, gone: each as its clients read it, and on traffic', async () => {
    const port = await freePort(Address);
    await create('HTTP', port);
    assert.deepEqual([await statusOf('HTTP', port), await listed(port)], ['stopped', ['stopped']]);
    await assert.rejects(request(port), /ECONNREFUSED/);
    await assert.rejects(create('HTTP', port), code('ListenerAlreadyExists'));
    await assert.rejects(create('TCP', port), code('ListenerAlreadyExists'));
    await run('Start', port);
    assert.deepEqual([await statusOf('HTTP', port), await listed(port)], ['running', ['running']]);
    assert.equal(await request(port), web.name);
    await run('Start', port);
    await run('Stop', port);
    assert.deepEqual([await statusOf('HTTP', port), await listed(port)], ['stopped', ['stopped']]);
    await assert.rejects(request(port), /ECONNREFUSED/);
    await run('Start', port);
    await run('Delete', port);
    await assert.rejects(request(port), /ECONNREFUSED/);
    await assert.rejects(statusOf('HTTP', port), code('ListenerNotFound'));
    for (const verb of ['Start', 'Stop', 'Delete'] as const) {
      await assert.rejects(run(verb, port), code('ListenerNotFound'), verb);
    }
    // The port is free at once, for another kind too.
    await create('TCP', port);
    assert.deepEqual([await statusOf('TCP', port), await listed(port)], ['Stopped', ['stopped']]);
    await run('Delete', port);
  });

  test('a running listener is changed in place: its status and its sessions stay', async () => {
    const port = await freePort(Address);
    await call('RemoveBackendServers', { BackendServers: [{ ServerId: web.name }] });
    const server = { ServerId: echo.name, Port: echo.port };
    await call('AddBackendServers', { BackendServers: [server] });
    await create('TCP', port);
    await run('Start', port);
    const session = await openSession(Address, port);
    const changes = { ListenerPort: port, Scheduler: 'wlc', EstablishedTimeout: 100 };
    await call('SetLoadBalancerTCPListenerAttribute', changes);
    assert.equal(await statusOf('TCP', port), 'Running');
    await session.echo('still here');
    session.end();
    (await openSession(Address, port)).end();
    await run('Delete', port);
    await call('RemoveBackendServers', { BackendServers: [{ ServerId: echo.name }] });
    const back = { ServerId: web.name, Port: web.port };
    await call('AddBackendServers', { BackendServers: [back] });
  });

  for (const kind of ['HTTP', 'TCP'] as const) {
    test(`${kind}: a port that somebody else has is shown, and taken once free`, async () => {
      const other = net.createServer().listen(0, Address);
      await once(other, 'listening');
      const { port } = other.address() as net.AddressInfo;
      await create(kind, port);
      const started = await sluice.client.call('Ens', 'StartLoadBalancerListener', {
        LoadBalancerId,
        ListenerPort: port,
      });
      assert.equal(started.headers['x-sluice-applied'], '0/1');
      const shown = { HTTP: 'starting', TCP: 'Starting' }[kind];
      assert.deepEqual([await statusOf(kind, port), await listed(port)], [shown, ['starting']]);
      assert.match(
        await reasons(),
        new RegExp(`${Address}:${port}: node \\(process ${process.pid}\\) does`),
      );
      other.close();
      const running = { HTTP: 'running', TCP: 'Running' }[kind];
      await until(async () => (await statusOf(kind, port)) === running, {
        what: 'the listener to run by itself',
        timeoutMs: 40_000,
      });
      assert.doesNotMatch(await reasons(), /another program/);
      if (kind === 'HTTP') assert.equal(await request(port), web.name);
      await run('Delete', port);
    });
  }
});
