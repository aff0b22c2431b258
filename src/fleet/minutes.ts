import { createHash } from 'node:crypto';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Store, Write } from '../store/store.ts';
import { type ListenerMinute, type MinuteReport, minuteFields, unpackMinute } from './protocol.ts';

/** What forwarders counted, minute by minute, as it stands in the store. */

/** One value: the load balancers of one bucket. */
interface StoredMinute {
  readonly v: 1;
  readonly listeners: MinuteReport['listeners'];
}

export interface MinuteSource {
  readonly site: string;
  readonly forwarder: string;
  /** Unix milliseconds. */
  readonly now: number;
}

/** The value of a site's minute that has a load balancer. */
function bucketOf(loadBalancerId: string): number {
  const digest = createHash('sha256').update(loadBalancerId).digest();
  return digest.readUInt32BE() % limits.minuteBuckets;
}

/** `yyyy-MM-ddTHH:mm` of a moment. */
function minuteOf(time: number): string {
  return new Date(time).toISOString().slice(0, 16);
}

/** True for `yyyy-MM-ddTHH:mm` of a minute that there is. */
export function isMinute(text: string): boolean {
  const time = Date.parse(`${text}:00Z`);
  return !Number.isNaN(time) && minuteOf(time) === text;
}

/**
 * Keeps what a forwarder says of a minute: one commit, written once. What comes again, here or
 * through another control plane, changes nothing. With it a few values go whose time is over. A
 * minute that is kept no longer, or is yet to come, is not taken.
 * @throws StoreUnavailable
 */
export async function storeMinute(
  store: Store,
  { site, forwarder, now }: MinuteSource,
  { minute, part, listeners }: MinuteReport,
): Promise<void> {
  const oldest = minuteOf(now - limits.minutesKept);
  if (minute < oldest || minute > minuteOf(now + limits.clockSkew)) return;
  const buckets = Map.groupBy(Object.entries(listeners), ([id]) => bucketOf(id));
  const puts = Array.from(buckets, ([bucket, entries]): Write => {
    const value: StoredMinute = { v: 1, listeners: Object.fromEntries(entries) };
    return {
      key: keys.minute(site, bucket, minute, forwarder, part),
      value: JSON.stringify(value),
    };
  });
  if (puts.length === 0) return;
  const ifRevision = new Map(puts.map(({ key }) => [key, 0]));
  await store.commit({ ifRevision, puts, deletes: await overdue(store, puts, oldest) });
}

/**
 * Some keys that are kept no longer: behind each written one stand the oldest of the next bucket
 * or site, so that all have their turn, also those that nobody writes any more.
 */
async function overdue(store: Store, puts: readonly Write[], oldest: string): Promise<string[]> {
  const limit = Math.min(limits.sweep, Math.floor(limits.commitKeys / puts.length) - 1);
  const found = new Set<string>();
  for (const { key } of puts) {
    let { entries } = await store.range(keys.allMinutes, { after: key, limit });
    if (entries.length === 0) ({ entries } = await store.range(keys.allMinutes, { limit }));
    for (const entry of entries) {
      if ((entry.key.split('/')[3] ?? '') < oldest) found.add(entry.key);
    }
  }
  return [...found];
}

/** One minute of one load balancer, over the forwarders of its site. */
export interface MonitoredMinute {
  /** Unix milliseconds, when it began. */
  readonly time: number;
  /** `tcp:80` -> what it did. */
  readonly listeners: ReadonlyMap<string, ListenerMinute>;
}

/** The minutes of a load balancer that began from `from` on and before `until`, in order. */
export async function readMinutes(
  store: Store,
  { site, id }: { readonly site: string; readonly id: string },
  { from, until }: { readonly from: number; readonly until: number },
): Promise<MonitoredMinute[]> {
  const prefix = keys.minutes(site, bucketOf(id));
  const end = `${prefix}${minuteOf(until + 59_999)}`;
  const minutes = new Map<string, Map<string, Map<string, ListenerMinute>>>();
  let after = `${prefix}${minuteOf(from + 59_999)}`;
  for (;;) {
    const { entries } = await store.range(prefix, { after, limit: limits.rangePage });
    for (const { key, value } of entries) {
      if (key >= end) return inOrder(minutes);
      const [, , , minute = '', forwarder = ''] = key.split('/');
      const found = (JSON.parse(value) as StoredMinute).listeners[id];
      if (found === undefined) continue;
      const forwarders = minutes.get(minute) ?? new Map<string, Map<string, ListenerMinute>>();
      const listeners = forwarders.get(forwarder) ?? new Map<string, ListenerMinute>();
      minutes.set(minute, forwarders.set(forwarder, listeners));
      for (const [name, numbers] of Object.entries(found)) {
        const next = unpackMinute(numbers);
        const before = listeners.get(name);
        listeners.set(name, before === undefined ? next : inSequence(before, next));
      }
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < limits.rangePage) return inOrder(minutes);
    after = last.key;
  }
}

function inOrder(
  minutes: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, ListenerMinute>>>,
): MonitoredMinute[] {
  return Array.from(minutes, ([minute, forwarders]) => {
    const listeners = new Map<string, ListenerMinute>();
    for (const own of forwarders.values()) {
      for (const [name, each] of own) {
        const others = listeners.get(name);
        listeners.set(name, others === undefined ? each : sideBySide(others, each));
      }
    }
    return { time: Date.parse(`${minute}:00Z`), listeners };
  });
}

function sum(a: ListenerMinute, b: ListenerMinute): ListenerMinute {
  const entries = minuteFields.map((field) => [field, a[field] + b[field]]);
  return Object.fromEntries(entries) as ListenerMinute;
}

/** Two parts of one forwarder's minute: how things stand is what the later one says. */
function inSequence(before: ListenerMinute, { ...after }: ListenerMinute): ListenerMinute {
  const { validServers, invalidServers, active } = after;
  return { ...sum(before, after), validServers, invalidServers, active };
}

/** Two forwarders with the same servers: of those the one counts that sees fewer healthy. */
function sideBySide(a: ListenerMinute, b: ListenerMinute): ListenerMinute {
  const { validServers, invalidServers } = a.invalidServers >= b.invalidServers ? a : b;
  return { ...sum(a, b), validServers, invalidServers };
}
