import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startHttpServer } from '../support/backends.ts';
import { type Edge, makeEdge } from '../support/edge.ts';
import { get } from '../support/load.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';

const port = 80;

interface Stand {
  readonly edge: Edge;
  sluice: Sluice;
  /** Another life on the same data, HAProxy left running by the one before. */
  again(flags?: readonly string[]): Promise<void>;
}

/** `sluice up` in a namespace, with a backend and two sites there, `edge4` and `edge6`. */
async function stand(t: TestContext, flags: readonly string[] = []): Promise<Stand> {
  const edge = makeEdge();
  const backend = await startHttpServer('s-a', { host: edge.here });
  const dataFolder = mkdtempSync(join(tmpdir(), 'addresses-'));
  let sluice: Sluice | undefined;
  t.after(async () => {
    await sluice?.stop();
    await backend.close();
    edge.end();
    rmSync(dataFolder, { recursive: true, force: true });
  });
  const start = async (more: readonly string[] = flags) => {
    sluice = await startSluice({
      dataFolder,
      host: edge.there,
      networkNamespace: edge.namespace,
      flags: ['--no-sample', ...more],
    });
    return sluice;
  };
  const made: Stand = {
    edge,
    sluice: await start(),
    again: async (more) => {
      await made.sluice.kill('SIGKILL');
      made.sluice = await start(more);
    },
  };
  for (const [site, AddressPool] of [
    ['edge4', edge.pool],
    ['edge6', edge.pool6],
  ]) {
    await made.sluice.client.call('Sluice', 'RegisterSite', { EnsRegionId: site, AddressPool });
    await made.sluice.client.call('Sluice', 'RegisterInstance', {
      EnsRegionId: site,
      InstanceId: `i-${site}`,
      PrivateIpAddress: edge.here,
    });
  }
  backends.set(made, backend.port);
  return made;
}

const backends = new WeakMap<Stand, number>();

/** A load balancer over the backend, with an HTTP listener. */
async function balance(at: Stand, site: string) {
  const { client } = at.sluice;
  const LoadBalancerId = await emptyLoadBalancer(client, site);
  await client.call('Ens', 'AddBackendServers', {
    LoadBalancerId,
    BackendServers: [{ ServerId: `i-${site}`, Port: backends.get(at) }],
  });
  const listener = { LoadBalancerId, ListenerPort: port };
  await client.call('Ens', 'CreateLoadBalancerHTTPListener', { ...listener, HealthCheck: 'on' });
  await client.call('Ens', 'StartLoadBalancerListener', listener);
  const { body } = await client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  return { LoadBalancerId, Address: (body as { Address: string }).Address };
}

/** Waits until a machine has these addresses of load balancers, and no other. */
const has = (edge: Edge, ...addresses: string[]) =>
  until(() => edge.addresses().join() === addresses.join(), { what: addresses.join(' and ') });

const answers = (host: string) => () => get({ host, port, agent: false });

test('clients reach a load balancer at its address, which goes with it', async (t) => {
  const at = await stand(t);
  const { edge } = at;
  const lb = await balance(at, 'edge4');
  await has(edge, lb.Address);
  assert.equal(await until(answers(lb.Address), { what: 'an answer' }), 's-a');
  // Traffic and addresses outlive the process, and the next one knows them for its own.
  await at.sluice.kill('SIGKILL');
  assert.equal(await answers(lb.Address)(), 's-a');
  await at.again();
  const { LoadBalancerId } = lb;
  await until(
    async () => {
      await at.sluice.client.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId });
      return true;
    },
    { what: 'the deletion' },
  );
  await until(() => edge.addresses().length === 0, { what: 'the address to be gone' });
});

test('an IPv6 load balancer has its address on the interface that clients come by', async (t) => {
  const at = await stand(t, ['--address-interface', 'edge0']);
  const lb = await balance(at, 'edge6');
  assert.match(lb.Address, /^fd66:/);
  assert.equal(await until(answers(lb.Address), { what: 'an answer' }), 's-a');
  const shown = await at.sluice.client.call('Ens', 'DescribeLoadBalancers', {});
  const { LoadBalancers } = shown.body as {
    LoadBalancers: { LoadBalancer: { AddressIPVersion: string }[] };
  };
  assert.equal(LoadBalancers.LoadBalancer[0]?.AddressIPVersion, 'ipv6');
  const { LoadBalancerId } = lb;
  await at.sluice.client.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId });
  await until(() => at.edge.addresses().length === 0, { what: 'the address to be gone' });
});

