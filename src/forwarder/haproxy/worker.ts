import { type ListenerPem, ShownCertificates } from './certificates.ts';
import { parseSection, type SectionName } from './names.ts';
import { type Actual, poolCommands } from './plan.ts';
import type { Carried, Slot } from './render.ts';
import { errorIn } from './runtime.ts';
import type { RestingServer } from './section-files.ts';
import {
  parseBackends,
  parseServersState,
  parseSessionList,
  parseSessions,
  type ServerState,
} from './tables.ts';

/** A backend section that a worker was loaded with. */
export interface LoadedPool extends SectionName {
  readonly name: string;
}

export interface Slots {
  readonly pool: string;
  readonly server: string;
}

export interface LeavingSlot extends Slots {
  readonly sessions: number;
}

/** Commands in, one answer each out. */
export type Run = (commands: readonly string[]) => Promise<string[]>;

/** A command with a text of several lines. */
export type Give = (command: string, payload: string) => Promise<string>;

/** Passes over a pool before it is reported as not as wanted: what was remembered may be old. */
const passes = 3;

/** One worker process of HAProxy: the one that accepts, or one that a reload has replaced. */
export class Worker {
  readonly pid: number;
  readonly isOld: boolean;
  readonly #run: Run;
  /** What it was loaded with, by load balancer. */
  readonly #pools = new Map<string, LoadedPool[]>();
  /** Servers of a pool as last read. */
  readonly #tables = new Map<string, readonly Actual[]>();
  readonly #shown: ShownCertificates | undefined;

  private constructor(pid: number, isOld: boolean, run: Run, give: Give | undefined) {
    this.pid = pid;
    this.isOld = isOld;
    this.#run = run;
    if (give !== undefined) this.#shown = new ShownCertificates(run, give);
  }

  /** Learns from a worker what it was loaded with. */
  static async meet(pid: number, isOld: boolean, run: Run, give?: Give): Promise<Worker> {
    const worker = new Worker(pid, isOld, run, give);
    const [text = ''] = await run(['show backend']);
    for (const name of parseBackends(text)) {
      const section = parseSection(name);
      if (section?.role !== 'pool' && section?.role !== 'open') continue;
      const pools = worker.#pools.get(section.loadBalancerId) ?? [];
      pools.push({ ...section, name });
      worker.#pools.set(section.loadBalancerId, pools);
    }
    return worker;
  }

  ids(): Iterable<string> {
    return this.#pools.keys();
  }

  pools(loadBalancerId: string): readonly LoadedPool[] {
    return this.#pools.get(loadBalancerId) ?? [];
  }

