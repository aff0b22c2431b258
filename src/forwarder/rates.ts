import type { ReportTraffic } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import type { TrafficCount } from './engine.ts';

const growing = ['connections', 'requests', 'bytesIn', 'bytesOut'] as const;

type Totals = Pick<TrafficCount, (typeof growing)[number]>;
type Row = { -readonly [Field in keyof ReportTraffic]: ReportTraffic[Field] };

/**
 * Makes rates of running totals: the difference to the reading before, over the time between. A
 * source that has begun since then has counted from zero; a count that is lower than before has
 * added nothing, so no rate is ever negative.
 */
export class Rates {
  /** Source, load balancer, listener and server -> what it had counted. */
  readonly #known = new Map<string, { readonly totals: Totals; readonly at: number }>();
  /** Load balancer -> when it was read last. */
  #readAt = new Map<string, number>();

  /**
   * @param now Unix milliseconds
   * @returns load balancer -> rows; without rates where it was not read before
   */
  since(
    counts: readonly TrafficCount[],
    now: number,
  ): ReadonlyMap<string, readonly ReportTraffic[]> {
    const rows = new Map<string, Map<string, Row>>();
    for (const count of counts) {
      const { loadBalancerId: id, listener, server, source } = count;
      const place = `${listener} ${server === undefined ? '' : JSON.stringify(server)}`;
      const own = rows.get(id) ?? new Map<string, Row>();
      rows.set(id, own);
      const row = own.get(place) ?? { listener, ...(server === undefined ? {} : { server }) };
      own.set(place, row);
      row.sessions = (row.sessions ?? 0) + count.sessions;
      if (count.healthy !== undefined) row.healthy = count.healthy;
      const key = `${source} ${id} ${place}`;
      const readAt = this.#readAt.get(id);
      if (readAt !== undefined && now > readAt) {
        grow(row, count, this.#known.get(key)?.totals ?? {}, (now - readAt) / 1000);
      }
      this.#known.set(key, { totals: count, at: now });
    }
    this.#readAt = new Map([...rows.keys()].map((id) => [id, now]));
    for (const [key, { at }] of this.#known) {
      if (now - at > limits.trafficKept) this.#known.delete(key);
    }
    return new Map([...rows].map(([id, own]) => [id, [...own.values()].map(rounded)]));
  }

  clear(): void {
    this.#known.clear();
    this.#readAt.clear();
  }
}

function grow(row: Row, count: Totals, before: Totals, seconds: number): void {
  for (const field of growing) {
    const total = count[field];
    if (total === undefined) continue;
    const added = Math.max(0, total - (before[field] ?? 0));
    row[field] = (row[field] ?? 0) + added / seconds;
  }
}

/** To a tenth. */
function rounded(row: Row): ReportTraffic {
  const result = { ...row };
  for (const field of growing) {
    if (row[field] !== undefined) result[field] = Math.round(row[field] * 10) / 10;
  }
  return result;
}
