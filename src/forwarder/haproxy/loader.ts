import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { backOff } from '../../clock.ts';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import { Admission, type Admitted } from './admission.ts';
import { baseDigest, connectionsFor, renderBase } from './base.ts';
import { Crew } from './crew.ts';
import { parseSection } from './names.ts';
import { pauseBeforeReload } from './old-worker-bounds.ts';
import { makeFolders, type Paths } from './paths.ts';
import { HaproxyProcess, LoadRefused } from './process.ts';
import { type Carried, renderFile } from './render.ts';
import { WorkerGone } from './runtime.ts';
import { type RestingServer, replaceFile, SectionFiles } from './section-files.ts';
import type { Fault, ServerState } from './tables.ts';

export interface LoaderOptions {
  readonly paths: Paths;
  /** HAProxy's executable. */
  readonly program: string;
  /** Whom HAProxy's workers run as; undefined = as we do. */
  readonly user: string | undefined;
  /** When HAProxy ends a replaced worker by itself. */
  readonly hardStopSeconds: number;
  readonly now: () => number;
  readonly log: Log;
  /** HAProxy had ended, or was loaded by somebody else; it runs on our files again. */
  readonly onLost: (reason: string) => void;
  /** A worker is about to be replaced, or has just been. Nobody waits for it. */
  readonly onReload: (when: 'before' | 'after') => void;
  /** Comes before each load, when the folders are there. */
  readonly beforeLoad: () => Promise<void>;
}

/**
 * HAProxy's files, and their loading. Changes that need a load share one; a listener that HAProxy
 * refuses is left out, so that it keeps nobody else's change from loading. HAProxy is watched, and
 * started again when it ends.
 */
export class Loader {
  readonly crew: Crew;
  readonly #options: LoaderOptions;
  readonly #process: HaproxyProcess;
  readonly #files: SectionFiles;
  readonly #admission: Admission;
  /** Servers known to be down: `<section prefix>/<server>`. */
  #down: ReadonlySet<string> = new Set();
  /** The base file as it is on disk; empty without one. */
  #base: string;
  /** Counts loads. */
  #generation: number;
  #reading = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Times in a row that HAProxy ended soon after its start. */
  #failures = 0;
  #startedAt = 0;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #restart: NodeJS.Timeout | undefined;
  #whyDown = 'HAProxy does not run';
  #isOpen = false;

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#base = existsSync(options.paths.base) ? readFileSync(options.paths.base, 'utf8') : '';
    this.#generation = Number(/SLUICE_GENERATION (\d+)/.exec(this.#base)?.[1] ?? 0);
    this.#process = new HaproxyProcess(options.paths, options.program);
    this.crew = new Crew(options.paths, this.#process);
    this.#files = new SectionFiles(options.paths.sections);
    this.#admission = new Admission(options.now);
  }

