import { type Signal, signal } from '@preact/signals';
import { limits } from '../../limits.ts';
import { call, type Product } from '../door.ts';

/** Values that exist, offered where an id or a name is asked for. */
interface Offer {
  readonly values: Signal<readonly string[]>;
  /** Looks them up again, as other calls change them. */
  readonly refresh: () => void;
}

/** Where values of parameters are listed: the action, and the member of its answer's rows. */
const sources: readonly (readonly [RegExp, Product, string, string])[] = [
  [/^LoadBalancerId$/, 'Ens', 'DescribeLoadBalancers', 'LoadBalancerId'],
  [/^EnsRegionIds?$/, 'Sluice', 'DescribeSites', 'EnsRegionId'],
  [/^(ServerId|InstanceId)$/, 'Ens', 'DescribeInstances', 'InstanceId'],
  [/^NetworkIds?$/, 'Ens', 'DescribeNetworks', 'NetworkId'],
  [/^VSwitchIds?$/, 'Ens', 'DescribeVSwitches', 'VSwitchId'],
  [/^ForwarderName$/, 'Sluice', 'DescribeForwarders', 'ForwarderName'],
  [/^UserName$/, 'Ram', 'ListUsers', 'UserName'],
  [/^GroupName$/, 'Ram', 'ListGroups', 'GroupName'],
  [/^RoleName$/, 'Ram', 'ListRoles', 'RoleName'],
  [/^PolicyName$/, 'Ram', 'ListPolicies', 'PolicyName'],
];

const offers = new Map<string, Offer>();

/** What a parameter of this name may be, where a list tells. */
export function offerFor(name: string): Offer | undefined {
  const source = sources.find(([names]) => names.test(name));
  if (source === undefined) return undefined;
  const [, product, action, member] = source;
  const known = offers.get(action);
  if (known !== undefined) return known;
  const values = signal<readonly string[]>([]);
  const refresh = () => {
    call(product, action, pageOf(product, action))
      .then(({ body }) => {
        values.value = [...new Set(valuesOf(body, member))].slice(0, limits.explorerOffered);
      })
      .catch(() => {
        // A caller who may not list them may type one all the same.
        values.value = [];
      });
  };
  const offer = { values, refresh };
  offers.set(action, offer);
  return offer;
}

function pageOf(product: Product, action: string): Record<string, unknown> {
  if (product === 'Ram') return { MaxItems: limits.explorerOffered };
  return action === 'DescribeForwarders' ? {} : { PageSize: limits.explorerOffered };
}

/** Every value of a member of that name, however deep it stands. */
function valuesOf(body: unknown, member: string): string[] {
  if (typeof body !== 'object' || body === null) return [];
  return Object.entries(body).flatMap(([name, value]) =>
    name === member && typeof value === 'string' ? [value] : valuesOf(value, member),
  );
}

export function Offers({ id, offer }: { readonly id: string; readonly offer: Offer }) {
  return (
    <datalist id={id}>
      {offer.values.value.map((value) => (
        <option key={value} value={value} />
      ))}
    </datalist>
  );
}
