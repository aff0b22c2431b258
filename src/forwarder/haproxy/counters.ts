import net from 'node:net';
import { backOff } from '../../clock.ts';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import { noCounts, type ReportCounters } from '../engine.ts';
import { parseSection } from './names.ts';
import type { Paths } from './paths.ts';
import { startOf } from './process.ts';
import { RuntimeSocket, WorkerGone } from './runtime.ts';
import { parseProcesses, parseStats, type StatsRow } from './tables.ts';

/** Of each proxy the frontend's row and the backend's, and none of servers. */
const command = 'show stat -1 3 -1';

/**
 * What HAProxy's workers count. A reload begins from zero in a new worker while the one before
 * goes on; what a worker has counted is kept until it was told, also when it has ended. A worker
 * that was replaced ends with its last connection, so one is held to it until its last counts were
 * read. Reading has a connection of its own to the master: nobody's commands wait behind it.
 */
export class Counters {
  readonly #master: RuntimeSocket;
  readonly #paths: Paths;
  readonly #log: Log;
  /** Worker -> the connection that it is held by. */
  readonly #held = new Map<string, net.Socket>();
  /** Worker -> its totals as last read. */
  readonly #read = new Map<string, readonly ReportCounters[]>();
  #again: NodeJS.Timeout | undefined;
  /** At replaced workers, since the last reload. */
  #looks = 0;
  #isClosed = false;

  constructor(paths: Paths, log: Log) {
    this.#master = new RuntimeSocket(paths.master);
    this.#paths = paths;
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

  /**
   * A reload is about to replace the worker, or has just replaced it. What it has counted by now
   * is kept: a worker that is idle ends at once, and its counts with it.
   */
  async atReload(which: 'all' | 'old'): Promise<void> {
    this.#looks = 0;
    try {
      await this.#look(which);
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error) }, 'cannot read what haproxy has counted');
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#again);
    for (const socket of this.#held.values()) socket.destroy();
  }

  /** @returns the workers that are alive */
  async #look(which: 'all' | 'old'): Promise<ReadonlySet<string>> {
    const alive = new Set<string>();
    const begun = performance.now();
    const { current, old } = await this.#processes();
    for (const pid of current === undefined ? old : [current, ...old]) {
      const start = startOf(pid);
      if (start === undefined) continue;
      const source = `haproxy-${pid}-${start}`;
      alive.add(source);
      if (pid === current) {
        if (which === 'old') continue;
        await this.#hold(pid, source);
      }
      const isLast = pid !== current && (await this.#isIdle(pid));
      const rows = await this.#stats(pid);
      if (rows === undefined) continue;
      this.#read.set(source, totalsOf(source, rows));
      if (isLast) this.#held.get(source)?.destroy();
    }
    if (old.length > 0) this.#lookAgain(performance.now() - begun);
    return alive;
  }

  /** Replaced workers end at any moment. @param spent milliseconds that the last look took */
  #lookAgain(spent: number): void {
    clearTimeout(this.#again);
    if (this.#isClosed) return;
    const run = () => {
      // Away in a reload, or for good: the next reading tells.
      this.#look('old').catch(() => undefined);
    };
    const wait = backOff(this.#looks++, limits.countersOfOld, () => 1);
    this.#again = setTimeout(run, Math.max(wait, spent * limits.countersRest)).unref();
  }

  async #processes() {
    try {
      return parseProcesses((await this.#master.run(['show proc']))[0] ?? '');
    } catch (error) {
      if (!(error instanceof WorkerGone)) throw error;
      return { current: undefined, old: [] };
    }
  }

  /** Keeps a worker from ending before its last counts were read. */
  async #hold(pid: number, source: string): Promise<void> {
    if (this.#held.has(source) || this.#isClosed) return;
    const answer = await this.#ask(pid, 'show env SLUICE_GENERATION');
    const [, generation] = /^SLUICE_GENERATION=(\d+)$/.exec(answer ?? '') ?? [];
    if (generation === undefined) return;
    const socket = net.connect({ path: this.#paths.workerSocket(Number(generation)) });
    this.#held.set(source, socket);
    socket.on('close', () => this.#held.delete(source));
    // Not held then: its last counts may be lost, and nothing else.
    socket.on('error', () => undefined);
    // What it answers is not read, but must not stand in its way either.
    socket.resume().unref();
    socket.write(`prompt\nset timeout cli ${limits.oldWorkersAgeMax}s\n`);
  }

  /** True for a replaced worker that has nothing left but the held connection and this one. */
  async #isIdle(pid: number): Promise<boolean> {
    const info = (await this.#ask(pid, 'show info')) ?? '';
    const number = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(info)?.[1]);
    return number('Stopping') === 1 && number('Jobs') - number('Unstoppable Jobs') <= 2;
  }

  async #stats(pid: number): Promise<StatsRow[] | undefined> {
    const table = await this.#ask(pid, command);
    return table === undefined ? undefined : parseStats(table);
  }

  /** @returns undefined: the worker has ended, and what was read of it before stands */
  async #ask(pid: number, line: string): Promise<string | undefined> {
    try {
      return (await this.#master.run([`@!${pid} ${line}`]))[0];
    } catch (error) {
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
    const total = totals.get(prefix) ?? { ...noCounts, loadBalancerId, listener, source };
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
