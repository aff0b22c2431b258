import { setTimeout as delay } from 'node:timers/promises';
import { RpcClient } from '../../src/client.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';

/** An id as real edge nodes have it. */
const site = 'cn-chenzhou-telecom_unicom_cmcc';

type Parameters = Readonly<Record<string, unknown>>;

/** A control plane in which no list of an answer is empty that could hold something. */
export interface Scene {
  readonly sluice: Sluice;
  /** Has a key and no policy. */
  readonly stranger: RpcClient;
  readonly networkId: string;
  readonly vSwitchId: string;
  /** With nothing in them. */
  readonly emptyNetworkId: string;
  readonly emptyVSwitchId: string;
  readonly loadBalancerId: string;
  readonly certificateId: string;
  /** Parameters with which each action succeeds here in a dry run. */
  readonly good: ReadonlyMap<string, Parameters>;
  close(): Promise<void>;
}

export async function openScene(): Promise<Scene> {
  const sluice = await startSluice({ mode: 'control-plane' });
  const { client } = sluice;
  const call = async <Body>(
    product: 'Ens' | 'Sluice' | 'Ram' | 'Cas',
    name: string,
    of: Parameters,
  ) => (await client.call(product, name, of)).body as Body;
  await call('Sluice', 'RegisterSite', { EnsRegionId: site, AddressPool: '127.77.0.0/24' });
  const place = await buildNetwork(call);
  const certificateId = await upload(call);
  const loadBalancerId = await buildLoadBalancer(call, place, certificateId);
  const forwarder = await startReporting(sluice, loadBalancerId);
  const stranger = await createStranger(sluice, call);
  const ids = { ...place, loadBalancerId, certificateId };
  return {
    ...{ sluice, stranger, ...ids },
    good: goodParameters(ids),
    close: async () => {
      await forwarder.stop();
      await stranger.close();
      await sluice.stop();
    },
  };
}

type Caller = <Body>(
  product: 'Ens' | 'Sluice' | 'Ram' | 'Cas',
  name: string,
  of: Parameters,
) => Promise<Body>;

const tag = [{ Key: 'team', Value: 'edge' }];
const network = { EnsRegionId: site, CidrBlock: '10.0.0.0/16', Description: 'for tests' };

async function buildNetwork(call: Caller) {
  const { NetworkId } = await call<{ NetworkId: string }>('Ens', 'CreateNetwork', {
    ...network,
    NetworkName: 'network',
    Tag: tag,
  });
  const empty = await call<{ NetworkId: string }>('Ens', 'CreateNetwork', network);
  const vSwitch = (CidrBlock: string) =>
    call<{ VSwitchId: string }>('Ens', 'CreateVSwitch', {
      ...{ ...network, NetworkId, CidrBlock, VSwitchName: 'vswitch', Tag: tag },
      Ipv6CidrBlock: '2001:db8::/64',
    });
  const { VSwitchId } = await vSwitch('10.0.0.0/18');
  const { VSwitchId: emptyVSwitchId } = await vSwitch('10.0.64.0/18');
  const machine = { EnsRegionId: site, NetworkId, VSwitchId };
  await call('Sluice', 'RegisterInstance', {
    ...machine,
    InstanceId: 'i-1',
    PrivateIpAddress: '10.0.0.1',
    NetworkInterfaces: [
      { NetworkInterfaceId: 'eni-4', PrivateIpAddress: '10.0.1.1' },
      { NetworkInterfaceId: 'eni-6', PrivateIpAddress: '2001:db8::1' },
    ],
  });
  const stopped = {
    ...machine,
    InstanceId: 'i-2',
    PrivateIpAddress: '10.0.0.2',
    Status: 'Stopped',
  };
  await call('Sluice', 'RegisterInstance', stopped);
  const ids = { networkId: NetworkId, vSwitchId: VSwitchId };
  return { ...ids, emptyNetworkId: empty.NetworkId, emptyVSwitchId };
}

async function upload(call: Caller): Promise<string> {
  const { cert, key } = makeCertificate();
  const uploaded = { Name: 'reference', Cert: cert, Key: key };
  const { CertId } = await call<{ CertId: number }>('Cas', 'UploadUserCertificate', uploaded);
  return String(CertId);
}

