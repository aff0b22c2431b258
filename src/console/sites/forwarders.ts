import { timeText } from '../ui/time.ts';

/** What DescribeForwarders tells, and what the page of sites makes of it. */

export interface ForwarderSite {
  readonly EnsRegionId: string;
  /** `live`, `silent`, `fencing`, `fenced`, `left` or `unseen`. */
  readonly State: string;
  /** UTC; empty while it reports. */
  readonly SilentSince: string;
  readonly Counted: boolean;
  readonly Fences: boolean;
  readonly Revision: number;
  readonly SiteRevision: number;
  readonly Behind: number;
  readonly BehindLoadBalancers: readonly string[];
  readonly Engine: string;
  readonly FailureCount: number;
  readonly Failures: {
    readonly Failure: readonly {
      readonly LoadBalancerId: string;
      readonly Listener: string;
      readonly Reason: string;
    }[];
  };
  readonly Notices: readonly string[];
}

export interface Forwarder {
  readonly EnsRegionId: string;
  readonly ForwarderName: string;
  readonly Live: boolean;
  readonly Sites: { readonly Site: readonly ForwarderSite[] };
  readonly CreateTime: string;
}

/** A forwarder at one site. `at` is undefined when it does not serve it. */
export interface Carrier {
  readonly forwarder: Forwarder;
  readonly at: ForwarderSite | undefined;
}

/** The site of a forwarder that serves every site without a forwarder of its own. */
export const everySite = '*';

/**
 * Who should carry a site: its own forwarders, or those of every site while it has none. One of
 * every site that still carries it is told too.
 */
export function carriersOf(site: string, forwarders: readonly Forwarder[]): readonly Carrier[] {
  const hasOwn = forwarders.some(({ EnsRegionId }) => EnsRegionId === site);
  return forwarders
    .map((forwarder) => ({
      forwarder,
      at: forwarder.Sites.Site.find(({ EnsRegionId }) => EnsRegionId === site),
    }))
    .filter(({ forwarder: { EnsRegionId }, at }) =>
      EnsRegionId === everySite ? !hasOwn || at !== undefined : EnsRegionId === site,
    );
}

/** How far a carrier is behind its site's last change, in words; undefined = not known. */
export function lagOf({ at }: Carrier): string | undefined {
  if (at === undefined || at.State !== 'live') return undefined;
  if (at.Behind === 0) return 'up to date';
  const revisions = at.SiteRevision - at.Revision;
  const balancers = at.Behind === 1 ? '1 load balancer' : `${at.Behind} load balancers`;
  return `${revisions} ${revisions === 1 ? 'revision' : 'revisions'} behind: ${balancers}`;
}

/** A forwarder that lacks a load balancer's last change, and why. */
interface Missing {
  readonly forwarder: string;
  readonly reason: string;
}

/** What a person is shown of how a forwarder stands to a site. */
export function standingOf(at: ForwarderSite | undefined): {
  readonly label: string;
  readonly kind: 'good' | 'warn' | 'bad';
  readonly more: string;
} {
  const since = at === undefined || at.SilentSince === '' ? '' : timeText(at.SilentSince);
  switch (at?.State) {
    case 'live':
      return { label: 'Live', kind: 'good', more: at.Fences ? 'fences when cut off' : '' };
    case 'silent':
      return { label: 'Silent', kind: 'bad', more: `since ${since}; it may go on serving` };
    case 'fencing':
      return { label: 'Fencing', kind: 'warn', more: `silent since ${since}` };
    case 'fenced':
      return { label: 'Fenced', kind: 'warn', more: `serves nothing; silent since ${since}` };
    case 'left':
      return { label: 'Stopped', kind: 'warn', more: 'serves nothing' };
    default:
      return { label: 'Not connected', kind: 'bad', more: 'has never connected' };
  }
}

/** Every load balancer of a site whose last change is not on all its forwarders. `*` = all. */
export function unfinished(carriers: readonly Carrier[]): ReadonlyMap<string, readonly Missing[]> {
  const found = new Map<string, Missing[]>();
  const note = (loadBalancer: string, missing: Missing) =>
    found.set(loadBalancer, [...(found.get(loadBalancer) ?? []), missing]);
  for (const { forwarder, at } of carriers) {
    if (at === undefined || !at.Counted) continue;
    const { ForwarderName } = forwarder;
    if (at.State !== 'live') {
      const { label, more } = standingOf(at);
      note('*', { forwarder: ForwarderName, reason: `${label.toLowerCase()}, ${more}` });
      continue;
    }
    const failed = new Set<string>();
    for (const { LoadBalancerId, Listener, Reason } of at.Failures.Failure) {
      failed.add(LoadBalancerId);
      const reason = Listener === '' ? Reason : `${Listener}: ${Reason}`;
      note(LoadBalancerId, { forwarder: ForwarderName, reason });
    }
    for (const id of at.BehindLoadBalancers) {
      if (failed.has(id)) continue;
      note(id, { forwarder: ForwarderName, reason: `It is at revision ${at.Revision} still.` });
    }
  }
  return found;
}

/** How many more there are than `unfinished` tells, on the forwarder that has most of them. */
export function untold(carriers: readonly Carrier[]): number {
  const more = carriers.map(({ at }) =>
    at === undefined
      ? 0
      : Math.max(
          at.Behind - at.BehindLoadBalancers.length,
          at.FailureCount - at.Failures.Failure.length,
        ),
  );
  return Math.max(0, ...more);
}

/**
 * What to run on the machine that is to be a forwarder. The secret is typed, so that it stands in
 * no shell history.
 */
export function forwarderCommand(endpoint: string, site: string, accessKeyId: string): string {
  const quoted = site === everySite ? `'${site}'` : site;
  return [
    'read -rsp "Access key secret: " ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    'export ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    `export ALIBABA_CLOUD_ACCESS_KEY_ID=${accessKeyId}`,
    `sluice forwarder --endpoint ${endpoint} --site ${quoted}`,
  ].join('\n');
}
