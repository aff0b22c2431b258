import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import { leaseClock } from '../lease-clock.ts';
import type { AnsweredLease } from './lease-answers.ts';
import { leasedSites, leaseSocket, leaseVariable, renderLeases } from './lease-lines.ts';
import type { Paths } from './paths.ts';
import { errorIn, RuntimeSocket, WorkerGone } from './runtime.ts';
import { replaceFile } from './section-files.ts';

export interface LeasesOptions {
  readonly paths: Paths;
  /** The clock of leases, in milliseconds. */
  readonly leaseNow: () => number;
  readonly log: Log;
}

interface Lease {
  readonly site: string;
  /** By `leaseNow`. */
  until: number;
  /** What the answering thread reads. */
  readonly end: SharedArrayBuffer;
}

/** Commands for one worker at a time: a line of HAProxy's and its answers stay small. */
const sitesPerBatch = 50;

/**
 * The leases that HAProxy holds sites to. Nothing here waits for a load, nor for the commands of
 * other load balancers: each worker is reached over a connection of its own.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #held = new Map<string, Lease>();
  /** No longer held; their load balancers' sections still name them. */
  readonly #leaving = new Map<string, Lease>();
  #answers: Worker | undefined;
  #written: string;
  /** A load began then: until it is over, its worker needs the latest ends in the file. */
  #loadBegan = Number.NEGATIVE_INFINITY;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;
  #isPruned = false;
  #isClosed = false;

  /** Reads what an earlier life held; every lease of it is over. */
  constructor(options: LeasesOptions) {
    this.#options = options;
    const { leases } = options.paths;
    this.#written = existsSync(leases) ? readFileSync(leases, 'utf8') : '';
    for (const site of leasedSites(this.#written)) this.#held.set(site, newLease(site));
  }

  /** Called once, before HAProxy is started: it must not start on ends of an earlier life. */
  async open(): Promise<void> {
    this.#tryWrite();
    await this.#answer();
  }

  isGuarded(site: string): boolean {
    return this.#held.has(site);
  }

  /**
   * Holds these sites and no others. Sections may name the ones before until `settle`.
   * @param leases site -> when its lease ends, by `leaseNow`
   * @returns the sites that come or go
   */
  async hold(leases: ReadonlyMap<string, number>): Promise<ReadonlySet<string>> {
    const changed = new Set(leases.keys()).symmetricDifference(new Set(this.#held.keys()));
    for (const [site, lease] of this.#held) {
      if (leases.has(site)) continue;
      this.#held.delete(site);
      // It must take traffic until its sections name it no more.
      lease.until = this.#options.leaseNow() + limits.engineRefresh;
      this.#leaving.set(site, lease);
    }
    for (const [site, until] of leases) {
      const lease = this.#held.get(site) ?? this.#leaving.get(site) ?? newLease(site);
      this.#leaving.delete(site);
      lease.until = until;
      this.#held.set(site, lease);
    }
    for (const lease of this.#all()) this.#show(lease);
    await this.#answer();
    this.#write();
    await this.#push();
    return changed;
  }

  /**
   * Sections have followed `hold`: what they name no more goes, and the rest is read back. Before
   * `pruned` there may be sections of an earlier life, which no one has rendered anew.
   */
  async settle(): Promise<void> {
    if (this.#isPruned) this.#leaving.clear();
    await this.#answer();
    this.#write();
    await this.#push();
  }

  /** Every section is of this life from now on. */
  async pruned(): Promise<void> {
    this.#isPruned = true;
    if (this.#leaving.size > 0) await this.settle();
  }

  /** Extends a lease. @throws when a worker that is there does not take it */
  async renew(site: string, until: number): Promise<void> {
    const lease = this.#held.get(site);
    const now = this.#options.leaseNow();
    if (lease === undefined || until <= now || until <= lease.until) return;
    lease.until = until;
    this.#show(lease);
    if (this.#answers === undefined || !existsSync(this.#socketOf(lease))) await this.#answer();
    if (performance.now() - this.#loadBegan < limits.engineLoad) this.#write();
    await this.#push();
  }

  /** A worker is about to be loaded, or was just. */
  atReload(when: 'before' | 'after'): void {
    if (this.#all().length === 0) return;
    if (when === 'before') {
      this.#loadBegan = performance.now();
      this.#tryWrite();
      return;
    }
    this.#loadBegan = Number.NEGATIVE_INFINITY;
    this.#push().catch((error: unknown) => {
      this.#options.log.warn({ reason: reasonOf(error) }, 'cannot give haproxy its leases');
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const answers = this.#answers;
    this.#answers = undefined;
    await answers?.terminate();
    for (const lease of this.#all()) rmSync(this.#socketOf(lease), { force: true });
  }

  #all(): Lease[] {
    return [...this.#held.values(), ...this.#leaving.values()];
  }

  #socketOf({ site }: Lease): string {
    return join(this.#options.paths.handover, `${leaseSocket(site)}.sock`);
  }

  /**
   * When it ends by another clock. That one is read first: a pause between the two readings
   * shortens the lease.
   */
  #endBy(clock: () => number, { until }: Lease): number {
    const now = clock();
    const left = until - this.#options.leaseNow();
    return left > 0 ? Math.floor(now + left) : 0;
  }

  /** To the answering thread, from now on. */
  #show(lease: Lease): void {
    Atomics.store(new BigInt64Array(lease.end), 0, BigInt(this.#endBy(leaseClock, lease)));
  }

  /** Has every lease answered for. Resolves once its sockets are there. */
  async #answer(): Promise<void> {
    const leases = this.#all();
    if (this.#isClosed || (leases.length === 0 && this.#answers === undefined)) return;
    const answers = this.#answers ?? this.#startAnswers();
    const answered = leases.map(
      (lease): AnsweredLease => ({ path: this.#socketOf(lease), end: lease.end }),
    );
    const listening = once(answers, 'message');
    answers.postMessage(answered);
    await listening;
  }

  #startAnswers(): Worker {
    const answers = new Worker(new URL('./lease-answers.ts', import.meta.url));
    answers.unref();
    this.#answers = answers;
    answers.on('error', (error) => {
      this.#options.log.error({ reason: reasonOf(error) }, 'checks of leases are not answered');
    });
    answers.on('exit', () => {
      // The next renewal starts it again.
      if (this.#answers === answers) this.#answers = undefined;
    });
    return answers;
  }

  /** A full disk keeps no worker from loading; it lets nothing in until it is given its ends. */
  #tryWrite(): void {
    try {
      this.#write();
    } catch (error) {
      this.#options.log.warn({ reason: reasonOf(error) }, 'cannot write the leases');
    }
  }

  #write(): void {
    const leases = this.#all().map((lease) => {
      const end = this.#endBy(Date.now, lease);
      return { site: lease.site, wallEnd: end === 0 ? 0 : end + limits.leaseStart };
    });
    const text = renderLeases(leases);
    const { leases: path } = this.#options.paths;
    if (text === this.#written && (text === '' || existsSync(path))) return;
    if (text === '') rmSync(path, { force: true });
    else replaceFile(path, text);
    this.#written = text;
  }

  /** Gives every worker all ends; calls that come while one is under way share the next. */
  #push(): Promise<void> {
    this.#next ??= this.#last.then(() => {
      this.#next = undefined;
      return this.#pushAll();
    });
    this.#last = this.#next.catch(() => {
      // Its callers have the error.
    });
    return this.#next;
  }

  async #pushAll(): Promise<void> {
    const leases = this.#all();
    if (leases.length === 0 || this.#isClosed) return;
    const { sockets } = this.#options.paths;
    const names = readdirSync(sockets).filter((name) => /^worker-\d+\.sock$/.test(name));
    const taken = await Promise.all(names.map((name) => this.#give(join(sockets, name), leases)));
    // No worker is there: the next one reads the file.
    if (!taken.includes(true)) this.#write();
  }

  /** @returns false: the worker has ended */
  async #give(path: string, leases: readonly Lease[]): Promise<boolean> {
    try {
      for (let from = 0; from < leases.length; from += sitesPerBatch) {
        await this.#giveSome(path, leases.slice(from, from + sitesPerBatch));
      }
      return true;
    } catch (error) {
      if (error instanceof WorkerGone) return false;
      throw error;
    }
  }

  async #giveSome(path: string, leases: readonly Lease[]): Promise<void> {
    const ends = leases.map((lease) => ({
      variable: leaseVariable(lease.site),
      end: this.#endBy(Date.now, lease),
    }));
    const socket = new RuntimeSocket(path);
    // HAProxy 2.6 sets no variable on a connection that has not said so.
    const sets = ends.map(({ variable, end }) => `set var ${variable} int(${end})`);
    const [error] = (await socket.run(['experimental-mode on', ...sets])).flatMap(
      (answer) => errorIn(answer) ?? [],
    );
    for (const { variable, end } of ends) {
      // No empty line ends this answer: each needs a connection of its own.
      const [answer = ''] = await socket.run([`get var ${variable}`]);
      if (answer.includes(`value=<${end}>`)) continue;
      throw new Error(`haproxy does not hold ${variable}=${end}: ${error ?? answer}`);
    }
  }
}

/** A lease that is over. */
function newLease(site: string): Lease {
  return { site, until: Number.NEGATIVE_INFINITY, end: new SharedArrayBuffer(8) };
}
