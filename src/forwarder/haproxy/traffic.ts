import type { TrafficCount } from '../engine.ts';
import { totalsOf } from './counters.ts';
import type { Crew } from './crew.ts';
import { parseServer } from './names.ts';
import type { Paths } from './paths.ts';
import { RuntimeSocket, WorkerGone } from './runtime.ts';
import { parseStats, parseTraffic } from './tables.ts';
import type { LoadedPool, Worker } from './worker.ts';

/**
 * What HAProxy's workers count of a few load balancers: their sections alone are asked for, over
 * a connection of its own to the master, so that no change waits behind a figure.
 */
export class Traffic {
  readonly #master: RuntimeSocket;
  readonly #crew: Crew;

  constructor(paths: Paths, crew: Crew) {
    this.#master = new RuntimeSocket(paths.master);
    this.#crew = crew;
  }

  async read(ids: ReadonlySet<string>): Promise<TrafficCount[]> {
    const found: TrafficCount[] = [];
    for (const worker of this.#crew.all) {
      const pools = [...ids].flatMap((id) => worker.pools(id));
      if (pools.length > 0) found.push(...(await this.#readIn(worker, pools)));
    }
    return found;
  }

  /** @returns nothing of a worker that has ended */
  async #readIn(worker: Worker, pools: readonly LoadedPool[]): Promise<TrafficCount[]> {
    const sections = [...new Set(pools.map(({ name }) => name.replace(/\.\w+$/, '')))];
    const fronts = sections.flatMap((name) => [
      `show stat ${name}.front 1 -1`,
      ...(/\.https?-/.test(name) ? [`show stat ${name}.next 2 -1`] : []),
    ]);
    const commands = [...fronts, ...pools.map(({ name }) => `show stat ${name} 4 -1`)];
    let answers: string[];
    try {
      answers = await this.#master.run(commands.map((command) => `@!${worker.pid} ${command}`));
    } catch (error) {
      if (error instanceof WorkerGone) return [];
      throw error;
    }
    const source = `haproxy-${worker.pid}`;
    const listeners = totalsOf(source, answers.slice(0, fronts.length).flatMap(parseStats)).map(
      ({ active, requests, listener, ...total }): TrafficCount => ({
        loadBalancerId: total.loadBalancerId,
        listener,
        source,
        sessions: Math.max(0, active),
        connections: total.connections,
        ...(listener.startsWith('tcp') ? {} : { requests }),
        bytesIn: total.bytesIn,
        bytesOut: total.bytesOut,
      }),
    );
    const servers = pools.flatMap((pool, index) =>
      serversOf(worker, pool, answers[fronts.length + index]!),
    );
    return [...listeners, ...servers];
  }
}

function serversOf({ pid, isOld }: Worker, pool: LoadedPool, table: string): TrafficCount[] {
  const { loadBalancerId, listener, role, name } = pool;
  return parseTraffic(table).flatMap((row) => {
    const server = parseServer(row.server);
    if (server === undefined) return [];
    const { sessions, bytesIn, bytesOut, healthy } = row;
    // Of a server in HTTP a session is a request.
    const { sessionsTotal, connects } = row;
    const totals = listener.startsWith('tcp')
      ? { connections: sessionsTotal }
      : { connections: connects, requests: sessionsTotal };
    const isProbed = role === 'pool' && !isOld && healthy !== undefined;
    return [
      {
        loadBalancerId,
        listener,
        server,
        source: `haproxy-${pid} ${name}`,
        sessions,
        ...totals,
        bytesIn,
        bytesOut,
        ...(isProbed ? { healthy } : {}),
      },
    ];
  });
}
