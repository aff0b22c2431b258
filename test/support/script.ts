import type { Timers } from '../../src/clock.ts';
import type { LoadBalancer } from '../../src/elb/types.ts';
import { formatHash, hashOf } from '../../src/fleet/hash.ts';
import {
  aliveLine,
  type LeaseTerms,
  type SiteReport,
  type WatchMessage,
} from '../../src/fleet/protocol.ts';
import type { Transport, WatchRequest } from '../../src/forwarder/transport.ts';
import { limits } from '../../src/limits.ts';

/** A control plane whose every word is the test's. */
export class Script implements Transport {
  readonly endpoint = 'http://script';
  /** Streams opened so far. */
  streams = 0;
  up = true;
  /** Whether it says so when there is nothing else to say. */
  isAlive = true;
  takesReports = true;
  readonly reports: { readonly site: string; readonly report: SiteReport }[] = [];
  readonly requests: WatchRequest[] = [];
  /** What reports are answered with. */
  terms: LeaseTerms = { isolation: 'serve', leaseMs: 0 };
  readonly #timers: Timers;
  #lines: string[] = [];
  #wake: () => void = () => {};
  #ended = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<string> {
    if (!this.up) throw new Error('connect ECONNREFUSED');
    this.streams += 1;
    this.requests.push(request);
    this.#lines = [];
    this.#ended = false;
    signal.addEventListener('abort', () => this.#wake());
    yield aliveLine;
    while (!this.#ended && !signal.aborted) {
      const line = this.#lines.shift() ?? (await this.#idle());
      if (line !== undefined) yield line;
    }
  }

  #idle(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const alive = () => (this.isAlive ? resolve(aliveLine) : undefined);
      const cancel = this.#timers.after(limits.streamAlive, alive);
      this.#wake = () => {
        cancel();
        resolve(undefined);
      };
    });
  }

  async report(site: string, report: SiteReport): Promise<LeaseTerms> {
    if (!this.up || !this.takesReports) throw new Error('connect ECONNREFUSED');
    this.reports.push({ site, report });
    return this.terms;
  }

  drop(): void {}

  say(...messages: (WatchMessage | string)[]): void {
    for (const message of messages) {
      this.#lines.push(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
    }
    this.#wake();
  }

  hangUp(): void {
    this.#ended = true;
    this.#wake();
  }

  /** What was reported last as applied. */
  get applied() {
    const last = this.reports.findLast(({ report }) => report.applied !== undefined);
    if (last?.report.applied === undefined) return undefined;
    const { startedAt: _, lease: __, ...applied } = last.report.applied;
    return applied;
  }
}

/** A site as `Script` may say it. */
export function snapshot(
  revision: number,
  loadBalancers: readonly LoadBalancer[],
  site = 'site-1',
) {
  const sum = loadBalancers.reduce((all, each) => all ^ hashOf(JSON.stringify(each)), 0n);
  const hash = formatHash(sum);
  return { type: 'snapshot', site, revision, hash, loadBalancers, deleted: [] } as const;
}

export function heartbeat(
  revision: number,
  loadBalancers: readonly LoadBalancer[],
  site = 'site-1',
) {
  const { hash } = snapshot(revision, loadBalancers);
  return { type: 'heartbeat', site, revision, hash, frozen: false } as const;
}
