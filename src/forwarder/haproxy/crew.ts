import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../../limits.ts';
import type { Paths } from './paths.ts';
import type { HaproxyProcess } from './process.ts';
import { RuntimeSocket, WorkerGone } from './runtime.ts';
import { type Give, type Run, Worker } from './worker.ts';

/**
 * The workers of one HAProxy: the one that accepts, and those that a reload has replaced and that
 * serve their sessions to the end.
 */
export class Crew {
  readonly #paths: Paths;
  readonly #process: HaproxyProcess;
  #current: Worker | undefined;
  #old: Worker[] = [];

  constructor(paths: Paths, process: HaproxyProcess) {
    this.#paths = paths;
    this.#process = process;
  }

  /** The worker that accepts. @throws WorkerGone when none runs */
  get current(): Worker {
    if (this.#current === undefined) throw new WorkerGone('HAProxy does not run');
    return this.#current;
  }

  get isThere(): boolean {
    return this.#current !== undefined;
  }

  get all(): readonly Worker[] {
    return this.#current === undefined ? this.#old : [this.#current, ...this.#old];
  }

  /** Those that a reload has replaced, as far as is known: one may have ended since. */
  get old(): readonly Worker[] {
    return this.#old;
  }

  /** Learns who is there. @throws when the current worker was not loaded as `generation` */
  async meet(generation: number): Promise<void> {
    const { current, old } = await this.#process.processes();
    if (current === undefined) throw new WorkerGone('HAProxy has no worker');
    const socket = new RuntimeSocket(this.#paths.workerSocket(generation));
    const run: Run = (commands) => socket.run(commands);
    const [answer] = await run(['show env SLUICE_GENERATION']);
    if (answer !== `SLUICE_GENERATION=${generation}`) {
      throw new Error(`HAProxy serves ${answer}, not generation ${generation}`);
    }
    const give: Give = (command, payload) => socket.give(command, payload);
    this.#current = await Worker.meet(current, false, run, give);
    const known = new Map(this.#old.map((worker) => [worker.pid, worker]));
    this.#old = [];
    for (const pid of old) {
      const worker = known.get(pid) ?? (await this.#meetOld(pid));
      if (worker !== undefined) this.#old.push(worker);
    }
  }

  /** HAProxy has ended, and all workers with it. */
  lose(): void {
    this.#current = undefined;
    this.#old = [];
  }

  /** Does something in every worker; an old one that has ended meanwhile needs nothing done. */
  async each<T>(act: (worker: Worker) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    for (const worker of this.all) {
      try {
        results.push(await act(worker));
      } catch (error) {
        if (!worker.isOld || !(error instanceof WorkerGone)) throw error;
        // Nobody behind the master's socket is another thing than one worker less.
        await this.#process.processes();
        this.#old = this.#old.filter((other) => other !== worker);
      }
    }
    return results;
  }

  async #meetOld(pid: number): Promise<Worker | undefined> {
    const run: Run = (commands) =>
      this.#process.master.run(commands.map((command) => `@!${pid} ${command}`));
    try {
      await stopping(run);
      return await Worker.meet(pid, true, run);
    } catch (error) {
      if (error instanceof WorkerGone) return undefined;
      throw error;
    }
  }
}

/** Waits until a worker that was told to stop does: until then it sends new requests to servers. */
async function stopping(run: Run): Promise<void> {
  const deadline = performance.now() + limits.engineCommand;
  for (;;) {
    const [info = ''] = await run(['show info']);
    if (/^Stopping: 1$/m.test(info)) return;
    if (performance.now() > deadline) throw new Error('a replaced worker of HAProxy does not stop');
    await delay(2);
  }
}
