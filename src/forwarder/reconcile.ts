import { backOff, type Timers } from '../clock.ts';
import type { LoadBalancer } from '../elb/types.ts';
import type { ReportFailure } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import type { Engine } from './engine.ts';
import { Progress } from './progress.ts';
import type { Step } from './site-state.ts';

type Applying = Pick<Extract<Step, { kind: 'apply' }>, 'wants' | 'since' | 'revision'>;

/** One load balancer: what it should be, and whether a verb is at work on it. */
interface Task {
  readonly id: string;
  readonly site: string;
  /** Undefined: it should be gone. */
  wanted: LoadBalancer | undefined;
  /** The site's revision that `wanted` is of. */
  revision: number;
  /** Counts what was wanted: the result of a verb for an earlier wish says nothing. */
  wish: number;
  running: boolean;
  failed: number;
  /** Its listeners that serve nothing: since which revision, with which settings. */
  inert: ReadonlyMap<string, Inert>;
  cancelRetry: () => void;
}

interface Inert {
  readonly since: number;
  readonly settings: string;
}

export interface ReconcilerOptions {
  readonly engine: Engine;
  readonly timers: Timers;
  readonly random: () => number;
  readonly log: Log;
  /** Called when there is something new to report of a site. */
  readonly onProgress: (site: string) => void;
}

