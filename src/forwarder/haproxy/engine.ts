import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadBalancer } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../log.ts';
import type { DrainProgress, Engine, Failure, ServerHealth } from '../engine.ts';
import { type Paths, pathsOf } from './base.ts';
import { Drains } from './drains.ts';
import { Loader } from './loader.ts';
import { parseSection, serverIdOf, serverName } from './names.ts';
import { HaproxyProcess, LoadRefused } from './process.ts';
import { pools } from './render.ts';
import { Workers } from './workers.ts';

export interface HaproxyOptions {
  /** Where its files live; made when absent. */
  readonly folder: string;
  readonly now: () => number;
  readonly log: Log;
  /** The program; found on the path when absent. */
  readonly haproxyPath?: string;
}

/** Opens the HAProxy data plane; one that an earlier agent left running is taken over. */
export async function openHaproxyEngine(options: HaproxyOptions): Promise<HaproxyEngine> {
  const paths = makeFolders(options.folder);
  const process = new HaproxyProcess(paths, options.haproxyPath ?? 'haproxy');
  const engine = new HaproxyEngine(options, paths, process);
  await engine.open();
  return engine;
}

export class HaproxyEngine implements Engine {
  readonly #options: HaproxyOptions;
  readonly #paths: Paths;
  readonly #process: HaproxyProcess;
  readonly #loader: Loader;
  readonly #workers: Workers;
  readonly #drains: Drains;
  /** The latest verb of each load balancer: verbs of one come one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Names of the pools that a load balancer has in HAProxy. */
  readonly #pools = new Map<string, readonly string[]>();
  readonly #lost: ((reason: string) => void)[] = [];
  #watch: NodeJS.Timeout | undefined;
  #pid: number | undefined;
  /** The loader's epoch that the workers' tables were read in. */
  #seenEpoch = 0;

  constructor(options: HaproxyOptions, paths: Paths, process: HaproxyProcess) {
    const { now, log } = options;
    this.#options = options;
    this.#paths = paths;
    this.#process = process;
    const openFiles = openFilesLimit();
    this.#loader = new Loader({ paths, process, openFiles, user: unprivilegedUser(), log });
    this.#workers = new Workers(paths, process);
    this.#drains = new Drains({ workers: this.#workers, now, log });
  }

  /** Called once by `openHaproxyEngine`. */
  async open(): Promise<void> {
    const adopted = await this.#loader.adopt();
    if (adopted) await this.#workers.refresh();
    this.#pid = this.#process.runningPid();
    this.#watch = setInterval(() => this.#look(), limits.engineWatch).unref();
    this.#options.log.info({ adopted, pid: this.#pid }, 'haproxy engine opened');
  }

  apply(wanted: LoadBalancer): Promise<readonly Failure[]> {
    return this.#inTurn(wanted.id, () => this.#apply(wanted));
  }

  remove(loadBalancerId: string): Promise<void> {
    return this.#inTurn(loadBalancerId, () => this.#removeAll([loadBalancerId]));
  }

