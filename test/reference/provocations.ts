import { limits } from '../../src/limits.ts';
import { type DocumentedAction, served } from './documented.ts';
import type { Scene } from './scene.ts';

type Parameters = Readonly<Record<string, unknown>>;

/** A call that is to be refused for what the scene is like. */
export interface Provocation {
  readonly action: string;
  readonly parameters: Parameters;
}

/** Calls that meet the documented errors of what exists, and of what does not. */
export async function provocationsOf(scene: Scene): Promise<Provocation[]> {
  const generic = [...served].flatMap(([action, documented]) =>
    missingThings(documented).map((change) => ({
      action,
      parameters: { ...scene.good.get(action), ...change },
    })),
  );
  const full = await fillUp(scene);
  const own = [...ofListeners(scene, full), ...ofServers(full), ...ofPlaces(scene)];
  const completed = own.map(({ action, parameters }) => ({
    action,
    parameters: { ...scene.good.get(action), ...parameters },
  }));
  return [...generic, ...completed, await lastAddress(scene)];
}

/** A creation at a site whose one address is taken. */
async function lastAddress({ sluice: { client }, good }: Scene): Promise<Provocation> {
  const site = { EnsRegionId: 'full', AddressPool: '127.77.1.1/32' };
  const { body } = await client.call('Sluice', 'RegisterSite', site);
  const { DefaultNetworkId, DefaultVSwitchId } = body as Record<string, string>;
  const place = { EnsRegionId: 'full', NetworkId: DefaultNetworkId, VSwitchId: DefaultVSwitchId };
  const parameters = { ...good.get('CreateLoadBalancer'), ...place };
  await client.call('Ens', 'CreateLoadBalancer', parameters);
  return { action: 'CreateLoadBalancer', parameters };
}

function missingThings({ params }: DocumentedAction): Parameters[] {
  const has = (name: string) => params.some((each) => each.name === name);
  return [
    ...(has('LoadBalancerId') ? [{ LoadBalancerId: 'lb-none' }] : []),
    ...(has('ListenerPort') ? [{ ListenerPort: 9 }] : []),
    ...(has('VSwitchId') ? [{ VSwitchId: 'vsw-none' }] : []),
    ...(has('InstanceId') ? [{ InstanceId: 'i-none' }] : []),
  ];
}

/** A load balancer with as many listeners and servers as there may be. */
async function fillUp({ sluice, networkId, vSwitchId, good }: Scene): Promise<string> {
  const { client } = sluice;
  const wanted = { ...good.get('CreateLoadBalancer'), NetworkId: networkId, VSwitchId: vSwitchId };
  const { body } = await client.call('Ens', 'CreateLoadBalancer', wanted);
  const { LoadBalancerId } = body as { LoadBalancerId: string };
  for (let port = 1; port <= limits.listenersPerLoadBalancer; port++) {
    const listener = { LoadBalancerId, ListenerPort: 1_000 + port };
    await client.call('Ens', 'CreateLoadBalancerTCPListener', listener);
  }
  for (let first = 1; first <= limits.backendsPerLoadBalancer; first += limits.batch) {
    const BackendServers = Array.from({ length: limits.batch }, (_, index) => ({
      ServerId: 'i-1',
      Port: first + index,
    }));
    await client.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
  }
  return LoadBalancerId;
}

const kinds = ['HTTP', 'HTTPS', 'TCP', 'UDP'];

function ofListeners({ loadBalancerId }: Scene, full: string): Provocation[] {
  const creates = kinds.map((kind) => `CreateLoadBalancer${kind}Listener`);
  const taken = { LoadBalancerId: loadBalancerId };
  const unknown = { ServerCertificateId: '9' };
  const redirect = { ListenerForward: 'on', ForwardPort: 81 };
  return [
    ...creates.map((action) => ({ action, parameters: { ...taken, ListenerPort: 80 } })),
    ...creates.map((action) => ({ action, parameters: { LoadBalancerId: full } })),
    { action: 'CreateLoadBalancerHTTPListener', parameters: redirect },
    { action: 'CreateLoadBalancerHTTPSListener', parameters: unknown },
    { action: 'SetLoadBalancerHTTPSListenerAttribute', parameters: unknown },
    { action: 'DeleteLoadBalancerListener', parameters: { ListenerPort: 8443 } },
  ];
}

function ofServers(full: string): Provocation[] {
  const of = (server: Parameters) => ({ BackendServers: [server] });
  return [
    { action: 'AddBackendServers', parameters: of({ ServerId: 'i-2' }) },
    {
      action: 'AddBackendServers',
      parameters: { LoadBalancerId: full, ...of({ ServerId: 'i-1', Port: 65_535 }) },
    },
  ];
}

function ofPlaces({ networkId, vSwitchId }: Scene): Provocation[] {
  return [
    { action: 'CreateLoadBalancer', parameters: { NetworkId: 'n-none' } },
    { action: 'DeleteNetwork', parameters: { NetworkId: networkId } },
    { action: 'DeleteVSwitch', parameters: { VSwitchId: vSwitchId } },
  ];
}
