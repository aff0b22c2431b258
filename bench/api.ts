import { emptyLoadBalancer } from '../test/support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../test/support/sluice.ts';
import type { Figure } from './figure.ts';
import { median, runWrk, type SigningKey, signedPath, startEcho } from './wrk.ts';

const clients = 64;
const seconds = 3;
const rounds = 3;
/** More than a round can use up: each nonce counts once. */
const requestsPerRound = 120_000;
const key: SigningKey = { id: rootKey.accessKeyId, secret: rootKey.accessKeySecret };

/** Reads and durable writes against a bare echo, in turns, on a control plane of its own. */
export async function benchApi(): Promise<Figure[]> {
  const sluice = await startSluice({ mode: 'control-plane' });
  const echo = startEcho();
  try {
    const ids = await furnish(sluice);
    const port = Number(new URL(sluice.endpoint).port);
    const echoPort = await echo.listen();
    const rates = { echo: [], read: [], write: [], single: [] } as Record<string, number[]>;
    for (let round = 0; round < rounds; round++) {
      const reads = readPaths(ids);
      rates.echo!.push(await runWrk({ port: echoPort, clients, seconds, paths: reads }));
      rates.read!.push(await runWrk({ port, clients, seconds, paths: reads }));
      rates.write!.push(await runWrk({ port, clients, seconds, paths: writePaths(ids) }));
      const one = writePaths(ids);
      rates.single!.push(await runWrk({ port, clients: 1, seconds, paths: one }));
    }
    return figures(Object.fromEntries(Object.entries(rates).map(([k, v]) => [k, median(v)])));
  } finally {
    await echo.close();
    await sluice.stop();
  }
}

function figures(rates: Record<string, number>): Figure[] {
  const { echo = 0, read = 0, write = 0, single = 0 } = rates;
  const per = (rate: number) => `${Math.round(rate)}/s`;
  return [
    {
      name: 'signed reads, 64 clients / bare echo',
      value: read / echo,
      aim: '>= 0.34',
      from: `${per(read)}, echo ${per(echo)}`,
    },
    {
      name: 'durable signed removals and additions, 64 clients / bare echo',
      value: write / echo,
      aim: '>= 0.22',
      from: `${per(write)}, echo ${per(echo)}`,
    },
    {
      name: 'the same / one client one by one',
      value: write / single,
      aim: '>= 5',
      from: `${per(write)}, one client ${per(single)}`,
    },
  ];
}

/** A load balancer for each client, each with a server that comes and goes and one that stays. */
async function furnish({ client }: Sluice): Promise<string[]> {
  const EnsRegionId = 'local';
  await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
  for (const InstanceId of ['i-stays', 'i-goes']) {
    const PrivateIpAddress = '10.0.0.1';
    await client.call('Sluice', 'RegisterInstance', { EnsRegionId, InstanceId, PrivateIpAddress });
  }
  const ids: string[] = [];
  for (let i = 0; i < clients; i++) {
    const LoadBalancerId = await emptyLoadBalancer(client);
    const BackendServers = [{ ServerId: 'i-stays' }, { ServerId: 'i-goes' }];
    await client.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
    ids.push(LoadBalancerId);
  }
  return ids;
}

function readPaths(ids: readonly string[]): string[] {
  return Array.from({ length: requestsPerRound }, (_, at) =>
    signedPath(key, 'DescribeLoadBalancerAttribute', { LoadBalancerId: ids[at % ids.length]! }),
  );
}

/** The server leaves every load balancer in turn, then returns to every one, and so on. */
function writePaths(ids: readonly string[]): string[] {
  const BackendServers = '[{"ServerId":"i-goes"}]';
  return Array.from({ length: requestsPerRound / 2 }, (_, at) => {
    const action =
      Math.floor(at / ids.length) % 2 === 0 ? 'RemoveBackendServers' : 'AddBackendServers';
    return signedPath(key, action, { LoadBalancerId: ids[at % ids.length]!, BackendServers });
  });
}

if (import.meta.main) console.table(await benchApi());