test('what was not added here stays, whatever load balancer used it', async (t) => {
  const at = await stand(t);
  const { edge } = at;
  const first = edge.pool.replace('.128/25', '.129');
  edge.run('ip', 'addr', 'add', `${first}/32`, 'dev', 'lo');
  // A route can make addresses local too.
  const second = edge.pool.replace('.128/25', '.130');
  edge.run('ip', 'route', 'add', 'local', `${second}/32`, 'dev', 'lo');
  const lbs = [await balance(at, 'edge4'), await balance(at, 'edge4')];
  assert.deepEqual(
    lbs.map(({ Address }) => Address),
    [first, second],
  );
  for (const { Address } of lbs) {
    assert.equal(await until(answers(Address), { what: `an answer of ${Address}` }), 's-a');
  }
  for (const { LoadBalancerId } of lbs) {
    await at.sluice.client.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId });
  }
  await until(
    async () => {
      await assert.rejects(answers(first)(), /ECONNREFUSED/);
      return true;
    },
    { what: 'the end of the listener' },
  );
  await has(edge, first);
  assert.match(edge.run('ip', 'route', 'show', 'table', 'local'), new RegExp(`local ${second} `));
});

test('what an earlier life added for a load balancer that is gone is taken away', async (t) => {
  const at = await stand(t);
  const { edge, sluice } = at;
  const lb = await balance(at, 'edge4');
  await sluice.kill('SIGKILL');
  const [stray, foreign] = ['.200', '.201'].map((end) => edge.pool.replace('.128/25', end));
  for (const address of [stray, foreign]) {
    edge.run('ip', 'addr', 'add', `${address}/32`, 'dev', 'lo');
  }
  const file = join(sluice.dataFolder, 'forwarder/addresses/addresses.json');
  const written = JSON.parse(readFileSync(file, 'utf8'));
  written.added['lb-gone'] = { address: stray, interfaceName: 'lo' };
  writeFileSync(file, JSON.stringify(written));
  await at.again();
  await until(() => !edge.addresses().includes(stray!), { what: 'the stray to be gone' });
  await has(edge, lb.Address, foreign!);
});

test('an address that cannot be had is what is wrong with the listener', async (t) => {
  const at = await stand(t, ['--address-interface', 'nosuch0']);
  const { client } = at.sluice;
  const { LoadBalancerId, Address } = await balance(at, 'edge4');
  const rollouts = await client.call('Sluice', 'DescribeRollouts', { LoadBalancerId });
  assert.match(JSON.stringify(rollouts.body), new RegExp(`cannot have ${Address} here: .*nosuch0`));
  const listener = { LoadBalancerId, ListenerPort: port };
  const shown = await client.call('Ens', 'DescribeLoadBalancerHTTPListenerAttribute', listener);
  assert.equal((shown.body as { Status: string }).Status, 'starting');
});

test('after a boot of the machine its addresses are there before HAProxy listens', async (t) => {
  const at = await stand(t);
  const { edge, sluice } = at;
  const lbs = [];
  for (let i = 0; i < 25; i++) lbs.push(await balance(at, 'edge4'));
  await sluice.kill('SIGKILL');
  edge.kill();
  for (const address of edge.addresses()) edge.run('ip', 'addr', 'del', address, 'dev', 'lo');
  const file = join(sluice.dataFolder, 'forwarder/addresses/addresses.json');
  const written = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...written, boot: 'another' }));
  await at.again();
  for (const { Address } of lbs) assert.equal(await answers(Address)(), 's-a');
});

test('addresses move to another interface when the next life is told so', async (t) => {
  const at = await stand(t);
  const lb = await balance(at, 'edge6');
  const isOn = (device: string) =>
    at.edge.run('ip', 'addr', 'show', 'dev', device).includes(lb.Address);
  await until(() => isOn('lo'), { what: 'the address on lo' });
  // Ready says that it is live; its sites follow.
  await at.again(['--address-interface', 'edge0']);
  await until(() => isOn('edge0') && !isOn('lo'), { what: 'the address on edge0 alone' });
  assert.equal(await until(answers(lb.Address), { what: 'an answer' }), 's-a');
});
