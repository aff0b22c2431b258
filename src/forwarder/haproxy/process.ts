import { spawn } from 'node:child_process';
import { openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../../limits.ts';
import type { Paths } from './base.ts';
import { sendCommands } from './runtime.ts';
import { parseBindFailure, parseProcesses, type Worker } from './tables.ts';

/** A start or reload that HAProxy refused. */
export class LoadRefused extends Error {
  /** The section that could not bind, when that is why. */
  readonly section: string | undefined;

  constructor(reason: string, section?: string) {
    super(reason);
    this.name = 'LoadRefused';
    this.section = section;
  }
}

/** The HAProxy process: master and workers. It is started detached and outlives the agent. */
export class HaproxyProcess {
  readonly #paths: Paths;
  readonly #program: string;

  constructor(paths: Paths, program: string) {
    this.#paths = paths;
    this.#program = program;
  }

  /** The master's pid when one of ours runs, started by this agent or an earlier one. */
  runningPid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.#paths.pid, 'utf8'));
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return command.includes(this.#paths.base) ? pid : undefined;
    } catch {
      // No pid file, or no such process: nothing of ours runs.
      return undefined;
    }
  }

  /**
   * Checks the files without loading them.
   * @throws LoadRefused with HAProxy's own words
   */
  async check(): Promise<void> {
    const { code, output } = await run(this.#program, ['-c', '-q', ...this.#files()]);
    if (code !== 0) throw new LoadRefused(firstAlert(output));
  }

  /**
   * Starts HAProxy on the files as they stand and waits until `generation` serves.
   * @throws LoadRefused
   */
  async start(generation: number): Promise<void> {
    const from = this.#logSize();
    const log = openSync(this.#paths.log, 'a', 0o600);
    const child = spawn(
      this.#program,
      ['-W', '-S', `${this.#paths.master},mode,600`, '-p', this.#paths.pid, ...this.#files()],
      { detached: true, stdio: ['ignore', log, log] },
    );
    child.unref();
    await this.#served(generation, from, () => child.exitCode !== null);
  }

  /**
   * Loads the files as they stand without losing a connection: a new worker takes the listening
   * sockets over, the old one finishes its sessions.
   * @throws LoadRefused; the worker before goes on serving
   */
  async reload(generation: number): Promise<void> {
    const from = this.#logSize();
    // The master answers by starting itself anew; the connection may just end.
    await sendCommands(this.#paths.master, ['reload']).catch(() => undefined);
    await this.#served(generation, from, () => this.runningPid() === undefined);
  }

  /** Workers of the running master, old ones included. A master that starts is waited for. */
  async workers(): Promise<Worker[]> {
    const deadline = Date.now() + limits.engineCommand;
    for (;;) {
      try {
        const [text = ''] = await sendCommands(this.#paths.master, ['show proc']);
        const workers = parseProcesses(text);
        if (workers.length > 0 || Date.now() > deadline) return workers;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
      await delay(5);
    }
  }

  /** Ends master and workers at once; sessions are cut. */
  async stop(): Promise<void> {
    const pid = this.runningPid();
    if (pid === undefined) return;
    process.kill(pid, 'SIGTERM');
    const deadline = Date.now() + limits.engineStop;
    while (this.runningPid() === pid && Date.now() < deadline) await delay(10);
    if (this.runningPid() === pid) process.kill(pid, 'SIGKILL');
  }

  /** The generation of the worker that serves now; undefined when none answers. */
  async generation(): Promise<number | undefined> {
    try {
      const answer = await sendCommands(this.#paths.worker, ['show env SLUICE_GENERATION']);
      const [, number] = /^SLUICE_GENERATION=(\d+)/.exec(answer[0] ?? '') ?? [];
      return number === undefined ? undefined : Number(number);
    } catch {
      // No socket yet, or nobody behind it.
      return undefined;
    }
  }

  #files(): string[] {
    return ['-f', this.#paths.base, '-f', this.#paths.sections];
  }

  #logSize(): number {
    return statSync(this.#paths.log, { throwIfNoEntry: false })?.size ?? 0;
  }

  async #served(generation: number, logFrom: number, isOver: () => boolean): Promise<void> {
    const deadline = Date.now() + limits.engineLoad;
    while ((await this.generation()) !== generation) {
      const log = readFileSync(this.#paths.log).subarray(logFrom).toString('utf8');
      const failure = parseBindFailure(log);
      if (failure !== undefined) throw new LoadRefused(failure.reason, failure.section);
      if (/\[ALERT\].*(Fatal errors|Error\(s\) found|config : )/.test(log) || isOver()) {
        throw new LoadRefused(firstAlert(log));
      }
      if (Date.now() > deadline) throw new LoadRefused('HAProxy did not load in time');
      await delay(5);
    }
  }
}

function firstAlert(output: string): string {
  const line = output.split('\n').find((text) => text.includes('[ALERT]')) ?? output.trim();
  return line.replace(/^\[ALERT\]\s+\(\d+\) : /, '').slice(0, 500) || 'HAProxy ended at once';
}

function run(program: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