  async prune(wanted: ReadonlySet<string>): Promise<void> {
    const files = readdirSync(this.#paths.sections).filter((name) => name.endsWith('.cfg'));
    const stray = files.map((name) => name.slice(0, -4)).filter((id) => !wanted.has(id));
    if (stray.length > 0) await this.#removeAll(stray);
  }

  drains(): Promise<readonly DrainProgress[]> {
    return this.#drains.progress();
  }

  async health(): Promise<readonly ServerHealth[]> {
    if (this.#process.runningPid() === undefined) return [];
    const states = await this.#workers.states();
    return states.flatMap(({ pool, name, up, probed, maintenance }) => {
      const section = pool.startsWith('b_') ? parseSection(pool) : undefined;
      if (section === undefined || maintenance) return [];
      return [{ ...section, serverId: serverIdOf(name), healthy: up || !probed }];
    });
  }

  onLost(listener: (reason: string) => void): void {
    this.#lost.push(listener);
  }

  async close({ stopTraffic }: { readonly stopTraffic: boolean }): Promise<void> {
    clearInterval(this.#watch);
    this.#drains.close();
    await this.#loader.settled();
    if (stopTraffic) await this.#process.stop();
  }

  async #inTurn<T>(id: string, verb: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id);
    const turn = (before ?? Promise.resolve()).catch(() => undefined).then(verb);
    this.#turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    }
  }

  async #apply(wanted: LoadBalancer): Promise<Failure[]> {
    await this.#retire(wanted);
    try {
      await this.#loader.put(wanted);
    } catch (error) {
      if (!(error instanceof LoadRefused)) throw error;
      return [{ loadBalancerId: wanted.id, reason: error.message }];
    }
    const wrong = await this.#sync(wanted);
    const unsupported = wanted.listeners.filter(
      ({ protocol, running }) => running && (protocol === 'udp' || protocol === 'https'),
    );
    return [
      ...wrong.map((reason) => ({ loadBalancerId: wanted.id, reason })),
      ...[...this.#loader.refusals(wanted.id)].map(([listener, reason]) => ({
        loadBalancerId: wanted.id,
        listener,
        reason,
      })),
      ...unsupported.map(({ protocol, port }) => ({
        loadBalancerId: wanted.id,
        listener: `${protocol}:${port}`,
        reason: `${protocol} listeners are not carried by this forwarder`,
      })),
    ];
  }

  /**
   * Brings servers to what is wanted, in every worker. A load that came between started from files
   * of a moment before, so its worker is brought there too.
   */
  async #sync(wanted: LoadBalancer): Promise<string[]> {
    for (;;) {
      await this.#loader.settled();
      const { epoch } = this.#loader;
      if (epoch !== this.#seenEpoch) await this.#reloaded(epoch);
      const wantedPools = pools(wanted, this.#loader.listeners(wanted));
      const wrong = wantedPools.length === 0 ? [] : await this.#workers.sync(wantedPools);
      if (epoch !== this.#loader.epoch || this.#loader.isLoading) continue;
      const names = wantedPools.map(({ name }) => name);
      this.#pools.set(wanted.id, names);
      this.#drains.watch(wanted, names);
      return wrong;
    }
  }

  async #reloaded(epoch: number): Promise<void> {
    this.#seenEpoch = epoch;
    this.#pid = this.#process.runningPid();
    await this.#workers.reloaded();
  }

  /** Servers that leave must leave what runs now, before a load makes it an old worker. */
  async #retire(wanted: LoadBalancer): Promise<void> {
    const attached = new Set(
      wanted.backends.filter(({ weight }) => weight > 0).map((server) => serverName(server)),
    );
    const leaving = (this.#pools.get(wanted.id) ?? []).flatMap((pool) =>
      this.#workers
        .table(pool)
        .filter(({ name, maintenance }) => !maintenance && !attached.has(name))
        .map(({ name }) => `${pool}/${name}`),
    );
    if (leaving.length > 0 && this.#loader.isChanged(wanted)) await this.#workers.retire(leaving);
  }

  async #removeAll(ids: readonly string[]): Promise<void> {
    const paths = ids.flatMap((id) =>
      (this.#pools.get(id) ?? []).flatMap((pool) =>
        this.#workers.table(pool).map(({ name }) => `${pool}/${name}`),
      ),
    );
    await this.#loader.remove(ids);
    await this.#loader.settled();
    await this.#reloaded(this.#loader.epoch);
    if (paths.length > 0) await this.#workers.cut(paths);
    for (const id of ids) {
      this.#pools.delete(id);
      this.#drains.forget(id);
    }
  }

  /** Notices a HAProxy that has ended and starts it again on its files. */
  #look(): void {
    if (this.#pid === undefined || this.#loader.isLoading) return;
    if (this.#process.runningPid() === this.#pid) return;
    this.#pid = undefined;
    this.#options.log.error({}, 'haproxy has ended; starting it again');
    void this.#revive();
  }

  async #revive(): Promise<void> {
    try {
      await this.#loader.load();
      await this.#reloaded(this.#loader.epoch);
      for (const listener of this.#lost) listener('haproxy had ended and was started again');
    } catch (error) {
      this.#options.log.error({ reason: String(error) }, 'haproxy did not start');
      setTimeout(() => void this.#revive(), limits.engineStop).unref();
    }
  }
}

/** The engine's folders; sockets go to a short path when the folder's is too long for one. */
function makeFolders(folder: string): Paths {
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const isShort = Buffer.byteLength(folder) < 80;
  const sockets = isShort ? folder : join(tmpdir(), `sluice-${digest}`);
  const paths = pathsOf(folder, sockets);
  for (const path of [folder, paths.sections, sockets]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  return paths;
}

/** The hard limit of open files, which HAProxy raises itself to. */
function openFilesLimit(): number {
  const [, limit] =
    /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return limit === undefined ? 1_048_576 : Number(limit);
}

/** `haproxy` where we are root and its package made that user. */
function unprivilegedUser(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return /^haproxy:/m.test(readFileSync('/etc/passwd', 'utf8')) ? 'haproxy' : undefined;
}
