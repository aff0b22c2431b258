import type { LoadBalancerState, ServerKey, WatchedDrain, WatchedServer } from '../../sdk/live.ts';

/** A row of the table of servers: one entry of the pool, attached or on its way out. */
export interface ServerRow {
  /** Tells rows apart. */
  readonly key: string;
  readonly server: WatchedServer;
  /** Absent: it is attached. */
  readonly drain?: WatchedDrain;
  /** What probes say, over listeners and forwarders. */
  readonly health: Health;
  /** Sums over listeners; undefined = not known. */
  readonly sessions: number | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly connectionsPerSecond: number | undefined;
}

/** Columns of the table of servers, for what spans them all. */
export const columns = 8;

/** How rows of a server look that is on its way out, or gone. */
export function leavingClass({ Over }: WatchedDrain): string {
  return Over ? 'leaving over' : 'leaving';
}

export interface Health {
  readonly healthy: number;
  readonly probed: number;
}

export function keyOf({ ServerId, Type, Ip, Port }: ServerKey): string {
  return `${Type} ${ServerId} ${Ip} ${Port}`;
}

/** `10.0.0.5:80`; without the port where the listeners' own is meant. */
export function addressOf({ Ip, Port }: ServerKey): string {
  const host = Ip.includes(':') && Port !== 0 ? `[${Ip}]` : Ip;
  return Port === 0 ? host : `${host}:${Port}`;
}

/**
 * Every server, in an order that nothing but coming and going changes: one that is removed stays
 * where it stood.
 */
export function serverRows({ LoadBalancer, Drains, Health, Figures }: LoadBalancerState) {
  const attached = LoadBalancer.BackendServers.map((server) => ({ server }));
  const present = new Set(LoadBalancer.BackendServers.map(keyOf));
  // Of a server that drained, came back and drains again, the last drain counts.
  const drains = new Map<string, WatchedDrain>();
  for (const drain of Drains) {
    const key = keyOf(drain);
    if (!present.has(key) && !drains.has(key)) drains.set(key, drain);
  }
  // Grouped once: with many servers and listeners these are long lists, and new each second.
  const figuresOf = Map.groupBy(Figures.Servers, keyOf);
  const saidOf = Map.groupBy(Health, keyOf);
  const leaving = [...drains.values()].map((drain) => ({ server: drain, drain }));
  const rows = [...attached, ...leaving].map((row): ServerRow => {
    const key = keyOf(row.server);
    const figures = figuresOf.get(key) ?? [];
    return {
      key,
      ...row,
      health: healthOf(saidOf.get(key) ?? []),
      sessions: sum(figures.map(({ Sessions }) => Sessions)),
      requestsPerSecond: sum(figures.map(({ RequestsPerSecond }) => RequestsPerSecond)),
      connectionsPerSecond: sum(figures.map(({ ConnectionsPerSecond }) => ConnectionsPerSecond)),
    };
  });
  return rows.toSorted((a, b) => order(a.server, b.server));
}

/** Ids with numbers in them stand as people count. */
const collator = new Intl.Collator('en', { numeric: true });

function order(a: ServerKey, b: ServerKey): number {
  return (
    collator.compare(a.ServerId, b.ServerId) || collator.compare(a.Ip, b.Ip) || a.Port - b.Port
  );
}

export function healthOf(rows: readonly { readonly Healthy: boolean }[]): Health {
  return { healthy: rows.filter(({ Healthy }) => Healthy).length, probed: rows.length };
}

/** The sum of what is known; undefined when nothing is. */
export function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

/**
 * The entries of the pool that a removal of `chosen` takes out: a server without a port of its own
 * cannot be named by one, so its entries with a port go too.
 */
export function removedWith(
  pool: readonly WatchedServer[],
  chosen: readonly ServerKey[],
): readonly WatchedServer[] {
  return pool.filter((entry) =>
    chosen.some(
      ({ ServerId, Type, Ip, Port }) =>
        entry.ServerId === ServerId &&
        entry.Type === Type &&
        entry.Ip === Ip &&
        (Port === 0 || entry.Port === Port),
    ),
  );
}

/** The weight that an entry of the pool has; undefined = it is not attached. */
export function weightOf(
  { LoadBalancer }: Pick<LoadBalancerState, 'LoadBalancer'>,
  server: ServerKey,
): number | undefined {
  return LoadBalancer.BackendServers.find((each) => keyOf(each) === keyOf(server))?.Weight;
}
