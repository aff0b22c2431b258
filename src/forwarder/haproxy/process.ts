import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from 'node:fs';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../../limits.ts';
import { withoutSecrets } from '../../private-process.ts';
import type { Paths } from './paths.ts';
import { RuntimeSocket, WorkerGone } from './runtime.ts';
import { type Fault, type Processes, parseAlerts, parseProcesses } from './tables.ts';

/** A start or reload that HAProxy refused; the worker before, if any, goes on. */
export class LoadRefused extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(faults[0]?.reason ?? 'HAProxy gave no reason');
    this.name = 'LoadRefused';
    this.faults = faults;
  }
}

/** The HAProxy process: a master and its workers. Started detached, it outlives the agent. */
export class HaproxyProcess {
  readonly master: RuntimeSocket;
  readonly #paths: Paths;
  readonly #program: string;
  #watch: net.Socket | undefined;
  /** The master, told from another process with its pid by when it started. */
  #found: { readonly pid: number; readonly start: string } | undefined;

  constructor(paths: Paths, program: string) {
    this.#paths = paths;
    this.#program = program;
    this.master = new RuntimeSocket(paths.master);
  }

  /** True while a master of ours runs, whoever started it. */
  isRunning(): boolean {
    this.#found ??= this.#find();
    if (this.#found !== undefined && startOf(this.#found.pid) !== this.#found.start) {
      this.#found = undefined;
    }
    return this.#found !== undefined;
  }

  /** The master's process id; undefined: none runs. */
  get pid(): number | undefined {
    return this.isRunning() ? this.#found?.pid : undefined;
  }

  /** @throws WorkerGone while the master is away; it starts itself anew at each reload */
  async processes(): Promise<Processes> {
    const [text = ''] = await this.master.run(['show proc']);
    return parseProcesses(text);
  }

