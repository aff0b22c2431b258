import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Edge, makeEdge } from './support/edge.ts';
import { type Sluice, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

const mainFile = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A machine of the test's own, and data folders on it. */
function machine(t: TestContext) {
  const edge = makeEdge();
  const folder = mkdtempSync(join(tmpdir(), 'first-run-'));
  t.after(() => {
    edge.end();
    rmSync(folder, { recursive: true, force: true });
  });
  let port = 8080;
  return {
    edge,
    data: (name: string) => join(folder, name),
    /** `sluice up` as a user starts it, with the sample unless flags say other. */
    start: (name: string, flags: readonly string[] = []): Promise<Sluice> =>
      startSluice({
        dataFolder: join(folder, name),
        host: edge.there,
        port: port++,
        networkNamespace: edge.namespace,
        leavesTraffic: true,
        flags,
      }),
    sluice: (...words: readonly string[]) => edge.run(process.execPath, mainFile, ...words),
  };
}

/** Asks an address of the machine from there. @returns the body; '' without an answer */
function ask(edge: Edge, url: string): string {
  const script = `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(5000) })
    .then((answer) => answer.text(), () => '').then((text) => process.stdout.write(text))`;
  return edge.run(process.execPath, '-e', script).trim();
}

/** A program of the machine that is none of Sluice's, which answers `foreign`. */
async function foreign(t: TestContext, edge: Edge, port: number): Promise<ChildProcess> {
  const server = `require('http').createServer((_, r) => r.end('foreign'))`;
  const script = `${server}.listen(${port}, '127.0.0.1')`;
  const args = ['netns', 'exec', edge.namespace, process.execPath, '-e', script];
  const child = spawn('ip', args, { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await until(() => ask(edge, url) === 'foreign', { what: 'the foreign program' });
  return child;
}

const sampleOf = (sluice: Sluice) => /curl (http:\S+)/.exec(sluice.output())?.[1] ?? '';
const balancerOf = (sluice: Sluice) => /--LoadBalancerId (lb-\S+)/.exec(sluice.output())?.[1];
/** The sample's lines come after `ready`. */
const printed = (sluice: Sluice) =>
  until(() => sampleOf(sluice) !== '', { what: 'the printed calls' });

test('after rm -rf data nothing of the old Sluice answers, and a removal holds', async (t) => {
  const { edge, data, start } = machine(t);
  const first = await start('data');
  await printed(first);
  assert.match(ask(edge, 'http://127.0.0.1:8000'), /^i-sample-/);
  await first.kill('SIGTERM');
  await first.client.close();
  rmSync(data('data'), { recursive: true });

  const second = await start('data');
  await printed(second);
  assert.equal(sampleOf(second), 'http://127.0.0.1:8000');
  assert.match(second.output(), /ended the haproxy of a removed data folder/);
  const removed = await second.client.call('Ens', 'RemoveBackendServers', {
    LoadBalancerId: balancerOf(second),
    BackendServers: [{ ServerId: 'i-sample-2' }],
  });
  assert.equal(removed.headers['x-sluice-applied'], '1/1');
  const answers = Array.from({ length: 6 }, () => ask(edge, 'http://127.0.0.1:8000'));
  assert.deepEqual([...new Set(answers)].sort(), ['i-sample-1', 'i-sample-3']);
  await second.kill('SIGTERM');
  await second.client.close();
});

test('a stop says that traffic goes on; sluice stop ends it, unless it is in use', async (t) => {
  const { edge, data, start, sluice } = machine(t);
  const running = await start('data');
  await printed(running);
  assert.throws(() => sluice('stop', '--data', data('data')), /a Sluice runs with /);
  await running.kill('SIGTERM');
  await running.client.close();
  const last = running.output().trim().split('\n').at(-1) ?? '';
  assert.match(last, /^stopped; traffic goes on\..* sluice -- stop --data \S+$/);
  // The sample's servers ended with the process: HAProxy itself answers.
  assert.match(ask(edge, 'http://127.0.0.1:8000'), /503/);

  assert.match(sluice('stop', '--data', data('data')), /^ended: HAProxy \(process \d+\)/);
  assert.equal(ask(edge, 'http://127.0.0.1:8000'), '');
  assert.match(sluice('stop', '--data', data('data')), /^nothing runs /);
});

test('a port of a foreign program is said, and the sample takes another', async (t) => {
  const { edge, start } = machine(t);
  const program = await foreign(t, edge, 8000);
  const first = await start('data');
  await printed(first);
  assert.match(first.output(), /127\.0\.0\.1:8000 belongs to node \(process \d+\)/);
  assert.match(ask(edge, sampleOf(first)), /^i-sample-/);
  assert.equal(ask(edge, 'http://127.0.0.1:8000'), 'foreign');
  await first.kill('SIGTERM');
  await first.client.close();
  program.kill('SIGKILL');
});

test('two Sluices on one machine: neither takes, loses or ends what the other has', async (t) => {
  const { edge, start, sluice, data } = machine(t);
  edge.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  const kernel = ['--l4', 'kernel'];
  const one = await start('one', kernel);
  await printed(one);
  const two = await start('two', kernel);
  await printed(two);
  assert.notEqual(sampleOf(one), sampleOf(two));
  const owner = new RegExp(`HAProxy \\(process \\d+\\) of the Sluice .* ${data('one')}`);
  assert.match(two.output(), owner);

  // The same pool: the address is the first one's, and the second is refused by name.
  const made = [await balance(one, edge), await balance(two, edge)];
  const tables = () => edge.run('nft', 'list', 'tables').trim().split('\n').sort();
  await until(() => tables().length === 2, { what: 'a table of each' });
  const addresses = edge.run('ip', '-4', '-o', 'addr', 'show', 'dev', 'lo');
  assert.match(addresses, /10\.99\.0\.1\/32 scope global lo:sl[0-9a-f]{8}/);
  const reasons = await reasonsOf(two, made[1]!);
  assert.match(reasons, /10\.99\.0\.1 here: another Sluice .*another Sluice does/);

  await two.client.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId: made[1] });
  await two.client.call('Ens', 'DeleteLoadBalancer', { LoadBalancerId: balancerOf(two) });
  await two.kill('SIGTERM');
  await two.client.close();
  sluice('stop', '--data', data('two'));
  assert.match(edge.run('ip', '-4', '-o', 'addr', 'show', 'dev', 'lo'), /10\.99\.0\.1\//);
  assert.equal(tables().length, 1);
  assert.match(ask(edge, sampleOf(one)), /^i-sample-/);
  assert.equal(await reasonsOf(one, made[0]!), '');

  await one.kill('SIGTERM');
  await one.client.close();
  assert.match(sluice('stop', '--data', data('one')), /1 listeners in the kernel.*10\.99\.0\.1/);
  assert.doesNotMatch(edge.run('ip', '-4', '-o', 'addr', 'show', 'dev', 'lo'), /10\.99/);
  assert.equal(edge.run('nft', 'list', 'tables').trim(), '');
});

/** A load balancer with a TCP listener at the first address of a pool that both have. */
async function balance({ client }: Sluice, edge: Edge): Promise<string> {
  const site = { EnsRegionId: 'shared', AddressPool: '10.99.0.0/24' };
  const registered = await client.call('Sluice', 'RegisterSite', site);
  const { DefaultNetworkId, DefaultVSwitchId } = registered.body as Record<string, string>;
  const machine = { EnsRegionId: 'shared', InstanceId: 'i-1', PrivateIpAddress: edge.here };
  await client.call('Sluice', 'RegisterInstance', machine);
  const created = await client.call('Ens', 'CreateLoadBalancer', {
    EnsRegionId: 'shared',
    LoadBalancerSpec: 'elb.s1.small',
    PayType: 'PostPaid',
    NetworkId: DefaultNetworkId,
    VSwitchId: DefaultVSwitchId,
  });
  const { LoadBalancerId = '' } = created.body as Record<string, string>;
  const listener = { LoadBalancerId, ListenerPort: 90 };
  const BackendServers = [{ ServerId: 'i-1', Port: 90 }];
  await client.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
  await client.call('Ens', 'CreateLoadBalancerTCPListener', listener);
  await client.call('Ens', 'StartLoadBalancerListener', listener);
  return LoadBalancerId;
}

async function reasonsOf({ client }: Sluice, LoadBalancerId: string): Promise<string> {
  const { body } = await client.call('Sluice', 'DescribeRollouts', { LoadBalancerId });
  const { Rollouts } = body as { Rollouts: { Rollout: { Reasons: string[] }[] } };
  return Rollouts.Rollout.flatMap(({ Reasons }) => Reasons).join('; ');
}
