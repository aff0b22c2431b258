import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RpcClient, RpcError } from '../../src/client.ts';
import { type Edge, makeEdge } from '../support/edge.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';

/** What a second account tries with the addresses of the forwarder that all accounts share. */

type Parameters = Readonly<Record<string, unknown>>;

const metricsPort = 9464;

/** A Sluice on a machine of its own, with /metrics, and a second account of it. */
async function stand(t: TestContext, flags: readonly string[] = []) {
  const edge = makeEdge();
  let sluice: Sluice | undefined;
  t.after(async () => {
    await sluice?.stop();
    edge.end();
  });
  sluice = await startSluice({
    host: edge.there,
    networkNamespace: edge.namespace,
    flags: ['--no-sample', '--metrics', `127.0.0.1:${metricsPort}`, ...flags],
  });
  const { client, endpoint } = sluice;
  const { body } = await client.call('Sluice', 'CreateAccount', { AccountName: 'tenant' });
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const key = { accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! };
  const tenant = new RpcClient({ endpoint, ...key });
  t.after(() => tenant.close());
  return { edge, root: client, tenant, apiPort: Number(new URL(endpoint).port) };
}

/** A refusal in words, or `taken`. */
async function outcome(
  client: RpcClient,
  product: 'Ens' | 'Sluice',
  action: string,
  p: Parameters,
) {
  try {
    await client.call(product, action, { ...p });
    return 'taken';
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return `${error.code} ${error.message} ${error.headers['x-sluice-detail'] ?? ''}`;
  }
}

let sites = 0;
function register(client: RpcClient, AddressPool: string) {
  sites += 1;
  return outcome(client, 'Sluice', 'RegisterSite', { EnsRegionId: `site-${sites}`, AddressPool });
}

/** The addresses of all interfaces of the machine, IPv4. */
const addressesOf = (edge: Edge) => edge.run('ip', '-4', '-o', 'addr', 'show');

test('no account gets a pool that is the cloud’s, the machine’s or multicast', async (t) => {
  const { edge, root, tenant } = await stand(t);
  const refused = /^Invalid(Parameter\.)?AddressPool /;
  const pools = ['169.254.169.254/32', '169.254.0.0/16', '168.0.0.0/5', '224.0.0.0/24'];
  for (const pool of [...pools, 'fe80::/64', 'ff02::/64', '::ffff:127.0.0.0/104', '0.0.0.0/24']) {
    for (const client of [root, tenant]) assert.match(await register(client, pool), refused, pool);
  }
  for (const client of [root, tenant]) {
    assert.match(await register(client, `${edge.there}/32`), refused, 'the machine’s own');
  }
  for (const pool of ['127.0.0.1/32', '127.9.0.0/24', '::1/128', '126.0.0.0/7']) {
    assert.match(
      await register(tenant, pool),
      /AddressPool .*Loopback is the first account's/,
      pool,
    );
  }
  assert.equal(await register(root, '127.77.0.0/24'), 'taken');
  assert.equal(await register(tenant, '10.99.1.0/24'), 'taken');
  assert.doesNotMatch(addressesOf(edge), /169\.254|224\./);
});

test('a pool that overlaps another account’s is refused, also of two at once', async (t) => {
  const { root, tenant } = await stand(t);
  assert.equal(await register(root, '10.98.0.0/16'), 'taken');
  const overlapping = ['10.98.0.0/16', '10.98.7.0/24', '10.98.7.7/32', '10.0.0.0/8'];
  for (const pool of overlapping) {
    assert.match(
      await register(tenant, pool),
      /AddressPool .*It overlaps the pool of another/,
      pool,
    );
  }
  assert.equal(await register(root, '10.98.3.0/24'), 'taken', 'one’s own may');
  const both = [root, tenant].map((client) => register(client, '10.97.0.0/24'));
  const won = (await Promise.all(both)).filter((each) => each === 'taken');
  assert.equal(won.length, 1);
});

test('the machine’s own address is never a load balancer’s, though a pool has it', async (t) => {
  const { edge, root } = await stand(t);
  const AddressPool = `${edge.there}/31`;
  await root.call('Sluice', 'RegisterSite', { EnsRegionId: 'link', AddressPool });
  const LoadBalancerId = await emptyLoadBalancer(root, 'link');
  const { body } = await root.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  assert.equal((body as { Address: string }).Address, edge.there.replace(/\.2$/, '.3'));
  await assert.rejects(emptyLoadBalancer(root, 'link'), (error: RpcError) => {
    assert.match(error.headers['x-sluice-detail'] ?? '', /no free address/);
    return true;
  });
});