/**
 * Brings the engine to what is wanted. One verb at a time for each load balancer, so that an older
 * state never comes after a newer one; of several wishes that wait, the latest wins. What fails is
 * tried again, less and less often.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #progress = new Map<string, Progress>();
  /** Sites that are given up -> called once the engine has nothing of them. */
  readonly #released = new Map<string, () => void>();
  /** Tasks that wait for a verb, in order. */
  readonly #queue = new Set<Task>();
  #running = 0;
  #started = false;
  /** While pruning nothing else touches the engine. */
  #pruning = false;
  #closed = false;
  #cancelPrune: () => void = () => {};
  #wakeIdle: () => void = () => {};
  #refreshing: Iterator<Task> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    options.engine.onLost((reason) => this.#engineLost(reason));
  }

  /** From now on the engine is touched; what was pruned until then comes first. */
  start(): void {
    this.#started = true;
    this.#pump();
  }

  /** Takes what one step of a site wants. */
  follow(site: string, { wants, since, revision }: Applying): void {
    const progress = this.progress(site);
    for (const [id, wanted] of wants) this.#want(site, id, wanted, since, revision);
    progress.hold(revision);
    this.#pump();
    // Else the engine's answer is the news; a report before it would only delay it.
    if (progress.settled) this.#options.onProgress(site);
  }

  /** Stops carrying a site. Resolves once the engine has nothing of it any more. */
  release(site: string): Promise<void> {
    for (const task of this.#tasks.values()) {
      if (task.site === site) this.#want(site, task.id, undefined, task.revision, task.revision);
    }
    this.#progress.delete(site);
    this.#pump();
    return new Promise((resolve) => {
      this.#released.set(site, resolve);
      this.#resolveReleased(site);
    });
  }

  progress(site: string): Progress {
    const progress = this.#progress.get(site) ?? new Progress();
    this.#progress.set(site, progress);
    return progress;
  }

  /** The site of a load balancer that is carried. */
  siteOf(loadBalancerId: string): string | undefined {
    return this.#tasks.get(loadBalancerId)?.site;
  }

  /** Removes from the engine what no site wants; alone, and again until the engine has done it. */
  async prune(failed = 0): Promise<void> {
    this.#pruning = true;
    await this.#idle();
    const { engine, timers, random, log } = this.#options;
    try {
      const wanted = [...this.#tasks.values()].filter((task) => task.wanted !== undefined);
      if (!this.#closed) await engine.prune(new Set(wanted.map(({ id }) => id)));
    } catch (error) {
      log.error({ err: error }, 'cannot prune the engine, trying again');
      const ms = backOff(failed, limits.applyRetry, random);
      if (!this.#closed) this.#cancelPrune = timers.after(ms, () => void this.prune(failed + 1));
    }
    this.#pruning = false;
    this.#pump();
  }

  /**
   * Has the next load balancers in turn applied and read back again, so that an engine that was
   * changed behind our back, or only claimed success, comes right.
   * @param share of all, 0 to 1
   */
  refresh(share: number): void {
    for (let left = Math.ceil(this.#tasks.size * share); left > 0; left--) {
      let next = this.#refreshing?.next();
      if (next === undefined || next.done) {
        this.#refreshing = this.#tasks.values();
        next = this.#refreshing.next();
      }
      if (next.done) return;
      if (!next.value.running && next.value.failed === 0) this.#queue.add(next.value);
    }
    this.#pump();
  }

  /** Lets verbs at work end and starts no other. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelPrune();
    for (const task of this.#tasks.values()) task.cancelRetry();
    await this.#idle();
  }

  #want(
    site: string,
    id: string,
    wanted: LoadBalancer | undefined,
    since: number,
    revision: number,
  ): void {
    const task = this.#tasks.get(id) ?? newTask(site, id);
    this.#tasks.set(id, task);
    task.wanted = wanted;
    task.revision = revision;
    this.#progress.get(site)?.begin(id, since);
    this.#wish(task);
  }

  #wish(task: Task): void {
    task.wish += 1;
    task.failed = 0;
    task.cancelRetry();
    if (!task.running) this.#queue.add(task);
  }

  #engineLost(reason: string): void {
    this.#options.log.warn({ reason }, 'the engine lost its state, applying everything again');
    for (const task of this.#tasks.values()) {
      const failure = { loadBalancerId: task.id, reason: `the engine lost its state: ${reason}` };
      this.#progress.get(task.site)?.fail(task.id, [failure]);
      this.#wish(task);
    }
    for (const site of this.#progress.keys()) this.#options.onProgress(site);
    this.#pump();
  }

  #pump(): void {
    for (const task of this.#queue) {
      if (!this.#started || this.#closed || this.#pruning) return;
      if (this.#running >= limits.engineVerbs) return;
      this.#queue.delete(task);
      void this.#run(task);
    }
  }

  async #run(task: Task): Promise<void> {
    const { wish } = task;
    task.running = true;
    this.#running += 1;
    const failures = await this.#verb(task);
    task.running = false;
    this.#running -= 1;
    if (this.#running === 0) this.#wakeIdle();
    if (task.wish === wish) this.#settle(task, failures);
    else this.#queue.add(task);
    this.#pump();
  }

  async #verb({ id, wanted }: Task): Promise<readonly ReportFailure[]> {
    const { engine, log } = this.#options;
    try {
      if (wanted !== undefined) return await engine.apply(wanted);
      await engine.remove(id);
      return [];
    } catch (error) {
      log.error({ err: error, loadBalancerId: id }, 'the engine failed');
      return [{ loadBalancerId: id, reason: reasonOf(error) }];
    }
  }

  #settle(task: Task, failures: readonly ReportFailure[]): void {
    const { timers, random, onProgress } = this.#options;
    if (failures.length > 0 && !this.#closed) {
      const ms = backOff(task.failed, limits.applyRetry, random);
      task.failed += 1;
      task.cancelRetry = timers.after(ms, () => {
        this.#queue.add(task);
        this.#pump();
      });
    } else {
      task.failed = 0;
      if (task.wanted === undefined) {
        this.#tasks.delete(task.id);
        this.#resolveReleased(task.site);
      }
    }
    const progress = this.#progress.get(task.site);
    const dated = withSince(task, failures);
    if (progress?.settle(task.id, task.revision, dated)) onProgress(task.site);
  }

  #resolveReleased(site: string): void {
    const resolve = this.#released.get(site);
    if (resolve === undefined) return;
    if ([...this.#tasks.values()].some((task) => task.site === site)) return;
    this.#released.delete(site);
    resolve();
  }

  #idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#wakeIdle;
      this.#wakeIdle = () => {
        this.#wakeIdle = () => {};
        before();
        resolve();
      };
    });
  }
}

/** The failures, each inert one with the revision since which its listener fails as it is set. */
function withSince(task: Task, failures: readonly ReportFailure[]): readonly ReportFailure[] {
  const { wanted, revision, inert: before } = task;
  const inert = new Map<string, Inert>();
  const dated = failures.map((failure) => {
    const { listener } = failure;
    if (failure.inert !== true || listener === undefined) return failure;
    const own = wanted?.listeners.find((each) => `${each.protocol}:${each.port}` === listener);
    const settings = JSON.stringify(own);
    const known = before.get(listener);
    const since = known?.settings === settings ? known.since : revision;
    inert.set(listener, { since, settings });
    return { ...failure, since };
  });
  task.inert = inert;
  return dated;
}

function newTask(site: string, id: string): Task {
  const cancelRetry = () => {};
  return {
    id,
    site,
    wanted: undefined,
    revision: 0,
    wish: 0,
    running: false,
    failed: 0,
    inert: new Map(),
    cancelRetry,
  };
}
