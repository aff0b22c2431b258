import { call } from '../door.ts';

/** What a person chooses among when making a load balancer or adding servers. */

/** The ids of every site. */
export async function listSites(): Promise<readonly string[]> {
  const { body } = await call<{
    EnsRegions: { EnsRegions: readonly { readonly EnsRegionId: string }[] };
  }>('Ens', 'DescribeEnsRegions');
  return body.EnsRegions.EnsRegions.map(({ EnsRegionId }) => EnsRegionId);
}

export interface Choosable {
  readonly id: string;
  readonly name: string;
}

/** The longest page that these actions give; hardly a site has more. */
const page = { PageSize: 50 };

export async function listNetworks(EnsRegionId: string): Promise<readonly Choosable[]> {
  const { body } = await call<{
    Networks: { Network: readonly { readonly NetworkId: string; readonly NetworkName: string }[] };
  }>('Ens', 'DescribeNetworks', { EnsRegionId, ...page });
  return body.Networks.Network.map(({ NetworkId, NetworkName }) => ({
    id: NetworkId,
    name: NetworkName,
  }));
}

export async function listVSwitches(NetworkId: string): Promise<readonly Choosable[]> {
  const { body } = await call<{
    VSwitches: { VSwitch: readonly { readonly VSwitchId: string; readonly VSwitchName: string }[] };
  }>('Ens', 'DescribeVSwitches', { NetworkId, ...page });
  return body.VSwitches.VSwitch.map(({ VSwitchId, VSwitchName }) => ({
    id: VSwitchId,
    name: VSwitchName,
  }));
}

export async function listSpecs(): Promise<readonly Choosable[]> {
  const { body } = await call<{
    LoadBalancerSpecs: readonly {
      readonly LoadBalancerSpec: string;
      readonly DisplayName: string;
    }[];
  }>('Ens', 'DescribeLoadBalancerSpec');
  return body.LoadBalancerSpecs.map(({ LoadBalancerSpec, DisplayName }) => ({
    id: LoadBalancerSpec,
    name: DisplayName,
  }));
}

/** Uploaded certificates that have not expired. */
export async function listCertificates(): Promise<readonly Choosable[]> {
  const { body } = await call<{
    CertificateOrderList: readonly {
      readonly CertificateId: number;
      readonly Name: string;
      readonly Sans: string;
    }[];
  }>('Cas', 'ListUserCertificateOrder', { OrderType: 'UPLOAD', ShowSize: 100 });
  return body.CertificateOrderList.map(({ CertificateId, Name, Sans }) => ({
    id: String(CertificateId),
    name: `${Name} (${Sans})`,
  }));
}

/** A machine that may be added as a server. */
export interface Machine {
  readonly InstanceId: string;
  readonly InstanceName: string;
  readonly Status: string;
  readonly ip: string;
}

/**
 * Machines of a site that a search finds by a part of their id or name.
 * @returns the first of them, and how many there are
 */
export async function listMachines(
  EnsRegionId: string,
  search: string,
): Promise<{ readonly machines: readonly Machine[]; readonly total: number }> {
  const { body } = await call<InstancesAnswer>('Ens', 'DescribeInstances', {
    EnsRegionId,
    ...page,
    ...(search === '' ? {} : { SearchKey: search }),
  });
  const machines = body.Instances.Instance.map((each) => ({
    InstanceId: each.InstanceId,
    InstanceName: each.InstanceName,
    Status: each.Status,
    ip: each.PrivateIpAddresses.PrivateIpAddress[0]?.Ip ?? '',
  }));
  return { machines, total: body.TotalCount };
}

interface InstancesAnswer {
  readonly TotalCount: number;
  readonly Instances: {
    readonly Instance: readonly {
      readonly InstanceId: string;
      readonly InstanceName: string;
      readonly Status: string;
      readonly PrivateIpAddresses: {
        readonly PrivateIpAddress: readonly { readonly Ip: string }[];
      };
    }[];
  };
}
