import type { Timers } from '../clock.ts';
import type { Confirmation } from './fleet.ts';
import { everyLoadBalancer } from './protocol.ts';
import type { Registry } from './registry.ts';
import type { Applied, Reports } from './reports.ts';
import type { Gate } from './subscriber.ts';

/** One change that somebody waits for. */
interface Waiter {
  readonly revision: number;
  readonly loadBalancerId: string;
  /** Live forwarders that have not reached the revision. */
  readonly missing: Set<string>;
  done(): void;
}

interface Parts {
  readonly registry: Registry;
  readonly reports: Reports;
  readonly gate: Gate;
  readonly timers: Timers;
}

/**
 * Answers "has it taken effect everywhere?". Nobody polls: a report wakes those who wait for its
 * site, and looks at one forwarder for each of them.
 */
export class Confirmations {
  readonly #parts: Parts;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** As Fleet.confirm. While changes are frozen nobody can apply one, so there is no wait. */
  async confirm(
    site: string,
    revision: number,
    loadBalancerId: string,
    waitMs: number,
  ): Promise<Confirmation> {
    const missing = new Set<string>();
    for (const [name, applied] of this.live(site)) {
      if (!reached(applied, revision, loadBalancerId)) missing.add(name);
    }
    if (missing.size > 0 && waitMs > 0 && !this.#parts.gate.frozen) {
      await this.#wait(site, { revision, loadBalancerId, missing }, waitMs);
    }
    return this.#result(site, revision, loadBalancerId);
  }

  /** The forwarders that carry the site and whose lease has not lapsed. */
  *live(site: string): Iterable<readonly [name: string, applied: Applied]> {
    const heard = this.#parts.reports.of(site);
    for (const name of this.#parts.registry.forwardersOf(site)) {
      const applied = heard.get(name)?.applied;
      if (applied !== undefined) yield [name, applied];
    }
  }

  /** A forwarder's report of a site came, changed or lapsed. */
  heard(site: string, forwarder: string): void {
    const waiters = this.#waiters.get(site);
    if (waiters === undefined) return;
    const carries = this.#parts.registry.forwardersOf(site).has(forwarder);
    const applied = carries ? this.#parts.reports.of(site).get(forwarder)?.applied : undefined;
    for (const waiter of waiters) {
      const { revision, loadBalancerId, missing } = waiter;
      if (applied === undefined || reached(applied, revision, loadBalancerId)) {
        missing.delete(forwarder);
      } else {
        missing.add(forwarder);
      }
      if (missing.size === 0) waiter.done();
    }
  }

  /** Forwarders were registered or removed: those who wait look at all of them again. */
  registryChanged(): void {
    for (const [site, waiters] of this.#waiters) {
      const names = [...waiters].flatMap(({ missing }) => [...missing]);
      for (const name of new Set([...names, ...this.#parts.registry.forwardersOf(site)])) {
        this.heard(site, name);
      }
    }
  }

  /** Everybody gets their answer as things stand. */
  close(): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.done();
  }

  #wait(site: string, change: Omit<Waiter, 'done'>, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(site) ?? new Set();
      this.#waiters.set(site, waiters);
      const waiter: Waiter = {
        ...change,
        done: () => {
          cancel();
          waiters.delete(waiter);
          if (waiters.size === 0) this.#waiters.delete(site);
          resolve();
        },
      };
      const cancel = this.#parts.timers.after(waitMs, waiter.done);
      waiters.add(waiter);
    });
  }

  #result(site: string, revision: number, loadBalancerId: string): Confirmation {
    const missing: { forwarder: string; reason: string }[] = [];
    let live = 0;
    for (const [forwarder, applied] of this.live(site)) {
      live += 1;
      const reason = this.#shortOf(applied, revision, loadBalancerId);
      if (reason !== undefined) missing.push({ forwarder, reason });
    }
    return { applied: live - missing.length, live, missing };
  }

  /** Why a forwarder does not count, or undefined when it does. */
  #shortOf(applied: Applied, revision: number, loadBalancerId: string): string | undefined {
    const failure = applied.failures.find(
      (each) => each.loadBalancerId === loadBalancerId || each.loadBalancerId === everyLoadBalancer,
    );
    if (failure !== undefined) return failure.reason;
    if (reached(applied, revision, loadBalancerId)) return undefined;
    if (this.#parts.gate.frozen) return 'changes are frozen';
    return `is at revision ${applied.revision}`;
  }
}

/** True when what the forwarder settled includes this revision of the load balancer. */
function reached(applied: Applied, revision: number, loadBalancerId: string): boolean {
  return applied.revision >= revision || (applied.ahead?.[loadBalancerId] ?? 0) >= revision;
}
