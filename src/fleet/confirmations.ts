import type { Timers } from '../clock.ts';
import { limits } from '../limits.ts';
import type { Confirmation, ConfirmWait, Missing } from './fleet.ts';
import type { Members } from './members.ts';
import { everyLoadBalancer, type ReportFailure } from './protocol.ts';
import type { Applied, Reports } from './reports.ts';
import type { Standing, Standings } from './standings.ts';
import type { Gate } from './subscriber.ts';

/** A change of one load balancer. */
interface Target {
  readonly revision: number;
  readonly loadBalancerId: string;
}

/** One change that a call waits for. */
interface Waiter extends Target {
  /** Forwarders that the call waits for. */
  readonly pending: Set<string>;
  /** Which forwarders may serve the site was read after the change was committed. */
  current: boolean;
  done(): void;
}

interface Parts {
  readonly standings: Standings;
  readonly members: Members;
  readonly reports: Reports;
  readonly gate: Gate;
  readonly timers: Timers;
}

/**
 * Answers whether a change has taken effect everywhere. Nothing polls: a report, or a change of
 * membership, wakes the calls that wait for its site and looks at one forwarder for each.
 */
export class Confirmations {
  readonly #parts: Parts;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** As Fleet.confirm. While changes are frozen no forwarder can apply one: there is no wait. */
  async confirm(
    site: string,
    revision: number,
    loadBalancerId: string,
    { ms, forFence }: ConfirmWait,
  ): Promise<Confirmation> {
    const waiter = this.#begin(site, { revision, loadBalancerId });
    const read = this.#parts.members.read(site).then(
      () => {
        waiter.current = true;
        this.#lookAtAll(site, waiter);
      },
      () => undefined,
    );
    // The count holds only with who may serve the site by now, so that is waited for anyway.
    await this.#unlessLate(read, Math.max(ms, limits.membersRead));
    if (!this.#parts.gate.frozen) {
      if (ms > 0) await this.#unlessLate(waiter.finished, ms);
      if (forFence && this.#awaitsFence(site, waiter)) {
        await this.#unlessLate(waiter.finished, limits.fenceWait);
      }
    }
    this.#end(site, waiter);
    const confirmation = this.progress(site, revision, loadBalancerId);
    return waiter.current ? confirmation : withUnknown(confirmation);
  }

  /** How far a change has come, as far as this control plane knows. */
  progress(site: string, revision: number, loadBalancerId: string): Confirmation {
    const counted = this.#parts.standings.of(site).filter((each) => each.counted);
    const missing: Missing[] = [];
    for (const standing of counted) {
      const reason = this.#shortOf(standing, { revision, loadBalancerId });
      if (reason === undefined) continue;
      const { forwarder, silentSince } = standing;
      missing.push({ forwarder, reason, ...(silentSince === '' ? {} : { silentSince }) });
    }
    const live = counted.filter(({ state }) => state === 'live').length;
    return { applied: counted.length - missing.length, counted: counted.length, live, missing };
  }

  /** A report or the membership of one forwarder has changed. */
  changed(site: string, forwarder: string): void {
    for (const waiter of this.#waiters.get(site) ?? []) this.#look(site, waiter, forwarder);
  }

  /** Forwarders were registered or removed. */
  registryChanged(): void {
    for (const [site, waiters] of this.#waiters) {
      for (const waiter of waiters) this.#lookAtAll(site, waiter);
    }
  }

  /** Every call gets its answer as far as it has come. */
  close(): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.done();
  }

  #begin(site: string, target: Target): Waiter & { readonly finished: Promise<void> } {
    const { promise: finished, resolve: done } = Promise.withResolvers<void>();
    const waiter = { ...target, pending: new Set<string>(), current: false, done, finished };
    const waiters = this.#waiters.get(site) ?? new Set();
    this.#waiters.set(site, waiters.add(waiter));
    this.#lookAtAll(site, waiter);
    return waiter;
  }

  #end(site: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(site);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(site);
  }

  #lookAtAll(site: string, waiter: Waiter): void {
    const names = this.#parts.standings.of(site).map(({ forwarder }) => forwarder);
    for (const name of new Set([...names, ...waiter.pending])) {
      this.#update(waiter, site, name);
    }
    this.#finishIfDone(waiter);
  }

  #look(site: string, waiter: Waiter, forwarder: string): void {
    this.#update(waiter, site, forwarder);
    this.#finishIfDone(waiter);
  }

  #update(waiter: Waiter, site: string, forwarder: string): void {
    if (this.#isPending(site, this.#parts.standings.find(site, forwarder), waiter)) {
      waiter.pending.add(forwarder);
    } else {
      waiter.pending.delete(forwarder);
    }
  }

  #finishIfDone({ pending, current, done }: Waiter): void {
    if (current && pending.size === 0) done();
  }

  /**
   * One that has been silent for the whole of a lease is not waited for, unless its engines are
   * about to refuse by themselves; nor one that was never sent a site.
   */
  #isPending(site: string, standing: Standing, target: Target): boolean {
    const { forwarder, state, counted, applied } = standing;
    if (!counted || (applied !== undefined && reached(applied, target))) return false;
    if (standing.fences) return true;
    const { reports } = this.#parts;
    const quietMs =
      state === 'unseen' ? reports.quietEverywhereMs(forwarder) : reports.quietMs(site, forwarder);
    return quietMs < limits.forwarderLeaseSeconds * 1000;
  }

  /** True when all that is pending are forwarders whose lease is running out. */
  #awaitsFence(site: string, { pending }: Waiter): boolean {
    return (
      pending.size > 0 &&
      [...pending].every((forwarder) => {
        const { fences, state } = this.#parts.standings.find(site, forwarder);
        const quietMs = this.#parts.reports.quietMs(site, forwarder);
        return fences && (state === 'fencing' || quietMs >= limits.leaseQuietMs);
      })
    );
  }

  /** Resolves with the promise, or after so many milliseconds. */
  #unlessLate(promise: Promise<void>, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.timers.after(ms, resolve);
      void promise.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Why a forwarder does not count as applied, or undefined when it does. */
  #shortOf({ state, applied, silentSince }: Standing, target: Target): string | undefined {
    if (state === 'unseen' && applied === undefined) return 'it has not connected yet';
    if (applied === undefined) return silentSince === '' ? 'it is silent' : silent(silentSince);
    const failure = applied.failures.find(
      (each) =>
        (each.loadBalancerId === target.loadBalancerId ||
          each.loadBalancerId === everyLoadBalancer) &&
        !isOlder(each, target),
    );
    if (failure !== undefined) return failure.reason;
    if (reached(applied, target)) return undefined;
    if (this.#parts.gate.frozen) return 'changes are frozen';
    if (silentSince !== '') return silent(silentSince);
    return `is at revision ${applied.revision}`;
  }
}

function silent(since: string): string {
  return `silent since ${since}`;
}

/** Who may serve could not be read: one more forwarder than is known may. */
function withUnknown({ counted, missing, ...rest }: Confirmation): Confirmation {
  const reason = 'the store did not say in time which forwarders may serve the site';
  return {
    ...rest,
    counted: counted + 1,
    missing: [...missing, { forwarder: everyLoadBalancer, reason }],
  };
}

/** True for a listener that failed before a change, and so says nothing of the change. */
function isOlder({ inert, since }: ReportFailure, { revision }: Target): boolean {
  return inert === true && since !== undefined && since < revision;
}

/** True when what the forwarder settled includes this revision of the load balancer. */
function reached(applied: Applied, { revision, loadBalancerId }: Target): boolean {
  return applied.revision >= revision || (applied.ahead?.[loadBalancerId] ?? 0) >= revision;
}
