import { startHttpServer, type TestBackend } from '../test/support/backends.ts';
import { startEtcd } from '../test/support/etcd.ts';
import { buildScene, type Scene } from '../test/support/scene.ts';
import { type Sluice, startForwarderProcess, startSluice } from '../test/support/sluice.ts';
import type { Figure } from './figure.ts';
import { median } from './rounds.ts';

const rounds = 7;
const EnsRegionId = 'local';

/**
 * Two control planes on one etcd, and a forwarder of both. The one that it follows is stopped
 * (SIGSTOP), and a removal is called at the other at once: its answer comes when the forwarder has
 * gone over and applied it.
 */
export async function benchFailover(): Promise<Figure[]> {
  const stops: (() => Promise<void>)[] = [];
  try {
    const etcd = await startEtcd();
    stops.push(() => etcd.stop());
    const flags = ['--store', `etcd://${new URL(etcd.endpoints[0]!).host}`];
    const start = async () => {
      const plane = await startSluice({ mode: 'control-plane', flags });
      stops.push(() => plane.stop());
      return plane;
    };
    const planes = [await start(), await start()] as const;
    stops.push(await startForwarder(planes));
    const servers = await Promise.all(['f-1', 'f-2'].map((name) => startHttpServer(name)));
    stops.push(...servers.map((server) => () => server.close()));
    const scene = await buildScene(planes[0].client, servers, [{ protocol: 'HTTP' }]);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const [followed, other] = round % 2 === 0 ? planes : [planes[1], planes[0]];
      times.push(await failoverSeconds(followed, other, scene, servers[0]!));
    }
    const all = times.map((time) => time.toFixed(2)).join(', ');
    return [
      {
        name: 'a control plane is stopped to a removal confirmed at the other, s',
        value: median(times),
        aim: '<= 2',
        from: `SIGSTOP, two control planes on etcd; ${all} s`,
      },
    ];
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function startForwarder(planes: readonly Sluice[]): Promise<() => Promise<void>> {
  const { client } = planes[0]!;
  await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
  const named = { EnsRegionId, ForwarderName: 'bench' };
  const { body } = await client.call('Sluice', 'RegisterForwarder', named);
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const forwarder = await startForwarderProcess({
    endpoint: planes.map(({ endpoint }) => endpoint).join(),
    site: EnsRegionId,
    accessKeyId: AccessKeyId!,
    accessKeySecret: AccessKeySecret!,
  });
  return () => forwarder.stop();
}

async function failoverSeconds(
  followed: Sluice,
  other: Sluice,
  { loadBalancerId: LoadBalancerId }: Scene,
  { name, port }: TestBackend,
): Promise<number> {
  const change = async (plane: Sluice, action: string) => {
    const BackendServers = [{ ServerId: name, Port: port }];
    const wait = { headers: { 'x-sluice-confirm-wait': '30000' } };
    const input = { LoadBalancerId, BackendServers };
    const { headers } = await plane.client.call('Ens', action, input, wait);
    const applied = headers['x-sluice-applied'];
    if (applied !== '1/1') throw new Error(`${action} was answered ${applied}`);
  };
  const begun = performance.now();
  followed.process.kill('SIGSTOP');
  try {
    await change(other, 'RemoveBackendServers');
    return (performance.now() - begun) / 1_000;
  } finally {
    followed.process.kill('SIGCONT');
    await change(followed, 'AddBackendServers');
  }
}
