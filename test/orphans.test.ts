import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { startOf } from '../src/forwarder/haproxy/process.ts';
import { makeEdge } from './support/edge.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function all(): Process[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), parent: Number(stat.split(' ')[1]), command }];
    } catch {
      // No process, or one that has ended meanwhile.
      return [];
    }
  });
}

/** What a process has started, and what those have started in turn. */
function descendants(pid: number): Process[] {
  const found = all();
  const of = (parent: number): Process[] =>
    found.filter((each) => each.parent === parent).flatMap((each) => [each, ...of(each.pid)]);
  return of(pid);
}

/** A forwarder on a machine of its own that carries a UDP listener, so that it watches nftables. */
async function startForwarder(t: TestContext): Promise<Sluice> {
  const edge = makeEdge();
  t.after(() => edge.end());
  const sluice = await startSluice({
    host: edge.there,
    networkNamespace: edge.namespace,
    flags: ['--no-sample', '--address-interface', edge.interfaceName],
  });
  t.after(() => sluice.stop());
  const { client } = sluice;
  await client.call('Sluice', 'RegisterSite', { EnsRegionId: 'edge-o', AddressPool: edge.pool });
  const LoadBalancerId = await emptyLoadBalancer(client, 'edge-o');
  const listener = { LoadBalancerId, ListenerPort: 53 };
  await client.call('Ens', 'CreateLoadBalancerUDPListener', listener);
  await client.call('Ens', 'StartLoadBalancerListener', listener);
  return sluice;
}

test('what a forwarder has started ends with it when it is killed; HAProxy goes on', async (t) => {
  const sluice = await startForwarder(t);
  const started = await until(
    () => {
      const found = descendants(sluice.process.pid!);
      return found.some(({ command }) => command === 'nft monitor') ? found : undefined;
    },
    { what: 'nft monitor' },
  );
  const begun = new Map(started.map(({ pid }) => [pid, startOf(pid)]));
  const isAlive = ({ pid }: Process) =>
    startOf(pid) !== undefined && startOf(pid) === begun.get(pid);
  const haproxy = started.filter(({ command }) => command.startsWith('haproxy '));
  assert.ok(haproxy.length >= 2, 'a master and a worker');
  await sluice.kill('SIGKILL');
  const others = started.filter((each) => !haproxy.includes(each));
  await until(() => !others.some(isAlive), {
    what: `the end of ${others.map(({ command }) => command).join(', ')}`,
  });
  assert.ok(haproxy.every(isAlive));
});
