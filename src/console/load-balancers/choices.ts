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
