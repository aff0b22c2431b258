import https from 'node:https';
import type { RpcClient } from '../../src/client.ts';
import { get } from './load.ts';
import { freePort } from './ports.ts';
import { until } from './wait.ts';

/** A backend server to register: a name for its instance id, and where it listens. */
export interface Backend {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
}

export interface SceneListener {
  readonly protocol: 'TCP' | 'HTTP' | 'HTTPS';
  readonly parameters?: Readonly<Record<string, unknown>>;
}

export interface Scene {
  readonly loadBalancerId: string;
  readonly address: string;
  /** Front-end port of each listener, in the order asked for. */
  readonly ports: readonly number[];
}

let scenes = 0;

/**
 * Builds a load balancer of the site `local` over backends, through the API alone, and waits
 * until each listener answers. Instance ids are the backends' names.
 */
export async function buildScene(
  client: RpcClient,
  backends: readonly Backend[],
  listeners: readonly SceneListener[],
): Promise<Scene> {
  for (const { name, ip } of backends) {
    await client.call('Sluice', 'RegisterInstance', {
      EnsRegionId: 'local',
      InstanceId: name,
      PrivateIpAddress: ip,
    });
  }
  const LoadBalancerId = await emptyLoadBalancer(client);
  await client.call('Ens', 'AddBackendServers', {
    LoadBalancerId,
    BackendServers: backends.map(({ name, port }) => ({ ServerId: name, Port: port })),
  });
  const described = await client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  const { Address } = described.body as { Address: string };
  const ports: number[] = [];
  for (const { protocol, parameters } of listeners) {
    const ListenerPort = await freePort(Address);
    ports.push(ListenerPort);
    await client.call('Ens', `CreateLoadBalancer${protocol}Listener`, {
      LoadBalancerId,
      ListenerPort,
      ...(protocol === 'TCP' ? {} : { HealthCheck: 'on' }),
      ...parameters,
    });
    await client.call('Ens', 'StartLoadBalancerListener', {
      LoadBalancerId,
      ListenerPort,
      ListenerProtocol: protocol.toLowerCase(),
    });
    if (protocol !== 'TCP') {
      const agent = protocol === 'HTTPS' ? new https.Agent() : false;
      await until(() => get({ host: Address, port: ListenerPort, agent }), {
        what: `an answer at ${Address}:${ListenerPort}`,
      });
    }
  }
  return { loadBalancerId: LoadBalancerId, address: Address, ports };
}

/** A load balancer of a site without servers and listeners. */
export async function emptyLoadBalancer(client: RpcClient, siteId = 'local'): Promise<string> {
  const sites = (await client.call('Sluice', 'DescribeSites', {})).body as SitesAnswer;
  const site = sites.Sites.Site.find(({ EnsRegionId }) => EnsRegionId === siteId);
  scenes += 1;
  const created = await client.call('Ens', 'CreateLoadBalancer', {
    EnsRegionId: siteId,
    LoadBalancerSpec: 'elb.s3.medium',
    LoadBalancerName: `scene-${scenes}`,
    PayType: 'PostPaid',
    NetworkId: site?.DefaultNetworkId,
    VSwitchId: site?.DefaultVSwitchId,
  });
  return (created.body as { LoadBalancerId: string }).LoadBalancerId;
}

interface SitesAnswer {
  readonly Sites: {
    readonly Site: readonly {
      readonly EnsRegionId: string;
      readonly DefaultNetworkId: string;
      readonly DefaultVSwitchId: string;
    }[];
  };
}