const probe = { HealthCheckDomain: 'a.test', HealthCheckURI: '/check' };
const http = { HealthCheck: 'on', Description: 'a listener', BackendServerPort: 8080, ...probe };

async function buildLoadBalancer(
  call: Caller,
  { networkId, vSwitchId }: { networkId: string; vSwitchId: string },
  ServerCertificateId: string,
): Promise<string> {
  const { LoadBalancerId } = await call<{ LoadBalancerId: string }>('Ens', 'CreateLoadBalancer', {
    ...{ EnsRegionId: site, LoadBalancerSpec: 'elb.s1.small', LoadBalancerName: 'reference' },
    ...{ PayType: 'PostPaid', NetworkId: networkId, VSwitchId: vSwitchId },
  });
  const create = (kind: string, ListenerPort: number, more: Parameters) =>
    call('Ens', `CreateLoadBalancer${kind}Listener`, { LoadBalancerId, ListenerPort, ...more });
  const redirect = { ListenerForward: 'on', ForwardPort: 8443 };
  await create('HTTPS', 8443, { ...http, ServerCertificateId });
  await create('HTTPS', 443, { ...http, ...redirect, ServerCertificateId });
  await create('HTTP', 80, { ...http, ...redirect });
  await create('TCP', 81, { ...probe, Description: 'tcp', HealthCheckType: 'http' });
  const texts = { HealthCheckReq: 'ping', HealthCheckExp: 'pong' };
  await create('UDP', 53, { ...texts, Description: 'udp' });
  for (const [ListenerPort, ListenerProtocol] of [
    [80, 'http'],
    [81, 'tcp'],
  ]) {
    const listener = { LoadBalancerId, ListenerPort, ListenerProtocol };
    await call('Ens', 'StartLoadBalancerListener', listener);
  }
  const BackendServers = [{ ServerId: 'i-1' }, { ServerId: 'eni-4', Type: 'eni' }];
  await call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
  return LoadBalancerId;
}

/** A forwarder that carries everything, told in reports alone: the walk is of answers. */
async function startReporting({ client, endpoint }: Sluice, loadBalancerId: string) {
  const { body } = await client.call('Sluice', 'RegisterForwarder', {
    EnsRegionId: site,
    ForwarderName: 'forwarder-1',
  });
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const key = { accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! };
  const reporter = new RpcClient({ endpoint, ...key });
  const report = (more: object) =>
    reporter.call('Sluice', 'ReportSite', { EnsRegionId: site, Report: JSON.stringify(more) });
  const numbers = Array.from({ length: 15 }, (_, index) => index + 1);
  const listeners = { [loadBalancerId]: { 'tcp:81': numbers, 'http:80': numbers } };
  const minute = new Date(Date.now() - 120_000).toISOString().slice(0, 16);
  const status = { drains: [], health: [], engine: 'none' };
  await report({ minute: { minute, part: '1', listeners }, status });
  let stopped = false;
  const applied = { applied: { revision: Number.MAX_SAFE_INTEGER, failures: [] } };
  const going = (async () => {
    // At the pace of a forwarder, so that its lease goes on.
    while (!stopped) await Promise.all([report(applied), delay(500)]);
  })();
  const info = async () => {
    const described = await client.call('Ens', 'DescribeElbAvailableResourceInfo', {});
    return JSON.stringify(described.body).includes('elb.s1.small');
  };
  await until(info, { what: 'a live forwarder' });
  return {
    stop: async () => {
      stopped = true;
      await going;
      await reporter.close();
    },
  };
}

async function createStranger({ endpoint }: Sluice, call: Caller): Promise<RpcClient> {
  await call('Ram', 'CreateUser', { UserName: 'stranger' });
  const { AccessKey } = await call<{ AccessKey: Record<string, string> }>(
    'Ram',
    'CreateAccessKey',
    {
      UserName: 'stranger',
    },
  );
  const { AccessKeyId, AccessKeySecret } = AccessKey;
  return new RpcClient({ endpoint, accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! });
}

