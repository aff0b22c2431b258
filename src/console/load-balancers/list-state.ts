import type { LoadBalancersLine } from '../../sdk/live.ts';

/** What the list shows, as its address keeps it. */
export interface ListState {
  /** Part of a name or an id, or a whole address. */
  readonly search: string;
  readonly site: string;
  readonly status: string;
  /** From 1. */
  readonly page: number;
}

/** Rows of a page: more than a screen holds, and quick to lay out. */
export const pageSize = 50;

/** The state that a query holds; what is no state of the list is left out. */
export function readState(query: Readonly<Record<string, string>>): ListState {
  const { search = '', site = '', status = '', page = '' } = query;
  const isStatus = status === 'Active' || status === 'InActive';
  return {
    search,
    site,
    status: isStatus ? status : '',
    page: /^[1-9]\d{0,5}$/.test(page) ? Number(page) : 1,
  };
}

/** The address of the list in a state; what is not set is not in it. */
export function addressOf({ search, site, status, page }: ListState): string {
  const set = Object.entries({ search, site, status, page: page === 1 ? '' : String(page) });
  const query = new URLSearchParams(set.filter(([, value]) => value !== ''));
  return `/console/${query.size === 0 ? '' : `?${query}`}`;
}

/** How many pages so many load balancers are; one where there is none. */
export function pagesOf(total: number): number {
  return Math.max(1, Math.ceil(total / pageSize));
}

/** `51 to 100 of 10,000` */
export function rangeText(page: number, total: number): string {
  const first = (page - 1) * pageSize + 1;
  if (first > total) return `none of ${count(total)}`;
  return `${count(first)} to ${count(Math.min(total, first + pageSize - 1))} of ${count(total)}`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/** What ListLoadBalancers is asked for a state. */
export function parametersOf({ search, site, status, page }: ListState) {
  const text = search.trim();
  return {
    ...(text === '' ? {} : { SearchKey: text }),
    ...(site === '' ? {} : { EnsRegionId: site }),
    ...(status === '' ? {} : { LoadBalancerStatus: status }),
    PageNumber: page,
    PageSize: pageSize,
  };
}

/** Whether a line may tell of something that the page shows, or has room for. */
export function concerns(line: LoadBalancersLine, shown: ReadonlySet<string>): boolean {
  if (line.Type === 'all') return true;
  if (line.Type === 'heartbeat') return false;
  const { Changed = [], Deleted = [] } = line;
  if (shown.size < pageSize && Changed.length > 0) return true;
  return [...Changed, ...Deleted].some((id) => shown.has(id));
}
