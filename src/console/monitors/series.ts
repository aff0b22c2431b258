/** What the monitor actions answer, as lines of charts. */

/** A row of DescribeLoadBalancerListenMonitor: one listener, one minute. */
export interface TrafficRow {
  readonly BizTime: string;
  readonly Proto: string;
  readonly VPort: string;
  readonly ActConns: string;
  readonly Conns: string;
  readonly DropConns: string;
  readonly InBytes: string;
  readonly OutBytes: string;
  readonly InPkts: string;
  readonly OutPkts: string;
  readonly ValidRsNum: string;
  readonly InValidRsNum: string;
}

/** A row of DescribeServerLoadBalancerListenMonitor. */
export interface RequestRow {
  readonly BizTime: string;
  readonly Proto: string;
  readonly Vport: number;
  readonly Reqs2xx: number;
  readonly Reqs3xx: number;
  readonly Reqs4xx: number;
  readonly Reqs5xx: number;
}

/** The minutes of one load balancer from `from` on and before `until` (Unix milliseconds). */
export interface Monitored {
  readonly from: number;
  readonly until: number;
  readonly traffic: readonly TrafficRow[];
  readonly requests: readonly RequestRow[];
}

/** One line of a chart; null = nothing is known of that minute. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  /** Empty = a count. */
  readonly unit: string;
  /** What a reader should know about how it is counted. */
  readonly hint?: string;
  readonly lines: readonly Line[];
}

export interface Charts {
  /** Unix milliseconds at which each minute began. */
  readonly times: readonly number[];
  readonly charts: readonly Chart[];
}

export const minute = 60_000;

/** As StartTime and EndTime take it. */
export function apiTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Whole minutes that end with the last one that is over. */
export function windowOf(now: number, hours: number): { from: number; until: number } {
  const until = Math.floor(now / minute) * minute;
  return { from: until - hours * 60 * minute, until };
}

const ofTraffic = (row: TrafficRow) => `${row.Proto}:${row.VPort}`;
const ofRequests = (row: RequestRow) => `${row.Proto}:${row.Vport}`;

/** A line before there are rows: what it takes of each, and how listeners come together. */
interface Recipe<Row> {
  readonly name: string;
  readonly take: (row: Row) => number;
  readonly merge?: (a: number, b: number) => number;
}

const rate = (perMinute: string | number) => Number(perMinute) / 60;
const bits = (bytes: string) => rate(bytes) * 8;

const connections: readonly Recipe<TrafficRow>[] = [
  { name: 'open', take: (row) => Number(row.ActConns) },
];
const newConnections: readonly Recipe<TrafficRow>[] = [
  { name: 'new', take: (row) => rate(row.Conns) },
  { name: 'came to no server', take: (row) => rate(row.DropConns) },
];
const traffic: readonly Recipe<TrafficRow>[] = [
  { name: 'from clients', take: (row) => bits(row.InBytes) },
  { name: 'to clients', take: (row) => bits(row.OutBytes) },
];
const packets: readonly Recipe<TrafficRow>[] = [
  { name: 'from clients', take: (row) => rate(row.InPkts) },
  { name: 'to clients', take: (row) => rate(row.OutPkts) },
];
const answers: readonly Recipe<RequestRow>[] = [
  { name: '2xx', take: (row) => rate(row.Reqs2xx) },
  { name: '3xx', take: (row) => rate(row.Reqs3xx) },
  { name: '4xx', take: (row) => rate(row.Reqs4xx) },
  { name: '5xx', take: (row) => rate(row.Reqs5xx) },
];
const servers: readonly Recipe<TrafficRow>[] = [
  { name: 'in service', take: (row) => Number(row.ValidRsNum), merge: Math.min },
  { name: 'probes fail', take: (row) => Number(row.InValidRsNum), merge: Math.max },
];

/**
 * The charts of one listener (`tcp:80`), or of all together when it is undefined. A minute that
 * nobody reported is null everywhere: what is not known is not zero.
 */
export function chartsOf(monitored: Monitored, listener?: string): Charts {
  const { from, until } = monitored;
  const length = Math.max(0, Math.ceil((until - from) / minute));
  const times = Array.from({ length }, (_, index) => from + index * minute);
  const isWanted = (name: string) => listener === undefined || name === listener;
  const rows = monitored.traffic.filter((row) => isWanted(ofTraffic(row)));
  const requests = monitored.requests.filter((row) => isWanted(ofRequests(row)));
  const of = <Row extends Timed>(recipes: readonly Recipe<Row>[], from: readonly Row[]) =>
    recipes.map((recipe) => ({ name: recipe.name, values: gather(recipe, from, times) }));
  const charts: readonly Chart[] = [
    {
      title: 'Connections',
      unit: '',
      hint: 'Open when the minute ended.',
      lines: of(connections, rows),
    },
    { title: 'New connections', unit: '/s', lines: of(newConnections, rows) },
    { title: 'Traffic', unit: 'bit/s', lines: of(traffic, rows) },
    {
      title: 'Packets',
      unit: '/s',
      hint: 'Of listeners that the kernel carries: HAProxy sees no packets.',
      lines: of(packets, countingPackets(rows)),
    },
    {
      title: 'Answers by status',
      unit: '/s',
      hint: 'Of HTTP and HTTPS listeners.',
      lines: of(answers, requests),
    },
    {
      title: 'Servers',
      unit: '',
      hint: 'Of several listeners the one that has it worst.',
      lines: of(servers, rows),
    },
  ];
  return { times, charts };
}

type Timed = { readonly BizTime: string };

function gather<Row extends Timed>(
  { take, merge = (a, b) => a + b }: Recipe<Row>,
  rows: readonly Row[],
  times: readonly number[],
): readonly (number | null)[] {
  const values: (number | null)[] = times.map(() => null);
  for (const row of rows) {
    const index = (Date.parse(row.BizTime) - (times[0] ?? 0)) / minute;
    const before = values[index];
    if (before === undefined) continue;
    values[index] = before === null ? take(row) : merge(before, take(row));
  }
  return values;
}

/** Rows of listeners whose engine sees packets: 0 from one that does not is no count. */
function countingPackets(rows: readonly TrafficRow[]): readonly TrafficRow[] {
  const counting = new Set(
    rows.filter((row) => Number(row.InPkts) + Number(row.OutPkts) > 0).map(ofTraffic),
  );
  return rows.filter((row) => row.Proto === 'udp' || counting.has(ofTraffic(row)));
}

/** Whether any line has a value anywhere. */
export function isKnown({ lines }: Chart): boolean {
  return lines.some(({ values }) => values.some((value) => value !== null));
}

/** Indices of values with a gap on both sides: a line alone would not show them. */
export function alone(values: readonly (number | null | undefined)[]): number[] {
  const isGap = (index: number) => values[index] === null || values[index] === undefined;
  return values.flatMap((_, index) =>
    !isGap(index) && isGap(index - 1) && isGap(index + 1) ? [index] : [],
  );
}
