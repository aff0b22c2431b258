import type { Asked } from '../door.ts';

/** The calls that the page of sites makes; a button shows the very call that it makes. */

function sluice(action: string, parameters: Readonly<Record<string, unknown>>): Asked {
  return { product: 'Sluice', action, parameters };
}

export function setFreeze(Frozen: boolean, Reason: string): Asked {
  return sluice('SetFreeze', { Frozen, ...(Reason === '' ? {} : { Reason }) });
}

export function registerSite(EnsRegionId: string, AddressPool: string): Asked {
  return sluice('RegisterSite', { EnsRegionId, AddressPool });
}

export function registerForwarder(EnsRegionId: string, ForwarderName: string): Asked {
  return sluice('RegisterForwarder', { EnsRegionId, ForwarderName });
}

/** @param gone its machine will not come back: nothing waits for it to stop */
export function deregisterForwarder(
  EnsRegionId: string,
  ForwarderName: string,
  gone: boolean,
): Asked {
  const asked = sluice('DeregisterForwarder', { EnsRegionId, ForwarderName });
  return gone ? { ...asked, headers: { 'x-sluice-gone': 'true' } } : asked;
}

export function setSiteIsolation(
  EnsRegionId: string,
  Isolation: string,
  WhenAllIsolated: string,
): Asked {
  return sluice('SetSiteIsolation', { EnsRegionId, Isolation, WhenAllIsolated });
}

/** Left empty: its id is made up, its name is its id. */
export interface NewInstance {
  readonly EnsRegionId: string;
  readonly PrivateIpAddress: string;
  readonly InstanceId: string;
  readonly InstanceName: string;
}

export function registerInstance(instance: NewInstance): Asked {
  const said = Object.entries(instance).filter(([, value]) => value !== '');
  return sluice('RegisterInstance', Object.fromEntries(said));
}

export function deregisterInstance(InstanceId: string): Asked {
  return sluice('DeregisterInstance', { InstanceId });
}
