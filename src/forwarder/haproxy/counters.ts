import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import type { ReportCounters } from '../engine.ts';
import { parseSection } from './names.ts';
import type { Paths } from './paths.ts';
import { startOf } from './process.ts';
import { RuntimeSocket, WorkerGone } from './runtime.ts';
import { parseProcesses, parseStats, type StatsRow } from './tables.ts';

/** Of each proxy the frontend's row and the backend's, and none of servers. */
const command = 'show stat -1 3 -1';

/**
 * What HAProxy's workers count. A reload begins from zero in a new worker while the one before
 * goes on; what a worker has counted is kept until it was told, also when it has ended. It has a
 * connection of its own to the master, so that nobody's commands wait behind its tables.
 */
export class Counters {
  readonly #master: RuntimeSocket;
  readonly #log: Log;
  /** Worker -> its totals as last read. */
  readonly #read = new Map<string, readonly ReportCounters[]>();
  #again: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(paths: Paths, log: Log) {
    this.#master = new RuntimeSocket(paths.master);
    this.#log = log;
  }

  /** Every worker's totals. One that has ended since is told for the last time. */
  async all(): Promise<readonly ReportCounters[]> {
    const alive = await this.#look('all');
    const found: ReportCounters[] = [];
    for (const [source, totals] of this.#read) {
      if (alive.has(source)) {
        found.push(...totals);
        continue;
      }
      found.push(...totals.map((each) => ({ ...each, active: 0 })));
      this.#read.delete(source);
    }
    return found;
  }

  /** A reload is about to replace the worker: what it has counted by now is kept. */
  async beforeReload(): Promise<void> {
    try {
      await this.#look('all');
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error) }, 'cannot read what haproxy has counted');
    }
    this.#lookAgain();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#again);
  }

  /** @returns the workers that are alive */
  async #look(which: 'all' | 'old'): Promise<ReadonlySet<string>> {
    const alive = new Set<string>();
    const { current, old } = await this.#processes();
    for (const pid of current === undefined ? old : [current, ...old]) {
      const start = startOf(pid);
      if (start === undefined) continue;
      const source = `haproxy-${pid}-${start}`;
      alive.add(source);
      if (which === 'old' && pid === current) continue;
      const rows = await this.#stats(pid);
      if (rows !== undefined) this.#read.set(source, totalsOf(source, rows));
    }
    if (old.length > 0) this.#lookAgain();
    return alive;
  }

  /** Replaced workers end at any moment, and their last counts with them. */
  #lookAgain(): void {
    clearTimeout(this.#again);
    if (this.#isClosed) return;
    const run = () => {
      // Away in a reload, or for good: the next reading tells.
      this.#look('old').catch(() => undefined);
    };
    this.#again = setTimeout(run, limits.countersOfOld).unref();
  }

  async #processes() {
    try {
      return parseProcesses((await this.#master.run(['show proc']))[0] ?? '');
    } catch (error) {
      if (!(error instanceof WorkerGone)) throw error;
      return { current: undefined, old: [] };
    }
  }

  async #stats(pid: number): Promise<StatsRow[] | undefined> {
    try {
      return parseStats((await this.#master.run([`@!${pid} ${command}`]))[0] ?? '');
    } catch (error) {
      // What was read of it before stands.
      if (error instanceof WorkerGone) return undefined;
      throw error;
    }
  }
}

type Totals = { -readonly [Field in keyof ReportCounters]: ReportCounters[Field] };

/** The totals of one worker's listeners. */
export function totalsOf(source: string, rows: readonly StatsRow[]): ReportCounters[] {
  const totals = new Map<string, Totals>();
  /** Listener -> requests that `averageMs` is of. */
  const weights = new Map<string, number>();
  for (const row of rows) {
    const section = parseSection(row.name);
    if (section === undefined) continue;
    const { prefix, loadBalancerId, listener } = section;
    const total = totals.get(prefix) ?? { ...nothing, loadBalancerId, listener, source };
    totals.set(prefix, total);
    if (section.role === 'front') add(total, row, 1);
    // Passed on to the worker that accepts, which counts it as if the client had sent it there.
    if (section.role === 'next') add(total, row, -1);
    if (section.role !== 'pool' && section.role !== 'open') continue;
    total.dropped += row.failed;
    const weight = weights.get(prefix) ?? 0;
    const sum = total.averageMs * weight + row.averageMs * row.requests;
    weights.set(prefix, weight + row.requests);
    total.averageMs = sum / (weight + row.requests || 1);
  }
  return [...totals.values()];
}

const nothing = {
  active: 0,
  connections: 0,
  dropped: 0,
  bytesIn: 0,
  bytesOut: 0,
  requests: 0,
  responses2xx: 0,
  responses3xx: 0,
  responses4xx: 0,
  responses5xx: 0,
  averageMs: 0,
};

function add(total: Totals, row: StatsRow, sign: 1 | -1): void {
  total.active += sign * row.active;
  total.connections += sign * row.connections;
  total.dropped += sign * row.denied;
  total.bytesIn += sign * row.bytesIn;
  total.bytesOut += sign * row.bytesOut;
  total.requests += sign * row.requests;
  total.responses2xx += sign * row.responses2xx;
  total.responses3xx += sign * row.responses3xx;
  total.responses4xx += sign * row.responses4xx;
  total.responses5xx += sign * row.responses5xx;
}