test('a server on loopback, and Sluice itself behind a load balancer, are refused', async (t) => {
  const { edge, root, tenant, apiPort } = await stand(t);
  assert.equal(
    await outcome(tenant, 'Sluice', 'RegisterSite', {
      EnsRegionId: 'tenants',
      AddressPool: '10.99.1.0/24',
    }),
    'taken',
  );
  const machine = (client: RpcClient, EnsRegionId: string, PrivateIpAddress: string) =>
    outcome(client, 'Sluice', 'RegisterInstance', {
      EnsRegionId,
      InstanceId: `i-${PrivateIpAddress.replaceAll(/[^0-9a-f]/g, '-')}`,
      PrivateIpAddress,
    });
  const refused = /^InvalidParameter\.PrivateIpAddress /;
  for (const ip of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) {
    assert.match(await machine(tenant, 'tenants', ip), /PrivateIpAddress/, ip);
  }
  for (const ip of ['169.254.169.254', 'fe80::1', edge.there]) {
    for (const [client, site] of [
      [root, 'local'],
      [tenant, 'tenants'],
    ] as const) {
      assert.match(await machine(client, site, ip), refused, ip);
    }
  }
  const eni = [{ NetworkInterfaceId: 'eni-1', PrivateIpAddress: '127.0.0.1' }];
  const withInterface = { EnsRegionId: 'tenants', PrivateIpAddress: '10.1.1.1' };
  const given = { ...withInterface, NetworkInterfaces: eni };
  assert.match(await outcome(tenant, 'Sluice', 'RegisterInstance', given), refused);

  // The first account has loopback, but not what listens there.
  assert.equal(await machine(root, 'local', '127.0.0.1'), 'taken');
  const LoadBalancerId = await emptyLoadBalancer(root);
  const add = (Port: number) =>
    outcome(root, 'Ens', 'AddBackendServers', {
      LoadBalancerId,
      BackendServers: [{ ServerId: 'i-127-0-0-1', ...(Port > 0 ? { Port } : {}) }],
    });
  const listen = (ListenerPort: number, BackendServerPort?: number) =>
    outcome(root, 'Ens', 'CreateLoadBalancerTCPListener', {
      LoadBalancerId,
      ListenerPort,
      ...(BackendServerPort === undefined ? {} : { BackendServerPort }),
    });
  const metrics = /^InvalidParameter\.BackendServers .* would reach \/metrics at port 9464/;
  assert.match(await add(metricsPort), metrics);
  assert.equal(await listen(7001), 'taken');
  assert.equal(await add(0), 'taken');
  assert.match(await listen(7002, metricsPort), metrics);
  assert.match(await listen(metricsPort, 7000), /^InvalidParameter\.ListenerPort .* is \/metrics/);
  assert.equal(await listen(apiPort, 7000), 'taken', 'the API is at another address');
});

test('what the operator lists is what accounts get', async (t) => {
  const flags = [
    '--pool-networks',
    '10.99.0.0/16,127.7.0.0/16',
    '--backend-networks',
    '10.1.0.0/16',
  ];
  const { root, tenant } = await stand(t, flags);
  assert.equal(await register(root, '127.8.0.0/24'), 'taken');
  for (const client of [root, tenant]) {
    assert.match(await register(client, '10.98.0.0/24'), /other networks \(--pool-networks\)/);
  }
  const site = { EnsRegionId: 'listed', AddressPool: '127.7.1.0/24' };
  assert.equal(await outcome(tenant, 'Sluice', 'RegisterSite', site), 'taken');
  const machine = (PrivateIpAddress: string) =>
    outcome(tenant, 'Sluice', 'RegisterInstance', { EnsRegionId: 'listed', PrivateIpAddress });
  assert.match(await machine('10.2.0.1'), /other networks \(--backend-networks\)/);
  assert.equal(await machine('10.1.0.1'), 'taken');
});

test('an address that the machine takes later is withheld while it has it', async (t) => {
  const { edge, root } = await stand(t);
  // A block of the operator's own that holds an address which the machine takes later.
  const AddressPool = '10.96.0.1/32';
  await root.call('Sluice', 'RegisterSite', { EnsRegionId: 'late', AddressPool });
  edge.run('ip', 'addr', 'add', '10.96.0.1/24', 'dev', edge.interfaceName);
  const LoadBalancerId = await emptyLoadBalancer(root, 'late').catch(() => undefined);
  assert.equal(LoadBalancerId, undefined, 'the control plane of the same machine sees it');
  edge.run('ip', 'addr', 'del', '10.96.0.1/24', 'dev', edge.interfaceName);
  const made = await emptyLoadBalancer(root, 'late');
  await until(() => addressesOf(edge).includes('10.96.0.1/32'), { what: 'the address' });
  assert.match(addressesOf(edge), /10\.96\.0\.1\/32 scope global lo:sl/);
  await root.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId: made });
});
