import type { DrainingServer, LoadBalancer } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../log.ts';
import type { DrainProgress } from '../engine.ts';
import { serverName } from './names.ts';
import type { Workers } from './workers.ts';

/** One load balancer with slots that are on their way out. */
interface Watched {
  readonly loadBalancer: LoadBalancer;
  readonly pools: readonly string[];
}

export interface DrainsOptions {
  readonly workers: Workers;
  readonly now: () => number;
  readonly log: Log;
}

/**
 * Sees removed servers out: their sessions may go on until the deadline, then they are cut; a slot
 * without sessions is deleted. Looks again until nothing is left, since HAProxy refuses to delete
 * a slot as long as a pooled connection idles, and an answer to a cut proves nothing.
 */
export class Drains {
  readonly #options: DrainsOptions;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  /** Looks after a load balancer as it stands now. */
  watch(loadBalancer: LoadBalancer, pools: readonly string[]): void {
    const watched = { loadBalancer, pools };
    if (this.#isOver(watched)) this.#watched.delete(loadBalancer.id);
    else this.#watched.set(loadBalancer.id, watched);
    this.#arm();
  }

  forget(id: string): void {
    this.#watched.delete(id);
  }

  /** Drains before their deadline, with the sessions that are left here. */
  async progress(): Promise<DrainProgress[]> {
    const found: DrainProgress[] = [];
    for (const { loadBalancer, pools } of this.#watched.values()) {
      const living = loadBalancer.draining.filter(({ deadline }) => !this.#isPast(deadline));
      if (living.length === 0) continue;
      const sessions = await this.#options.workers.sessions(pools);
      for (const { deadline, ...server } of living) {
        const left = sessions.get(serverName(server)) ?? 0;
        found.push({ loadBalancerId: loadBalancer.id, server, deadline, sessions: left });
      }
    }
    return found;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Cuts and deletes what is due; HAProxy being away is no error, it will be looked at again. */
  async tend(): Promise<void> {
    const { workers, log } = this.#options;
    try {
      if (workers.hasOld) await workers.refresh();
      for (const watched of [...this.#watched.values()]) await this.#tendOne(watched);
    } catch (error) {
      log.warn({ reason: String(error) }, 'drains could not be looked after');
    }
  }

  async #tendOne(watched: Watched): Promise<void> {
    const { workers } = this.#options;
    const { loadBalancer, pools } = watched;
    const kept = new Set(
      loadBalancer.draining
        .filter(({ deadline }) => !this.#isPast(deadline))
        .map((drain) => serverName(drain)),
    );
    const sessions = await workers.sessions(pools);
    const leaving = this.#leaving(watched);
    const overdue = leaving.filter(({ server }) => !kept.has(server) && sessions.get(server));
    if (overdue.length > 0)
      await workers.cut(overdue.map(({ pool, server }) => `${pool}/${server}`));
    for (const pool of pools) {
      const empty = workers
        .table(pool)
        .filter(({ name }) => !sessions.get(name))
        .filter(({ name }) => leaving.some((slot) => slot.pool === pool && slot.server === name))
        .map(({ name }) => name);
      if (empty.length > 0) await workers.drop(pool, empty);
    }
    const isCurrent = this.#watched.get(loadBalancer.id) === watched;
    const idle = overdue.length === 0 && kept.size === 0;
    if (isCurrent && idle && this.#isOver(watched)) this.#watched.delete(loadBalancer.id);
  }

  /** Slots of servers that are attached no more, those only old workers know included. */
  #leaving({ loadBalancer, pools }: Watched): { pool: string; server: string }[] {
    const attached = new Set(loadBalancer.backends.map((server) => serverName(server)));
    const drained = loadBalancer.draining.map((drain) => serverName(drain));
    return pools.flatMap((pool) => {
      const slots = this.#options.workers.table(pool).map(({ name }) => name);
      const names = new Set([...slots, ...drained].filter((name) => !attached.has(name)));
      return [...names].map((server) => ({ pool, server }));
    });
  }

  #isOver(watched: Watched): boolean {
    const recent = watched.loadBalancer.draining.some((drain) => this.#isRecent(drain));
    return (
      !recent &&
      this.#leaving(watched).every(({ pool, server }) => {
        return !this.#options.workers.table(pool).some(({ name }) => name === server);
      })
    );
  }

  /** A deadline that passed while nobody looked still wants its cut. */
  #isRecent({ deadline }: DrainingServer): boolean {
    return deadline > this.#options.now() - limits.drainWatch * 4;
  }

  #isPast(deadline: number): boolean {
    return deadline <= this.#options.now();
  }

  /** Looks again at the next deadline, or after the usual pause, whichever comes first. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#watched.size === 0) return;
    const deadlines = [...this.#watched.values()].flatMap(({ loadBalancer }) =>
      loadBalancer.draining.map(({ deadline }) => deadline - this.#options.now()),
    );
    const next = Math.min(limits.drainWatch, ...deadlines.filter((ms) => ms > 0));
    this.#timer = setTimeout(() => void this.tend().finally(() => this.#arm()), next);
  }
}
