import { limits } from '../../limits.ts';
import type { Paths } from './base.ts';
import { type Actual, poolCommands, poolMatches } from './plan.ts';
import type { HaproxyProcess } from './process.ts';
import type { Pool } from './render.ts';
import { sendCommands } from './runtime.ts';
import { parseServersState, parseSessions } from './tables.ts';

/**
 * The worker processes of one HAProxy, spoken to as one. After a reload the old worker finishes
 * its sessions with the servers it knew, so what leaves a pool must leave it there too.
 */
export class Workers {
  readonly #paths: Paths;
  readonly #process: HaproxyProcess;
  /** As last read back from the current worker. */
  readonly #tables = new Map<string, readonly Actual[]>();
  #old: readonly number[] = [];

  constructor(paths: Paths, process: HaproxyProcess) {
    this.#paths = paths;
    this.#process = process;
  }

  /** Forgets what was read before a load, and learns which workers it made old. */
  async reloaded(): Promise<void> {
    this.#tables.clear();
    await this.refresh();
  }

  /** Looks which old workers are still there. */
  async refresh(): Promise<void> {
    const workers = await this.#process.workers();
    this.#old = workers.filter(({ old }) => old).map(({ pid }) => pid);
  }

  get hasOld(): boolean {
    return this.#old.length > 0;
  }

  /**
   * Brings pools to what is wanted and reads them back.
   * @returns why a pool is not as wanted; none when all are
   */
  async sync(pools: readonly Pool[]): Promise<string[]> {
    await this.#learn(pools);
    const first = await this.#change(pools);
    if (first.length === 0) return first;
    // What was remembered may be old; what was just read is not.
    return this.#change(pools);
  }

  /** The slots of a pool as last read. */
  table(pool: string): readonly Actual[] {
    return this.#tables.get(pool) ?? [];
  }

  /** Takes a pool's servers out of service, without waiting to see it: before a load. */
  async retire(paths: readonly string[]): Promise<void> {
    const commands = paths.map((path) => `set server ${path} state maint`);
    await this.#current(commands);
    await this.#everyOld(commands);
  }

  /** Sessions of each server of the pools, over all workers. */
  async sessions(pools: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const commands = pools.map((pool) => `show stat ${pool} 4 -1`);
    const answers = [...(await this.#current(commands)), ...(await this.#everyOld(commands))];
    const total = new Map<string, number>();
    for (const answer of answers.filter((text) => text.startsWith('#'))) {
      for (const [server, count] of parseSessions(answer)) {
        total.set(server, (total.get(server) ?? 0) + count);
      }
    }
    return total;
  }

  /** Ends the sessions of servers, in every worker. */
  async cut(paths: readonly string[]): Promise<void> {
    const commands = paths.map((path) => `shutdown sessions server ${path}`);
    await this.#current(commands);
    await this.#everyOld(commands);
  }

  /** Deletes slots that rest and have no sessions; HAProxy refuses the others for now. */
  async drop(pool: string, servers: readonly string[]): Promise<void> {
    const commands = servers.map((server) => `del server ${pool}/${server}`);
    await this.#current(commands);
    const [text = ''] = await this.#current([`show servers state ${pool}`]);
    this.#tables.set(pool, parseServersState(text));
  }

  /** Every server of the current worker. */
  async states() {
    const [text = ''] = await sendCommands(this.#paths.worker, ['show servers state']);
    return parseServersState(text);
  }

  async #learn(pools: readonly Pool[]): Promise<void> {
    const unknown = pools.filter(({ name }) => !this.#tables.has(name));
    const answers = await this.#current(unknown.map(({ name }) => `show servers state ${name}`));
    for (const [index, { name }] of unknown.entries()) {
      this.#tables.set(name, parseServersState(answers[index] ?? ''));
    }
  }

  async #change(pools: readonly Pool[]): Promise<string[]> {
    const commands = pools.flatMap((pool) => poolCommands(pool, this.table(pool.name)));
    const reads = pools.map(({ name }) => `show servers state ${name}`);
    const answers = await this.#current([...commands, ...reads]);
    await this.#everyOld(commands.filter((command) => command.startsWith('set server ')));
    for (const [index, { name }] of pools.entries()) {
      this.#tables.set(name, parseServersState(answers[commands.length + index] ?? ''));
    }
    const wrong = pools.filter((pool) => !poolMatches(pool, this.table(pool.name)));
    const said = [...new Set(answers.slice(0, commands.length).filter((text) => isError(text)))];
    return wrong.map(({ name }) => `${name} is not as wanted: ${said.join(', ') || 'no error'}`);
  }

  async #current(commands: readonly string[]): Promise<string[]> {
    const answers: string[] = [];
    for (const line of lines(commands)) {
      answers.push(...(await sendCommands(this.#paths.worker, line)));
    }
    return answers;
  }

  /** The same commands to each old worker; one that has no such server, or has ended, is done. */
  async #everyOld(commands: readonly string[]): Promise<string[]> {
    const answers: string[] = [];
    for (const pid of this.#old) {
      for (const line of lines(commands.map((command) => `@!${pid} ${command}`))) {
        answers.push(...(await sendCommands(this.#paths.master, line).catch(() => [])));
      }
    }
    return answers;
  }
}

function isError(text: string): boolean {
  return text !== '' && !/registered|deleted/.test(text);
}

/** Commands in groups that fit a line of HAProxy's. */
function lines(commands: readonly string[]): string[][] {
  const groups: string[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const command of commands) {
    size += command.length + 1;
    if (size > limits.engineLine) {
      groups.push([]);
      size = command.length;
    }
    groups.at(-1)!.push(command);
  }
  return groups;
}
