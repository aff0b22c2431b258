import type { AuditEvent } from './event.ts';

/** What of the audit trail is shown, as its address keeps it; '' = not narrowed. */
export interface Filters {
  /** One of `ranges`, or `between`. */
  readonly range: string;
  /** ISO times in UTC, of the range `between`. */
  readonly from: string;
  readonly to: string;
  readonly action: string;
  readonly resource: string;
  readonly user: string;
  /** `writes`, `errors` or ''. */
  readonly only: string;
}

const hour = 3_600_000;

export const ranges: ReadonlyMap<string, { readonly text: string; readonly ms: number }> = new Map([
  ['1h', { text: 'Last hour', ms: hour }],
  ['24h', { text: 'Last 24 hours', ms: 24 * hour }],
  ['7d', { text: 'Last 7 days', ms: 7 * 24 * hour }],
  ['90d', { text: 'Last 90 days', ms: 90 * 24 * hour }],
]);

export const noFilters: Filters = {
  ...{ range: '7d', from: '', to: '', action: '', resource: '', user: '', only: '' },
};

/** The filters that a query holds; what is none is left out. */
export function readFilters(query: Readonly<Record<string, string>>): Filters {
  const {
    range = '',
    from = '',
    to = '',
    action = '',
    resource = '',
    user = '',
    only = '',
  } = query;
  const isTime = (text: string) => !Number.isNaN(Date.parse(text));
  const isBetween = range === 'between' && (isTime(from) || isTime(to));
  return {
    range: isBetween || ranges.has(range) ? range : noFilters.range,
    from: isBetween && isTime(from) ? from : '',
    to: isBetween && isTime(to) ? to : '',
    action,
    resource,
    user,
    only: only === 'writes' || only === 'errors' ? only : '',
  };
}

/** The address of the audit trail with filters; what is as usual is not in it. */
export function addressOf(filters: Filters, event = ''): string {
  const set = Object.entries(filters).filter(
    ([name, value]) => value !== noFilters[name as keyof Filters],
  );
  const query = new URLSearchParams(event === '' ? set : [...set, ['event', event]]);
  return `/console/audit${query.size === 0 ? '' : `?${query}`}`;
}

/** The times that a range means, as LookupEvents takes them: whole seconds, UTC. */
export function timesOf({ range, from, to }: Filters, now: number) {
  const seconds = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const usual = ranges.get(range)?.ms;
  // Up to now means with what comes while one looks.
  if (usual !== undefined) return { StartTime: seconds(now - usual) };
  return {
    StartTime: seconds(from === '' ? 0 : Date.parse(from)),
    ...(to === '' ? {} : { EndTime: seconds(Date.parse(to)) }),
  };
}

/**
 * What LookupEvents narrows by itself: it takes two attributes, so the two that leave least.
 * The page looks at the rest (`isWanted`).
 */
export function attributesOf({ action, resource, user, only }: Filters) {
  return Object.entries({
    ResourceName: resource,
    EventName: action,
    User: user,
    EventRW: only === 'writes' ? 'Write' : '',
  })
    .filter(([, value]) => value !== '')
    .slice(0, 2)
    .map(([Key, Value]) => ({ Key, Value }));
}

/** Whether an event is one of those that the filters leave, times aside. */
export function isWanted(event: AuditEvent, { action, resource, user, only }: Filters): boolean {
  const names = Object.values(event.referencedResources).flat();
  return (
    (action === '' || event.eventName === action) &&
    (user === '' || event.userIdentity.userName === user) &&
    (resource === '' || names.includes(resource)) &&
    (only !== 'writes' || event.eventRW === 'Write') &&
    (only !== 'errors' || event.errorCode !== undefined)
  );
}