  /**
   * Brings the servers of a load balancer to what is wanted, in the pools that this worker has,
   * and reads them back. An old worker takes no such commands, and needs none: it sends nothing
   * new to any server.
   * @returns what is not as wanted
   */
  async sync(loadBalancerId: string, carried: readonly Carried[]): Promise<string[]> {
    if (this.isOld) return [];
    const pools = this.pools(loadBalancerId).map((pool) => ({
      name: pool.name,
      slots: slotsOf(pool, carried),
    }));
    const unread = pools.filter(({ name }) => !this.#tables.has(name));
    if (unread.length > 0) await this.#changeAndRead([], unread);
    let errors: string[] = [];
    for (let pass = 0; pass < passes; pass++) {
      const commands = pools.flatMap(({ name, slots }) => this.#commands(name, slots));
      if (pass > 0 && commands.length === 0) return [];
      errors = await this.#changeAndRead(commands, pools);
    }
    const wrong = pools.flatMap(({ name, slots }) => this.#commands(name, slots));
    return wrong.map((command) => `not done: ${command} (${errors.join(', ') || 'no error'})`);
  }

  /**
   * Shows clients the certificates that are wanted from now on, on the listeners that this worker
   * has, and reads them back. An old worker shows nothing new to anybody.
   * @returns what is not as wanted
   */
  async show(loadBalancerId: string, certificates: readonly ListenerPem[]): Promise<string[]> {
    const own = new Set(this.pools(loadBalancerId).map(({ prefix }) => prefix));
    const wrong: string[] = [];
    for (const wanted of certificates) {
      if (!own.has(wanted.prefix)) continue;
      const reason = await this.#shown?.show(wanted);
      if (reason !== undefined) wrong.push(reason);
    }
    return wrong;
  }

  /**
   * Slots that nothing keeps: to be cut, and deleted.
   * @param kept servers that may finish
   * @param sessions as `sessions` reads them; an old worker shows only slots that have any
   */
  leaving(
    loadBalancerId: string,
    carried: readonly Carried[],
    kept: ReadonlySet<string>,
    sessions: ReadonlyMap<string, number> = new Map(),
  ): LeavingSlot[] {
    return this.pools(loadBalancerId).flatMap((pool) => {
      const isWanted = carried.some(({ prefix }) => prefix === pool.prefix);
      const attached = new Set(slotsOf(pool, carried).map(({ name }) => name));
      const counts = [...sessions].filter(([path]) => path.startsWith(`${pool.name}/`));
      const names = this.isOld
        ? counts.filter(([, count]) => count > 0).map(([path]) => path.split('/')[1]!)
        : (this.#tables.get(pool.name) ?? []).map(({ name }) => name);
      return names
        .filter((name) => !isWanted || (!attached.has(name) && !kept.has(name)))
        .map((server) => {
          const count = sessions.get(`${pool.name}/${server}`) ?? 0;
          return { pool: pool.name, server, sessions: count };
        });
    });
  }

  /** Current sessions of each server of a load balancer, by `<pool>/<server>`. */
  async sessions(loadBalancerId: string): Promise<Map<string, number>> {
    const pools = this.pools(loadBalancerId);
    const answers = await this.#run(pools.map(({ name }) => `show stat ${name} 4 -1`));
    return new Map(
      answers.flatMap((answer, index) =>
        [...parseSessions(answer)].map(([server, count]) => [
          `${pools[index]!.name}/${server}`,
          count,
        ]),
      ),
    );
  }

  /** Ends the sessions of servers. That they have ended shows in `sessions` alone. */
  async cut(slots: readonly Slots[]): Promise<void> {
    const paths = slots.map(({ pool, server }) => `${pool}/${server}`);
    const commands = this.isOld
      ? await this.#shutdowns(new Set(paths))
      : paths.map((path) => `shutdown sessions server ${path}`);
    const errors = (await this.#run(commands)).map(errorIn).filter((error) => error !== undefined);
    // A session may have ended on its own between the list and the command.
    const wrong = errors.filter((error) => !error.startsWith('No such session'));
    if (wrong.length > 0) throw new Error(`sessions not cut: ${wrong.join(', ')}`);
  }

  /**
   * Deletes slots at rest. HAProxy refuses while a pooled connection idles.
   * @returns the slots that are still there
   */
  async drop(slots: readonly Slots[]): Promise<Slots[]> {
    const pools = [...new Set(slots.map(({ pool }) => pool))].map((name) => ({ name, slots: [] }));
    // No empty line ends the answer of `del server`: it cannot share a connection.
    for (const { pool, server } of slots) await this.#run([`del server ${pool}/${server}`]);
    await this.#changeAndRead([], pools);
    return slots.filter(({ pool, server }) =>
      this.#tables.get(pool)?.some(({ name }) => name === server),
    );
  }

  /** Every server of every load balancer. */
  async states(): Promise<ServerState[]> {
    const [text = ''] = await this.#run(['show servers state']);
    return parseServersState(text);
  }

  /** Puts servers that were loaded at rest into service, as down until their probes succeed. */
  async wake(resting: readonly RestingServer[]): Promise<void> {
    const commands = resting.flatMap(({ pool, server, weight }) => {
      const path = `${pool}/${server}`;
      // Ready comes with up: without weight that lets nobody in.
      return [
        `set server ${path} weight 0`,
        `set server ${path} state ready`,
        `set server ${path} health down`,
        `set server ${path} weight ${weight}`,
      ];
    });
    const errors = (await this.#run(commands)).map(errorIn).filter((error) => error !== undefined);
    if (errors.length > 0) throw new Error(`servers that are down: ${errors.join(', ')}`);
  }

  /** An old worker ends sessions one by one only: "Proxy is disabled." for a server as a whole. */
  async #shutdowns(paths: ReadonlySet<string>): Promise<string[]> {
    const [text = ''] = await this.#run(['show sess']);
    return parseSessionList(text)
      .filter(({ pool, server }) => paths.has(`${pool}/${server}`))
      .map(({ id }) => `shutdown session ${id}`);
  }

  #commands(pool: string, slots: readonly Slot[]): string[] {
    return poolCommands(pool, slots, this.#tables.get(pool) ?? []);
  }

  /** One round trip. @returns the errors of the commands */
  async #changeAndRead(
    commands: readonly string[],
    pools: readonly { readonly name: string }[],
  ): Promise<string[]> {
    const reads = pools.map(({ name }) => `show servers state ${name}`);
    const answers = await this.#run([...commands, ...reads]);
    for (const [index, { name }] of pools.entries()) {
      this.#tables.set(name, parseServersState(answers[commands.length + index]!));
    }
    const errors = answers.slice(0, commands.length).map(errorIn);
    return [...new Set(errors.filter((error) => error !== undefined))];
  }
}

/** The servers that a pool should have. Without probes `open` and `pool` come to the same. */
function slotsOf({ prefix, role }: LoadedPool, carried: readonly Carried[]): readonly Slot[] {
  const pools = carried.find((listener) => listener.prefix === prefix)?.pools ?? [];
  return (pools.find((pool) => pool.role === role) ?? pools[0])?.slots ?? [];
}
