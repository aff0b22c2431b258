import { execFileSync } from 'node:child_process';
import type { RpcClient } from '../src/client.ts';
import { startHttpServer } from '../test/support/backends.ts';
import { buildScene } from '../test/support/scene.ts';
import { type SluiceProcess, startForwarderProcess, startSluice } from '../test/support/sluice.ts';
import { until } from '../test/support/wait.ts';
import { type Figure, ms } from './figure.ts';
import { removalTimes } from './removal.ts';
import { median, quantile } from './rounds.ts';

const removals = 400;
const bridge = 'sluice-bench';
/** 198.18.0.0/15 is set aside for benchmarks (RFC 2544). */
const host = '198.18.77.1';
const namespaces = ['sluice-bench-2', 'sluice-bench-3'];

/**
 * Removals that three forwarders confirm. Forwarders bind the same addresses, so the second and
 * the third each have a network namespace of their own, and reach this one over a bridge.
 * @throws when not run by root
 */
export async function benchFleet(): Promise<Figure[]> {
  const stops: (() => Promise<void>)[] = [];
  try {
    stops.push(async () => removeNetwork());
    makeNetwork();
    const plane = await startSluice({
      mode: 'control-plane',
      host,
      flags: ['--no-sample'],
    });
    stops.push(() => plane.stop());
    const EnsRegionId = 'local';
    await plane.client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
    for (const networkNamespace of [undefined, ...namespaces]) {
      const forwarder = await startOne(plane.client, plane.endpoint, networkNamespace);
      stops.push(() => forwarder.stop());
    }
    await until(async () => (await liveForwarders(plane.client)) === 3, { what: '3 forwarders' });
    const servers = await Promise.all(
      ['b-1', 'b-2'].map((name) => startHttpServer(name, { host })),
    );
    stops.push(...servers.map((server) => () => server.close()));
    const scene = await buildScene(plane.client, servers, [{ protocol: 'HTTP' }]);
    const times = await removalTimes(plane.client, scene, servers[0]!, removals, '3/3');
    const p99 = quantile(times, 0.99);
    return [
      {
        name: 'removal to confirmed answer, p99, 3 forwarders, ms',
        value: p99,
        aim: '<= 50',
        from: `${removals} removals, p50 ${ms(median(times))}, slowest ${ms(Math.max(...times))}`,
      },
    ];
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function startOne(
  client: RpcClient,
  endpoint: string,
  networkNamespace: string | undefined,
): Promise<SluiceProcess> {
  const site = 'local';
  const ForwarderName = networkNamespace ?? 'sluice-bench-1';
  const { body } = await client.call('Sluice', 'RegisterForwarder', {
    EnsRegionId: site,
    ForwarderName,
  });
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  return startForwarderProcess({
    endpoint,
    site,
    accessKeyId: AccessKeyId!,
    accessKeySecret: AccessKeySecret!,
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
  });
}

async function liveForwarders(client: RpcClient): Promise<number> {
  const { body } = await client.call('Sluice', 'DescribeForwarders', { EnsRegionId: 'local' });
  const { Forwarders } = body as { Forwarders: { Forwarder: { Live: boolean }[] } };
  return Forwarders.Forwarder.filter(({ Live }) => Live).length;
}

function makeNetwork(): void {
  ip('link', 'add', bridge, 'type', 'bridge');
  ip('address', 'add', `${host}/24`, 'dev', bridge);
  ip('link', 'set', bridge, 'up');
  for (const [index, name] of namespaces.entries()) {
    const port = `sluice-b${index}`;
    ip('netns', 'add', name);
    ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', port, 'master', bridge, 'up');
    const inside = (...words: string[]) => ip('-n', name, ...words);
    inside('address', 'add', `198.18.77.${index + 2}/24`, 'dev', 'eth0');
    inside('link', 'set', 'eth0', 'up');
    inside('link', 'set', 'lo', 'up');
  }
}

/** Whatever of it there is: a namespace takes its ends of the pairs along. */
function removeNetwork(): void {
  const has = (words: string[], name: string) => ip(...words).includes(name);
  for (const name of namespaces) if (has(['netns', 'list'], name)) ip('netns', 'delete', name);
  if (has(['link', 'show'], `${bridge}:`)) ip('link', 'delete', bridge);
}

function ip(...words: string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' });
}