  /**
   * Checks the files without loading them.
   * @throws LoadRefused with HAProxy's own words
   */
  async check(): Promise<void> {
    const child = spawn(this.#program, ['-c', '-q', ...this.#files()], {
      env: withoutSecrets(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new LoadRefused(faultsIn(output));
  }

  /**
   * Starts HAProxy on the files as they stand and waits until its worker serves.
   * @throws LoadRefused
   */
  async start(): Promise<void> {
    const from = this.trimLog();
    const log = openSync(this.#paths.log, 'a', 0o600);
    const child = spawn(
      this.#program,
      ['-W', '-S', `${this.#paths.master},mode,600`, '-p', this.#paths.pid, ...this.#files()],
      { detached: true, env: withoutSecrets(), stdio: ['ignore', log, log] },
    );
    closeSync(log);
    let ended: string | undefined;
    child.once('error', (error) => {
      ended = error.message;
    });
    child.once('exit', () => {
      ended ??= 'HAProxy ended at once';
    });
    child.unref();
    const start = child.pid === undefined ? undefined : startOf(child.pid);
    if (start !== undefined) this.#found = { pid: child.pid!, start };
    await this.#settled(from, () => ended, 0);
  }

  /**
   * Loads the files as they stand: a new worker takes the listening sockets over and the old one
   * finishes its sessions.
   * @throws LoadRefused
   */
  async reload(): Promise<void> {
    const from = this.trimLog();
    const isOver = () => (this.isRunning() ? undefined : 'HAProxy ended');
    if (!existsSync(this.#paths.master) && this.#found !== undefined) {
      // Its socket was deleted. A signal is taken all the same, and makes it bind another one; what
      // answers there has begun this load.
      process.kill(this.#found.pid, 'SIGUSR2');
      return this.#settled(from, isOver, 0);
    }
    const { reloads } = await this.processes();
    // The master starts itself anew, so there may be no answer.
    await this.master.run(['reload']).catch((error: unknown) => {
      if (!(error instanceof WorkerGone)) throw error;
    });
    await this.#settled(from, isOver, reloads + 1);
  }

  /** Calls `onGone` once when the master ends or starts itself anew. */
  watch(onGone: () => void): void {
    this.unwatch();
    const watch = net.connect({ path: this.#paths.master });
    this.#watch = watch;
    watch.unref();
    watch.on('error', () => {
      // 'close' follows, and tells.
    });
    watch.on('close', () => {
      if (this.#watch === watch) onGone();
    });
  }

  unwatch(): void {
    const watch = this.#watch;
    this.#watch = undefined;
    watch?.destroy();
  }

  /** Ends master and workers at once; sessions are cut. */
  async stop(): Promise<void> {
    if (!this.isRunning() || this.#found === undefined) return;
    const { pid } = this.#found;
    process.kill(pid, 'SIGTERM');
    const deadline = performance.now() + limits.engineStop;
    while (this.isRunning() && performance.now() < deadline) await delay(5);
    if (this.isRunning()) process.kill(pid, 'SIGKILL');
  }

  /** Begins the log anew when it has grown too long. @returns where it ends */
  trimLog(): number {
    const size = statSync(this.#paths.log, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= limits.engineLogBytes) return size;
    truncateSync(this.#paths.log);
    return 0;
  }

  #files(): string[] {
    return ['-f', this.#paths.base, '-f', this.#paths.sections];
  }

  /** By its pid file; without one by what runs, since a second HAProxy would share its ports. */
  #find() {
    const named = this.#paths.pid;
    const pids = existsSync(named) ? [readFileSync(named, 'utf8').trim()] : readdirSync('/proc');
    const own = pids.filter((pid) => /^\d+$/.test(pid) && this.#isOurs(pid));
    // A worker has the command line of its master.
    const pid = own.find((each) => !own.includes(parentOf(each) ?? ''));
    const start = pid && startOf(Number(pid));
    return start ? { pid: Number(pid), start } : undefined;
  }

  #isOurs(pid: string): boolean {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return (
        this.#files().every((argument) => command.includes(argument)) && command.includes('-W')
      );
    } catch {
      // No such process.
      return false;
    }
  }

  /** Waits until the master has finished the load that makes it count `reloads`. */
  async #settled(from: number, ended: () => string | undefined, reloads: number): Promise<void> {
    const deadline = performance.now() + limits.engineLoad;
    for (;;) {
      const reason = ended();
      if (reason !== undefined) throw new LoadRefused(faultsIn(this.#logSince(from), reason));
      const processes = await this.processes().catch((error: unknown) => {
        if (!(error instanceof WorkerGone)) throw error;
        return undefined;
      });
      if (processes !== undefined && processes.reloads >= reloads) {
        if (processes.failed) throw new LoadRefused(faultsIn(this.#logSince(from)));
        if (processes.current !== undefined) return;
      }
      if (performance.now() > deadline) {
        throw new LoadRefused([unplaced('no load in time')]);
      }
      await delay(2);
    }
  }

  #logSince(from: number): string {
    if (!existsSync(this.#paths.log)) return '';
    return readFileSync(this.#paths.log).subarray(from).toString('utf8');
  }
}

/** When a process started, in clock ticks since boot; undefined when it has ended. */
export function startOf(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function parentOf(pid: string): string | undefined {
  return statOf(Number(pid))?.[1];
}

/** `pid (name) state parent …` from the state on: the 22nd of all is the start (proc(5)). */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    // No such process.
    return undefined;
  }
}

/** Faults that say where come before those that do not. */
function faultsIn(output: string, otherwise?: string): Fault[] {
  const faults = parseAlerts(output);
  const placed = faults.filter(
    ({ place, listener }) => place !== undefined || listener !== undefined,
  );
  if (placed.length > 0) return placed;
  // The last one is what it ended for.
  if (faults.length > 0) return faults.slice(-1);
  const reason = otherwise ?? (output.trim().slice(0, 300) || 'HAProxy gave no reason');
  return [unplaced(reason)];
}

function unplaced(reason: string): Fault {
  return { listener: undefined, place: undefined, reason };
}
