import { type ListenerMinute, minuteFields, type ReportHealth } from '../fleet/protocol.ts';
import type { ReportCounters } from './engine.ts';

/** Running totals of `ReportCounters` that a minute has the growth of. */
const growing = [
  'connections',
  'dropped',
  'bytesIn',
  'bytesOut',
  'requests',
  'responses2xx',
  'responses3xx',
  'responses4xx',
  'responses5xx',
  'packetsIn',
  'packetsOut',
] as const;

/** What was read last: source, load balancer and listener -> the totals, in order of `growing`. */
export type Baseline = Readonly<Record<string, readonly number[]>>;

/** Load balancer -> `tcp:80` -> what it did since the baseline. */
export type Growth = ReadonlyMap<string, ReadonlyMap<string, ListenerMinute>>;

type Mutable = { -readonly [Field in keyof ListenerMinute]: ListenerMinute[Field] };

/** What to measure by next time, where `before` was read before `counters`. */
export function baselineOf(before: Baseline, counters: readonly ReportCounters[]): Baseline {
  return Object.fromEntries(
    counters.map((each) => {
      const known = before[keyOf(each)] ?? [];
      const totals = totalsOf(each).map((total, index) => Math.max(total, known[index] ?? 0));
      return [keyOf(each), totals];
    }),
  );
}

/**
 * What listeners did since the baseline was read. A source that is not in it has counted from
 * zero since. A total that is a little lower was read while a request passed from one worker to
 * the next, which has counted it too: nothing was added.
 * @param health each server as it stands now
 */
export function growthSince(
  before: Baseline,
  counters: readonly ReportCounters[],
  health: readonly ReportHealth[],
): Growth {
  const growth = new Map<string, Map<string, Mutable>>();
  for (const each of counters) {
    const { loadBalancerId, listener } = each;
    const listeners = growth.get(loadBalancerId) ?? new Map<string, Mutable>();
    const minute = listeners.get(listener) ?? blank();
    growth.set(loadBalancerId, listeners);
    listeners.set(listener, minute);
    const known = before[keyOf(each)] ?? [];
    const grown = totalsOf(each).map((total, index) => Math.max(0, total - (known[index] ?? 0)));
    for (const [index, field] of growing.entries()) minute[field] += grown[index]!;
    minute.active += each.active;
    minute.responseMs += Math.round(each.averageMs * grown[growing.indexOf('requests')]!);
  }
  for (const { loadBalancerId, listener, healthy } of health) {
    const minute = growth.get(loadBalancerId)?.get(listener);
    if (minute !== undefined) minute[healthy ? 'validServers' : 'invalidServers'] += 1;
  }
  return growth;
}

function keyOf({ source, loadBalancerId, listener }: ReportCounters): string {
  return `${source} ${loadBalancerId} ${listener}`;
}

function totalsOf(counters: ReportCounters): number[] {
  return growing.map((field) => counters[field] ?? 0);
}

function blank(): Mutable {
  return Object.fromEntries(minuteFields.map((field) => [field, 0])) as unknown as Mutable;
}
