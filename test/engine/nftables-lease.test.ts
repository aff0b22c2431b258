import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type KernelScene, kernelScene, plainTcp, udp } from '../support/kernel.ts';
import { proxied } from '../support/kernel-host.ts';
import { until } from '../support/wait.ts';

const site = 'site-1';
/** Longer than any test. */
const long = 600_000;
const [web, dns, free] = [80, 53, 81];

/** Listeners of a guarded site, of both address families, and one of another site. */
async function scene(t: TestContext) {
  const network = await kernelScene(t);
  const { forwarder, client, address, address6, servers6 } = network;
  const listeners = [plainTcp(web), udp(dns), plainTcp(proxied)];
  const balancers = [
    network.balancer({ listeners }),
    network.balancer({
      id: 'lb-6',
      ipVersion: 'ipv6',
      address: address6,
      backends: servers6,
      listeners: [plainTcp(web), udp(dns)],
    }),
    network.balancer({
      id: 'lb-2',
      site: 'site_2',
      listeners: [plainTcp(free, { backendPort: 80 })],
    }),
  ];
  // What HAProxy would do: the kernel leaves it to the machine itself.
  await forwarder.ask('serve', { name: 'proxy', protocol: 'tcp', address, port: proxied });
  for (const each of balancers) assert.deepEqual(await forwarder.ask('apply', each), []);
  /** Who lets somebody in: `tcp4 tcp6 udp4 udp6 proxied own`. */
  const letIn = async (): Promise<string> => {
    const found: string[] = [];
    const tcp = async (name: string, machine: KernelScene['client'], to: string, port: number) => {
      if (typeof (await machine.ask('tcp', { address: to, port })) !== 'string') found.push(name);
    };
    await tcp('tcp4', client, address, web);
    await tcp('tcp6', client, address6, web);
    for (const [name, to] of [
      ['udp4', address],
      ['udp6', address6],
    ] as const) {
      const answer = await client.ask('udp', { address: to, port: dns, waitMs: 300 });
      if (answer !== undefined) found.push(name);
    }
    await tcp('proxied', client, address, proxied);
    await tcp('own', forwarder, address, web);
    return found.join(' ');
  };
  const isFree = async () => typeof (await client.ask('tcp', { address, port: free })) !== 'string';
  return { ...network, balancers, letIn, isFree };
}
const all = 'tcp4 tcp6 udp4 udp6 proxied own';

test('kernel: a lease that is over lets nothing in, whatever carries it', async (t) => {
  const { forwarder, client, address, letIn, isFree, balancers } = await scene(t);
  await forwarder.ask('guard', { [site]: long });
  assert.equal(await letIn(), all);
  await client.ask('openTcp', 'kept', { address, port: web });
  await forwarder.ask('guard', { [site]: -1 });
  assert.equal(await letIn(), '');
  assert.equal(await isFree(), true, 'a site without a lease');
  assert.notEqual(await client.ask('echo', 'kept'), 'echoed', 'a session of before is reset');

  // A listener that comes, goes and comes back under a lease that is over.
  const [first] = balancers;
  await forwarder.ask('apply', { ...first!, listeners: [] });
  await forwarder.ask('apply', first!);
  assert.equal(await letIn(), '');
  await forwarder.ask('renew', site, -1);
  assert.equal(await letIn(), '');
  await forwarder.ask('renew', site, long);
  assert.equal(await letIn(), all);
  await forwarder.ask('guard', { [site]: -1 });
  await forwarder.ask('guard', {});
  assert.equal(await letIn(), all);
  assert.doesNotMatch(forwarder.run('nft', 'list', 'tables'), /leases/);
});

test('kernel: an agent that is stopped or killed lets nothing in after its lease', async (t) => {
  const { forwarder, client, address, letIn, balancers } = await scene(t);
  await forwarder.ask('guard', { [site]: 2_000 });
  await forwarder.ask('keepRenewing', site, 2_000);
  const isIn = async () => typeof (await client.ask('tcp', { address, port: web })) !== 'string';
  const renewed = forwarder.run('nft', '-n', 'list', 'table', 'inet', 'sluice-leases');
  const isRenewed = () =>
    forwarder.run('nft', '-n', 'list', 'table', 'inet', 'sluice-leases') !== renewed;
  await until(isRenewed, { what: 'a renewal' });
  assert.equal(await isIn(), true);
  forwarder.signal('SIGSTOP');
  await until(async () => !(await isIn()), { what: 'the fence' });
  for (let i = 0; i < 20; i++) assert.equal(await isIn(), false);
  forwarder.signal('SIGCONT');
  await until(isIn, { what: 'traffic again' });
  await forwarder.kill();
  await until(async () => !(await isIn()), { what: 'the fence' });

  // The next life holds what it finds until it is told.
  await forwarder.ask('open');
  await forwarder.ask('serve', { name: 'proxy', protocol: 'tcp', address, port: proxied });
  assert.equal(await letIn(), '');
  for (const each of balancers) {
    await forwarder.ask('apply', each);
    assert.equal(await letIn(), '', `after ${each.id}`);
  }
  await forwarder.ask('guard', { [site]: -1 });
  await forwarder.ask('prune', ['lb-1', 'lb-2', 'lb-6']);
  assert.equal(await letIn(), '');
  await forwarder.ask('guard', { [site]: long });
  assert.equal(await letIn(), all);
});

test('kernel: a renewal that is carried out late extends no lease', async (t) => {
  const { forwarder, letIn } = await scene(t);
  await forwarder.ask('guard', { [site]: 1 });
  await forwarder.ask('renew', site, 2_000);
  const file = await forwarder.ask('leaseFile');
  await until(async () => (await letIn()) === '', { what: 'the fence' });
  // As when the agent is paused between working a time out and giving it to the kernel.
  const isHeld = async () => {
    forwarder.run('nft', '-f', file);
    return (await letIn()) === '';
  };
  await until(isHeld, { what: 'a transaction that comes to nothing' });
  assert.equal(await isHeld(), true);
});

test('kernel: guarding, renewing and freeing a site that is used fails nothing', async (t) => {
  const { forwarder, client, address } = await scene(t);
  await client.ask('startLoad', 'tcp', { address, port: web }, 4);
  for (let round = 0; round < 5; round++) {
    await forwarder.ask('guard', { [site]: long });
    for (let i = 1; i <= 10; i++) await forwarder.ask('renew', site, long + i * 1_000);
    await forwarder.ask('guard', {});
  }
  const observed = await client.ask('stopLoad');
  assert.ok(observed.length > 100);
  assert.deepEqual(
    observed.filter(({ server }) => server === undefined),
    [],
  );
});

test('kernel: a lease table that somebody else changes is put back', async (t) => {
  const { forwarder, letIn } = await scene(t);
  await forwarder.ask('guard', { [site]: 1_000 });
  const table = ['inet', 'sluice-leases'] as const;
  const renew = async (times: number) => {
    for (let i = 1; i <= times; i++) await forwarder.ask('renew', site, 60_000 + i * 1_000);
  };
  forwarder.run('nft', 'delete', 'table', ...table);
  await renew(1);
  const whole = () => forwarder.run('nft', '-s', 'list', 'table', ...table);
  assert.match(whole(), /endpoints4/);
  forwarder.run('nft', 'flush', 'table', ...table);
  await renew(20);
  await forwarder.ask('guard', { [site]: -1 });
  assert.equal(await letIn(), '');
  forwarder.run('nft', 'flush', 'map', ...table, 'endpoints4');
  assert.notEqual(await letIn(), '');
  await forwarder.ask('guard', { [site]: -1 });
  assert.equal(await letIn(), '');
});
