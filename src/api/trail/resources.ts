import type { ChangedRecord } from '../audit-records.ts';

/** ActionTrail's referencedResources: type -> names. */
export type Resources = Readonly<Record<string, readonly string[]>>;

/** Of a key of the store, its first part: what resource it holds, and which part is its name. */
const byKey: Readonly<Record<string, readonly [type: string, part: number]>> = {
  lb: ['ACS::ENS::LoadBalancer', 2],
  network: ['ACS::ENS::Network', 1],
  vswitch: ['ACS::ENS::VSwitch', 1],
  instance: ['ACS::ENS::Instance', 1],
  certificate: ['ACS::CAS::Certificate', 1],
  site: ['ACS::Sluice::Site', 1],
  forwarder: ['ACS::Sluice::Forwarder', 2],
  accesskey: ['ACS::RAM::AccessKey', 1],
};

/** The same under `identity/<account>/`, where the kind comes first and its name behind it. */
const byIdentity: Readonly<Record<string, string>> = {
  user: 'ACS::RAM::User',
  group: 'ACS::RAM::Group',
  role: 'ACS::RAM::Role',
  policy: 'ACS::RAM::Policy',
};

/** Of a parameter, the resource that its value names. */
const byParameter: Readonly<Record<string, string>> = {
  LoadBalancerId: 'ACS::ENS::LoadBalancer',
  NetworkId: 'ACS::ENS::Network',
  VSwitchId: 'ACS::ENS::VSwitch',
  InstanceId: 'ACS::ENS::Instance',
  CertId: 'ACS::CAS::Certificate',
  UserName: 'ACS::RAM::User',
  GroupName: 'ACS::RAM::Group',
  RoleName: 'ACS::RAM::Role',
  PolicyName: 'ACS::RAM::Policy',
};

/** What a call was about: what it changed, or where it changed nothing, what it named. */
export function resourcesOf({ changes, parameters }: About): Resources {
  const found = new Map<string, Set<string>>();
  const add = (type: string, name: string) => {
    found.set(type, (found.get(type) ?? new Set()).add(name));
  };
  for (const { key } of changes) {
    const parts = key.split('/');
    const identity = parts[0] === 'identity' ? byIdentity[parts[2] ?? ''] : undefined;
    const [type, part] = identity === undefined ? (byKey[parts[0]!] ?? []) : [identity, 3];
    const name = part === undefined ? undefined : parts[part];
    if (type !== undefined && name !== undefined) add(type, name);
  }
  for (const [name, type] of found.size > 0 ? [] : Object.entries(byParameter)) {
    const value = parameters[name];
    if (value) add(type, value);
  }
  return Object.fromEntries([...found].map(([type, names]) => [type, [...names]]));
}

interface About {
  readonly changes: readonly Pick<ChangedRecord, 'key'>[];
  readonly parameters: Readonly<Record<string, string>>;
}

/** The site that a call was about, where it tells. */
export function siteOf({ changes, parameters }: About): string | undefined {
  const place = /^(?:lb|forwarder|site)\/([a-z0-9_-]+)/;
  const changed = changes.flatMap(({ key }) => place.exec(key)?.[1] ?? [])[0];
  return changed ?? (parameters.EnsRegionId || undefined);
}
