import type { RpcClient } from '../src/client.ts';
import { startHttpServer, type TestBackend } from '../test/support/backends.ts';
import { emptyLoadBalancer } from '../test/support/scene.ts';
import { startSluice } from '../test/support/sluice.ts';
import { type Figure, ms } from './figure.ts';
import { removalTimes } from './removal.ts';
import { inTurns, median, medianRatio } from './rounds.ts';

const few = 10;
const rounds = 8;
const perRound = 40;
const builders = 32;
const site = 'scale';
const name = 'i-scale';

/** Removals among many load balancers and among ten, in turns, each on a Sluice of its own. */
export async function benchScale(many: number): Promise<Figure[]> {
  const backend = await startHttpServer(name);
  const planes = [await startSluice(), await startSluice()] as const;
  try {
    const [small, large] = planes;
    const little = await furnish(small.client, backend, few, '127.78.0.0/16');
    const much = await furnish(large.client, backend, many, '127.79.0.0/16');
    const p50 = async (client: RpcClient, loadBalancerId: string) =>
      median(await removalTimes(client, { loadBalancerId }, backend, perRound, '1/1'));
    const times = await inTurns(rounds, {
      little: () => p50(small.client, little),
      much: () => p50(large.client, much),
    });
    return [
      {
        name: `removal to confirmed answer, p50, ${many} load balancers / ${few}`,
        value: medianRatio(times.much, times.little),
        aim: '<= 1.3',
        from: `${ms(median(times.much))}, with ${few} ${ms(median(times.little))}`,
      },
    ];
  } finally {
    for (const plane of planes) await plane.stop();
    await backend.close();
  }
}

/** So many load balancers with an HTTP listener and a server each; answers the first one's id. */
async function furnish(
  client: RpcClient,
  { ip, port }: TestBackend,
  count: number,
  pool: string,
): Promise<string> {
  await client.call('Sluice', 'RegisterSite', { EnsRegionId: site, AddressPool: pool });
  const instance = { EnsRegionId: site, InstanceId: name, PrivateIpAddress: ip };
  await client.call('Sluice', 'RegisterInstance', instance);
  const headers = { 'x-sluice-confirm-wait': '0' };
  const build = async () => {
    const LoadBalancerId = await emptyLoadBalancer(client, site);
    const calls: [string, Record<string, unknown>][] = [
      ['AddBackendServers', { BackendServers: [{ ServerId: name, Port: port }] }],
      [
        'CreateLoadBalancerHTTPListener',
        { ListenerPort: 18_000, HealthCheck: 'on', HealthCheckInterval: 50 },
      ],
      ['StartLoadBalancerListener', { ListenerPort: 18_000, ListenerProtocol: 'http' }],
    ];
    for (const [action, parameters] of calls) {
      await client.call('Ens', action, { LoadBalancerId, ...parameters }, { headers });
    }
    return LoadBalancerId;
  };
  const first = await build();
  let left = count - 1;
  const builder = async () => {
    while (left-- > 0) await build();
  };
  await Promise.all(Array.from({ length: builders }, builder));
  await confirmed(client, first);
  return first;
}

/** Until the forwarder has applied everything up to now. */
async function confirmed(client: RpcClient, LoadBalancerId: string): Promise<void> {
  const answer = await client.call(
    'Ens',
    'SetLoadBalancerStatus',
    { LoadBalancerId, LoadBalancerStatus: 'Active' },
    { headers: { 'x-sluice-confirm-wait': '30s' } },
  );
  const applied = answer.headers['x-sluice-applied'];
  if (applied !== '1/1') throw new Error(`not applied after 30 s: ${applied}`);
}