function goodParameters({
  networkId: NetworkId,
  vSwitchId: VSwitchId,
  loadBalancerId: LoadBalancerId,
  certificateId: ServerCertificateId,
  ...empty
}: Omit<Scene, 'good' | 'close' | 'sluice' | 'stranger'>) {
  const its = { LoadBalancerId };
  const at = (ListenerPort: number) => ({ ...its, ListenerPort });
  const servers = { ...its, BackendServers: [{ ServerId: 'i-1' }] };
  const time = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const window = { StartTime: time(Date.now() - 3_600_000), EndTime: time(Date.now() + 60_000) };
  const created = { EnsRegionId: site, PayType: 'PostPaid', LoadBalancerSpec: 'elb.s1.small' };
  const InstanceId = 'i-1';
  return new Map<string, Parameters>([
    ['DescribeLoadBalancers', {}],
    ['DescribeLoadBalancerAttribute', its],
    ['DescribeLoadBalancerSpec', {}],
    ['DescribeElbAvailableResourceInfo', {}],
    ['DescribeLoadBalancerHTTPListenerAttribute', at(80)],
    ['DescribeLoadBalancerHTTPSListenerAttribute', at(443)],
    ['DescribeLoadBalancerTCPListenerAttribute', at(81)],
    ['DescribeLoadBalancerUDPListenerAttribute', at(53)],
    ['DescribeLoadBalancerListeners', its],
    ['DescribeLoadBalancerListenMonitor', { ...its, ...window, VPort: '81' }],
    ['DescribeServerLoadBalancerListenMonitor', { ...its, ...window }],
    ['DescribeServerLoadBalancerMonitor', { ...its, ...window }],
    ['DescribeNetworks', { NetworkId }],
    ['DescribeNetworkAttribute', { NetworkId }],
    ['DescribeVSwitches', { VSwitchId }],
    ['DescribeVSwitchAttributes', { VSwitchId }],
    ['DescribeEnsRegions', {}],
    ['DescribeInstances', { NetworkId, VSwitchId, InstanceId }],
    ['ModifyLoadBalancerAttribute', { ...its, LoadBalancerName: 'renamed' }],
    ['SetLoadBalancerStatus', { ...its, LoadBalancerStatus: 'Active' }],
    ['AddBackendServers', servers],
    ['SetBackendServers', servers],
    ['CreateLoadBalancerHTTPListener', { ...at(1), HealthCheck: 'off' }],
    ['CreateLoadBalancerHTTPSListener', { ...at(2), HealthCheck: 'off', ServerCertificateId }],
    ['CreateLoadBalancerTCPListener', at(3)],
    ['CreateLoadBalancerUDPListener', at(4)],
    ['SetLoadBalancerHTTPListenerAttribute', at(80)],
    ['SetLoadBalancerHTTPSListenerAttribute', at(443)],
    ['SetLoadBalancerTCPListenerAttribute', at(81)],
    ['SetLoadBalancerUDPListenerAttribute', at(53)],
    ['StartLoadBalancerListener', at(81)],
    ['StopLoadBalancerListener', at(81)],
    ['StopInstance', { InstanceId }],
    ['StartInstance', { InstanceId: 'i-2' }],
    ['ModifyNetworkAttribute', { NetworkId }],
    ['ModifyVSwitchAttribute', { VSwitchId }],
    ['CreateNetwork', network],
    ['CreateVSwitch', { ...network, NetworkId, CidrBlock: '10.0.128.0/18' }],
    ['CreateLoadBalancer', { ...created, NetworkId, VSwitchId }],
    ['DeleteLoadBalancerListener', at(81)],
    ['DeleteLoadBalancerHTTPListener', at(80)],
    ['RemoveBackendServers', servers],
    ['DeleteLoadBalancer', its],
    ['ReleaseInstance', { InstanceId: LoadBalancerId }],
    ['DeleteVSwitch', { VSwitchId: empty.emptyVSwitchId }],
    ['DeleteNetwork', { NetworkId: empty.emptyNetworkId }],
  ]);
}
