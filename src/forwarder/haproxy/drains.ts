import { backOff } from '../../clock.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import type { ReportDrain } from '../../fleet/protocol.ts';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import type { Crew } from './crew.ts';
import { serverName } from './names.ts';
import type { Carried } from './render.ts';
import type { Worker } from './worker.ts';

/** One load balancer as it was last applied. */
interface Watched {
  readonly loadBalancer: Pick<LoadBalancer, 'id' | 'draining'>;
  readonly carried: readonly Carried[];
  timer: NodeJS.Timeout | undefined;
  /** Looks in a row that found something still there. */
  tries: number;
}

export interface DrainsOptions {
  readonly crew: Crew;
  readonly now: () => number;
  readonly log: Log;
  /** Runs when no verb of the load balancer is at work. */
  readonly inTurn: (loadBalancerId: string, run: () => Promise<void>) => Promise<void>;
}

/**
 * Sees removed servers out. Their sessions may go on until the deadline and are cut then; slots
 * without sessions are deleted once nothing keeps them. It looks again until it has seen both:
 * neither answer proves anything, and HAProxy refuses to delete while a pooled connection idles.
 */
export class Drains {
  readonly #options: DrainsOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  /** Looks after a load balancer as it stands from now on. */
  watch(loadBalancer: Watched['loadBalancer'], carried: readonly Carried[]): void {
    const { id } = loadBalancer;
    clearTimeout(this.#watched.get(id)?.timer);
    const watched: Watched = { loadBalancer, carried, timer: undefined, tries: 0 };
    this.#watched.set(id, watched);
    if (this.#isDue(watched)) this.#again(watched, 0);
    else this.#rest(watched);
  }

  /**
   * Cuts what is due and deletes what has ended.
   * @returns whether all that is due is done
   */
  async tend(id: string): Promise<boolean> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return true;
    const left = await this.#options.crew.each((worker) => this.#tendIn(worker, watched));
    return left.every((count) => count === 0);
  }

  /** Drains before their deadline, with the sessions that are left in all workers. */
  async progress(): Promise<ReportDrain[]> {
    const found: ReportDrain[] = [];
    for (const watched of this.#watched.values()) {
      const { id, draining } = watched.loadBalancer;
      const living = draining.filter(({ deadline }) => deadline > this.#options.now());
      if (living.length === 0) continue;
      const sessions = await this.#sessions(id);
      for (const { deadline, ...server } of living) {
        const left = sessions.get(serverName(server)) ?? 0;
        found.push({ loadBalancerId: id, server, deadline, sessions: left });
      }
    }
    return found;
  }

  close(): void {
    for (const { timer } of this.#watched.values()) clearTimeout(timer);
    this.#watched.clear();
  }

  /** Sessions by server, over pools and workers. */
  async #sessions(id: string): Promise<ReadonlyMap<string, number>> {
    const total = new Map<string, number>();
    await this.#options.crew.each(async (worker) => {
      for (const [path, count] of await worker.sessions(id)) {
        const server = path.slice(path.indexOf('/') + 1);
        total.set(server, (total.get(server) ?? 0) + count);
      }
    });
    return total;
  }

  async #look(watched: Watched): Promise<void> {
    const { crew, log } = this.#options;
    const { id } = watched.loadBalancer;
    if (this.#watched.get(id) !== watched) return;
    let isDone = !crew.isThere;
    try {
      isDone ||= await this.tend(id);
    } catch (error) {
      log.warn({ loadBalancerId: id, reason: reasonOf(error) }, 'drains not looked after');
    }
    if (isDone) return this.#rest(watched);
    watched.tries += 1;
    if (watched.tries < limits.cutTries) return this.#again(watched, watched.tries);
    log.error({ loadBalancerId: id }, 'removed servers are still there; left to the next change');
    this.#rest(watched);
  }

  /** @returns how many slots were not done with */
  async #tendIn(worker: Worker, watched: Watched): Promise<number> {
    const { id } = watched.loadBalancer;
    const sessions = await worker.sessions(id);
    const leaving = worker.leaving(id, watched.carried, this.#kept(watched), sessions);
    const busy = leaving.filter((slot) => slot.sessions > 0);
    if (busy.length > 0) await worker.cut(busy);
    const idle = leaving.filter((slot) => slot.sessions === 0);
    return busy.length + (idle.length === 0 ? 0 : (await worker.drop(idle)).length);
  }

  /** True when there may be something to cut or delete. */
  #isDue(watched: Watched): boolean {
    const { crew } = this.#options;
    const { id } = watched.loadBalancer;
    return crew.all.some((worker) =>
      worker.isOld
        ? worker.pools(id).length > 0
        : worker.leaving(id, watched.carried, this.#kept(watched)).length > 0,
    );
  }

  #kept({ loadBalancer }: Watched): ReadonlySet<string> {
    const now = this.#options.now();
    const living = loadBalancer.draining.filter(({ deadline }) => deadline > now);
    return new Set(living.map((server) => serverName(server)));
  }

  #again(watched: Watched, tries: number): void {
    const wait = tries === 0 ? 0 : backOff(tries - 1, limits.cutRetry, () => 1);
    this.#after(watched, wait);
  }

  /** Nothing to do until the next deadline. */
  #rest(watched: Watched): void {
    watched.tries = 0;
    const { id, draining } = watched.loadBalancer;
    const now = this.#options.now();
    const deadlines = draining.map(({ deadline }) => deadline).filter((at) => at > now);
    if (deadlines.length > 0) this.#after(watched, Math.min(...deadlines) - now);
    else this.#watched.delete(id);
  }

  #after(watched: Watched, wait: number): void {
    const { inTurn } = this.#options;
    clearTimeout(watched.timer);
    const run = () => void inTurn(watched.loadBalancer.id, () => this.#look(watched));
    watched.timer = setTimeout(run, Math.min(wait, limits.timerMost)).unref();
  }
}
