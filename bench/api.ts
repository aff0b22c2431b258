import { emptyLoadBalancer } from '../test/support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../test/support/sluice.ts';
import { type Figure, perSecond } from './figure.ts';
import { inTurns, median, medianRatio } from './rounds.ts';
import { runWrk, type SigningKey, signedPath, startEcho } from './wrk.ts';

const clients = 64;
const seconds = 2;
const rounds = 5;
/** More than a round can use up: each nonce counts once. */
const requestsPerRound = 80_000;
const key: SigningKey = { id: rootKey.accessKeyId, secret: rootKey.accessKeySecret };

/**
 * Reads and durable writes against a bare echo, in turns, on a control plane of its own without
 * forwarders. Half of the writes remove a server, the other half bring it back.
 */
export async function benchApi(): Promise<Figure[]> {
  const sluice = await startSluice({ mode: 'control-plane' });
  try {
    const ids = await furnish(sluice);
    const LoadBalancerId = ids[0]!;
    const one = await sluice.client.call('Ens', 'DescribeLoadBalancerAttribute', {
      LoadBalancerId,
    });
    const echo = startEcho(JSON.stringify(one.body));
    const port = Number(new URL(sluice.endpoint).port);
    const echoPort = await echo.listen();
    try {
      const rates = await inTurns(rounds, {
        echo: () => runWrk({ port: echoPort, clients, seconds, paths: readPaths(ids) }),
        read: () => runWrk({ port, clients, seconds, paths: readPaths(ids) }),
        write: () => runWrk({ port, clients, seconds, paths: writePaths(ids) }),
        single: () => runWrk({ port, clients: 1, seconds, paths: writePaths(ids) }),
      });
      return figures(rates);
    } finally {
      await echo.close();
    }
  } finally {
    await sluice.stop();
  }
}

type Rates = Readonly<Record<'echo' | 'read' | 'write' | 'single', number[]>>;

function figures({ echo, read, write, single }: Rates): Figure[] {
  const of = (rates: number[]) => perSecond(median(rates));
  return [
    {
      name: 'signed reads, 64 clients / bare echo',
      value: medianRatio(read, echo),
      aim: '>= 0.34',
      from: `${of(read)}, echo ${of(echo)}`,
    },
    {
      name: 'durable signed removals and additions, 64 clients / bare echo',
      value: medianRatio(write, echo),
      aim: '>= 0.22',
      from: `${of(write)}, echo ${of(echo)}`,
    },
    {
      name: 'the same / one client one by one',
      value: medianRatio(write, single),
      aim: '>= 5',
      from: `${of(write)}, one client ${of(single)}`,
    },
  ];
}

/**
 * Two load balancers for each client, each with a server that comes and goes and one that stays:
 * enough that a removal has been answered before the addition that undoes it is sent.
 */
async function furnish({ client }: Sluice): Promise<string[]> {
  const EnsRegionId = 'local';
  await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
  for (const InstanceId of ['i-stays', 'i-goes']) {
    const PrivateIpAddress = '10.0.0.1';
    await client.call('Sluice', 'RegisterInstance', { EnsRegionId, InstanceId, PrivateIpAddress });
  }
  const ids: string[] = [];
  for (let i = 0; i < 2 * clients; i++) {
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