  /** Takes over a HAProxy that an earlier life left running, or starts one on the files there. */
  async open(): Promise<void> {
    await this.#endStray();
    if (!(await this.#adopt())) await this.load();
    this.#isOpen = true;
    this.#watch();
  }

  /** The ids of load balancers that a file or a worker knows. */
  ids(): ReadonlySet<string> {
    return new Set([...this.#files.ids(), ...this.crew.all.flatMap((worker) => [...worker.ids()])]);
  }

  /** Tells what may be loaded of a load balancer. */
  admit(id: string, carried: readonly Carried[]): Promise<Admitted> {
    const pools = this.crew.isThere ? this.crew.current.pools(id) : [];
    return this.#admission.admit(id, carried, new Set(pools.map(({ prefix }) => prefix)));
  }

  /**
   * Writes what is to be loaded of a load balancer; nothing = no sections.
   * @throws when the disk does not take it
   */
  put(id: string, admitted: readonly Carried[]): void {
    this.#files.put(id, renderFile(admitted));
  }

  /** True when the listeners that the current worker has are not these. */
  isStale(id: string, admitted: readonly Carried[]): boolean {
    if (!this.crew.isThere) return true;
    const loaded = new Set(this.crew.current.pools(id).map(({ name }) => name));
    const wanted = new Set(admitted.flatMap(({ pools }) => pools.map(({ name }) => name)));
    return loaded.symmetricDifference(wanted).size > 0;
  }

  /** From the moment that what is loaded was written until it serves, or does not. */
  get isReading(): boolean {
    return this.#reading;
  }

  /** HAProxy runs, but its sockets were deleted: only a load makes others. */
  get isCutOff(): boolean {
    const { master, workerSocket } = this.#options.paths;
    if (this.#running !== undefined || !this.crew.isThere || !this.#process.isRunning())
      return false;
    return !existsSync(master) || !existsSync(workerSocket(this.#generation));
  }

  /** Waits while a load is under way; how it ended is for those who asked for it. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  /**
   * Loads the files; calls that come before it begins share it.
   * @throws LoadRefused when HAProxy cannot load and no single listener is the reason
   */
  load(): Promise<void> {
    if (this.#restart !== undefined) return Promise.reject(new WorkerGone(this.#whyDown));
    this.#next ??= this.#loadNext();
    return this.#next;
  }

  /**
   * Reads every server of the current worker, and remembers for the next load which are down.
   * Without a worker there are none.
   */
  async readStates(): Promise<readonly ServerState[]> {
    if (!this.crew.isThere) return [];
    // HAProxy logs each change of a server, and has no other way to be told not to.
    this.#process.trimLog();
    const states = await this.crew.current.states();
    this.#down = downServers(states);
    return states;
  }

  async close(stopTraffic: boolean): Promise<void> {
    this.#isOpen = false;
    clearTimeout(this.#restart);
    await this.#next?.catch(() => undefined);
    await this.#running?.catch(() => undefined);
    this.#process.unwatch();
    if (!stopTraffic) return;
    await this.#process.stop();
    this.crew.lose();
    this.#sweepSockets();
    rmSync(this.#options.paths.handover, { recursive: true, force: true });
  }

  /**
   * Ends a HAProxy without the file that it was loaded from: its data folder was removed while it
   * ran, and what it serves is no longer known to anyone.
   */
  async #endStray(): Promise<void> {
    const { pid } = this.#process;
    if (pid === undefined || this.#base !== '') return;
    await this.#process.stop();
    this.#options.log.warn({ process: pid }, 'ended the haproxy of a removed data folder');
  }

  async #adopt(): Promise<boolean> {
    if (!this.#process.isRunning()) return false;
    const { log } = this.#options;
    try {
      const { current } = await this.#process.processes();
      const names = ['SLUICE_GENERATION', 'SLUICE_BASE'];
      const ask = names.map((name) => `@!${current} show env ${name}`);
      const answers = await this.#process.master.run(ask);
      const [generation, base] = answers.map((answer) => answer.slice(answer.indexOf('=') + 1));
      if (base !== baseDigest(this.#options)) throw new Error('its base file is another');
      await this.crew.meet(Number(generation));
      log.info({ generation }, 'haproxy runs and was taken over');
      return true;
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'haproxy runs and is loaded anew');
      return false;
    }
  }

  async #loadNext(): Promise<void> {
    await this.#running?.catch(() => undefined);
    const replaced = this.#process.isRunning() ? this.crew.old.length : 0;
    await delay(pauseBeforeReload(replaced, performance.now() - this.#loadedAt));
    this.#next = undefined;
    this.#running = this.#load().finally(() => {
      this.#running = undefined;
      this.#reading = false;
      this.#loadedAt = performance.now();
      this.#watch();
    });
    await this.#running;
  }

  async #load(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#loadOnce();
      } catch (error) {
        if (!(error instanceof LoadRefused) || attempt === limits.reloadTries) throw error;
        if (!this.#leaveOut(error.faults)) throw error;
      }
    }
  }

  async #loadOnce(): Promise<void> {
    const { paths } = this.#options;
    if (!this.#process.isRunning() || existsSync(paths.handover)) return this.#loadWith(paths);
    // A worker takes over the sockets of the one before, deleted or not. Only after one that had
    // others does it bind these anew.
    const others = { ...paths, handover: `${paths.handover}-2` };
    await this.#loadWith(others);
    await this.#loadWith(paths);
    rmSync(others.handover, { recursive: true, force: true });
  }

  async #loadWith(paths: Paths): Promise<void> {
    const { user } = this.#options;
    const isRunning = this.#process.isRunning();
    if (isRunning) await this.#learnDown();
    makeFolders(paths, user);
    await this.#options.beforeLoad();
    // A start has no worker before it to be told from, and so needs nothing of a full disk.
    if (isRunning) {
      this.#generation += 1;
      this.#reading = false;
      this.#settle(paths);
      this.#options.onReload('before');
      await this.#process.check();
    }
    this.#reading = true;
    const resting = this.#settle(paths);
    if (isRunning) {
      await this.#process.reload();
      this.#options.onReload('after');
    } else {
      this.crew.lose();
      this.#startedAt = performance.now();
      await this.#process.start();
    }
    await this.crew.meet(this.#generation);
    await this.crew.current.wake(resting);
    this.#sweepSockets();
  }

  /** Brings what HAProxy loads to disk. @returns the servers that it starts at rest */
  #settle(paths: Paths): readonly RestingServer[] {
    const { resting, listening } = this.#files.settle(this.#down);
    const connections = connectionsFor(openFiles(), listening);
    const generation = this.#generation;
    const text = renderBase({ ...this.#options, paths, generation, connections });
    if (text !== this.#base || !existsSync(paths.base)) replaceFile(paths.base, text);
    this.#base = text;
    return resting;
  }

  async #learnDown(): Promise<void> {
    try {
      await this.readStates();
    } catch (error) {
      // What was known before is better than a load that does not take place.
      this.#options.log.warn({ reason: reasonOf(error) }, 'cannot read which servers are down');
    }
  }

  /** Takes out what HAProxy names. @returns false when it names nothing of ours */
  #leaveOut(faults: readonly Fault[]): boolean {
    let found = false;
    for (const { listener, place, reason } of faults) {
      const at = place && this.#files.whatIsAt(place.file, place.line);
      const section = listener ?? at?.section;
      if (section !== undefined) {
        const pool = this.#files.leaveOut(section.loadBalancerId, section.prefix);
        if (pool === undefined) continue;
        this.#admission.refuse(section.prefix, pool, reason);
      } else if (at !== undefined) {
        // Not written by this version, or not whole: the next verb writes it anew.
        this.#files.put(at.id, '');
      } else continue;
      this.#options.log.warn({ ...at, reason }, 'left out of what haproxy loads');
      found = true;
    }
    return found;
  }

  /** Notices at once when the master ends; when it has, starts it again. */
  #watch(): void {
    if (!this.#isOpen || this.#restart !== undefined) return;
    if (!this.#process.isRunning()) this.#revive('haproxy had ended');
    else this.#process.watch(() => this.#gone());
  }

  /** The master has ended, or starts itself anew. During a load of ours that is as it should be. */
  #gone(): void {
    if (!this.#isOpen || this.#running !== undefined) return;
    if (!this.#process.isRunning()) this.#revive('haproxy had ended');
    else this.#revive('haproxy was reloaded by somebody else');
  }

  /** Starts HAProxy again: at once the first time, ever later when it does not last. */
  #revive(reason: string): void {
    if (this.#next !== undefined) return;
    const lasted = performance.now() - this.#startedAt;
    this.#failures = lasted > limits.engineSteady ? 0 : this.#failures + 1;
    const wait = this.#failures < 2 ? 0 : backOff(this.#failures, limits.engineRestart, () => 1);
    this.#options.log.error({ wait }, reason);
    if (wait === 0) return void this.#loadAgain(reason);
    this.#whyDown = `${reason}; it is started again in ${wait} ms`;
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      void this.#loadAgain(reason);
    }, wait);
  }

  async #loadAgain(reason: string): Promise<void> {
    try {
      await this.load();
      this.#options.onLost(reason);
    } catch (error) {
      // Whether it is tried again was decided when the load ended.
      this.#options.log.error({ reason: reasonOf(error) }, 'haproxy cannot load');
    }
  }

  /** Workers that have ended leave their sockets behind. */
  #sweepSockets(): void {
    const { sockets, workerSocket } = this.#options.paths;
    const current = this.crew.isThere ? workerSocket(this.#generation) : undefined;
    for (const name of readdirSync(sockets)) {
      const path = join(sockets, name);
      if (/^worker-\d+\.sock$/.test(name) && path !== current) rmSync(path, { force: true });
    }
  }
}

/** The hard limit of open files, which HAProxy inherits. */
function openFiles(): number {
  const text = readFileSync('/proc/self/limits', 'utf8');
  const [, limit] = /^Max open files\s+\S+\s+(\d+)/m.exec(text) ?? [];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

/** `<section prefix>/<server>` of servers whose probes fail. */
function downServers(states: readonly ServerState[]): Set<string> {
  const down = states.filter(({ up, probed, maintenance }) => probed && !up && !maintenance);
  return new Set(
    down.flatMap(({ pool, name }) => {
      const section = parseSection(pool);
      return section?.role === 'pool' ? [`${section.prefix}/${name}`] : [];
    }),
  );
}
