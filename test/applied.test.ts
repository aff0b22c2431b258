import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { startHttpServer } from './support/backends.ts';
import { buildScene } from './support/scene.ts';
import { startSluice } from './support/sluice.ts';

test('a listener that cannot come up takes nothing from a removal that holds', async (t) => {
  const sluice = await startSluice();
  const servers = [await startHttpServer('ap-1'), await startHttpServer('ap-2')];
  const other = net.createServer().listen(0, '127.0.0.1');
  t.after(async () => {
    other.close();
    await sluice.stop();
    await Promise.all(servers.map((server) => server.close()));
  });
  await once(other, 'listening');
  const backends = servers.map(({ port }, i) => ({ name: `ap-${i + 1}`, ip: '127.0.0.1', port }));
  const { loadBalancerId } = await buildScene(sluice.client, backends, [{ protocol: 'HTTP' }]);
  const call = async (action: string, parameters: object) => {
    const given = { LoadBalancerId: loadBalancerId, ...parameters };
    const { headers } = await sluice.client.call('Ens', action, given);
    return headers['x-sluice-applied'];
  };

  // Its own start says that it does not hold.
  const taken = { ListenerPort: (other.address() as net.AddressInfo).port };
  await call('CreateLoadBalancerTCPListener', taken);
  assert.equal(await call('StartLoadBalancerListener', taken), '0/1');

  // What the change touches was read back from the listener that serves.
  const BackendServers = [{ ServerId: 'ap-2', Port: servers[1]!.port }];
  assert.equal(await call('RemoveBackendServers', { BackendServers }), '1/1');
  assert.equal(await call('AddBackendServers', { BackendServers }), '1/1');

  // A change of the failing listener itself is about it again.
  const changed = { ...taken, Scheduler: 'wlc' };
  assert.equal(await call('SetLoadBalancerTCPListenerAttribute', changed), '0/1');
  const { body } = await sluice.client.call('Sluice', 'DescribeRollouts', {
    LoadBalancerId: loadBalancerId,
  });
  assert.match(JSON.stringify(body), new RegExp(`tcp:${taken.ListenerPort}: cannot listen at`));
});
