import type { Timers } from '../clock.ts';
import {
  everyLoadBalancer,
  type ReportFailure,
  type SiteReport,
  type WatchMessage,
} from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import { isoSeconds } from '../signing.ts';
import type { Certificates } from './certificates.ts';
import type { Disk } from './disk.ts';
import type { Failover } from './failover.ts';
import { Journal } from './journal.ts';
import { Lane } from './lane.ts';
import type { Leases } from './leases.ts';
import type { Reconciler } from './reconcile.ts';
import { SiteState } from './site-state.ts';

export type SiteMessage = Exclude<WatchMessage, { type: 'release' }>;
type Status = NonNullable<SiteReport['status']>;

export interface ReplicaOptions {
  readonly transport: Pick<Failover, 'report'>;
  readonly reconciler: Reconciler;
  readonly disk: Disk;
  /** Where the engine finds the certificates of load balancers. */
  readonly certificates: Certificates;
  readonly timers: Timers;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
  readonly leases: Leases;
  /** The clock of leases, milliseconds. */
  readonly leaseNow: () => number;
}

/**
 * One site on this forwarder: told by the control plane, kept in the journal, handed to the
 * engine, reported back; always in that order.
 */
export class Replica {
  readonly site: string;
  readonly #options: ReplicaOptions;
  readonly #journal: Journal;
  readonly #appliedLane: Lane;
  readonly #statusLane: Lane;
  #state: SiteState;
  /** Why what the control plane says is not believed. */
  #refused: string | undefined;
  #journalTrouble: string | undefined;
  #status: NonNullable<SiteReport['status']> | undefined;
  #statusText = '';
  #statusAt = Number.NEGATIVE_INFINITY;
  #cancelRenewal: () => void;

  constructor(site: string, options: ReplicaOptions) {
    this.site = site;
    this.#options = options;
    this.#journal = new Journal(site, options.disk);
    this.#state = new SiteState(site);
    options.certificates.hold(site, this.#state.certificates);
    const { transport } = options;
    const lane = (build: () => SiteReport) =>
      new Lane({ ...options, send: () => transport.report(site, build()) });
    this.#appliedLane = new Lane({ ...options, send: () => this.#reportApplied() });
    this.#statusLane = lane(() => (this.#status === undefined ? {} : { status: this.#status }));
    this.#cancelRenewal = this.#renew();
  }

  get revision(): number | undefined {
    return this.#state.revision;
  }

  /** What the control plane is told of this site. */
  applied(): NonNullable<SiteReport['applied']> {
    const failures: ReportFailure[] = [];
    if (this.#refused !== undefined) {
      failures.push({ loadBalancerId: everyLoadBalancer, reason: this.#refused });
    }
    for (const [loadBalancerId, reason] of this.#state.heldBack) {
      failures.push({ loadBalancerId, reason });
    }
    return this.#options.reconciler.progress(this.site).report(failures);
  }

  /**
   * Starts from the journal. An unreadable one is no state at all: the engine is not touched until
   * the control plane has said what the site is.
   */
  async boot(): Promise<'absent' | 'read' | 'unreadable'> {
    const content = await this.#journal.load();
    if (content.kind === 'unreadable') {
      this.#journalTrouble = content.reason;
      this.#options.log.error({ site: this.site }, content.reason);
    }
    if (content.kind !== 'read') return content.kind;
    this.#state = content.state;
    this.#options.certificates.hold(this.site, this.#state.certificates);
    const wants = new Map(Array.from(this.#state.wanted(), (each) => [each.id, each]));
    const revision = this.#state.revision ?? 0;
    this.#options.reconciler.follow(this.site, { wants, since: 1, revision });
    // At once, so that nothing counts any more that an earlier life had applied.
    this.#appliedLane.touch();
    return content.kind;
  }

  /**
   * Takes a message.
   * @throws when only a fresh snapshot helps
   */
  async take(message: SiteMessage, line: string): Promise<void> {
    const step = this.#state.take(message);
    switch (step.kind) {
      case 'lost':
        throw new Error(`${this.site}: ${step.reason}`);
      case 'refused':
        this.#refuse(step.reason);
        return;
      case 'current':
        if (step.inStep) this.#refuse(undefined);
        await this.#tidy();
        return;
      case 'apply':
        this.#refused = undefined;
        await this.#keep(() => this.#journal.write(message, line, this.#state));
        this.#options.reconciler.follow(this.site, step);
        await this.#tidy();
    }
  }

  /** Says again, and at once, what the control plane may have lost. */
  reconnected(): void {
    this.#statusAt = Number.NEGATIVE_INFINITY;
    if (this.revision !== undefined) this.#appliedLane.touch();
    for (const each of [this.#appliedLane, this.#statusLane]) each.retryNow();
  }

  /** Something about `applied` is new. */
  progressed(): void {
    this.#appliedLane.touch();
  }

  /** The site is held to a lease from now on, or no more: it is reported as often as that needs. */
  leaseChanged(): void {
    this.#cancelRenewal();
    this.#cancelRenewal = this.#renew();
    this.#appliedLane.touch();
  }

  /** What the engine says of the site; sent when it is new, and now and then anyway. */
  setStatus(status: Status): void {
    const now = this.#options.now();
    const trouble = this.#journalTrouble?.slice(0, limits.reportReason);
    const own = [...(trouble === undefined ? [] : [trouble]), ...this.#expiring(now)];
    const notices = [...own, ...(status.notices ?? [])];
    const next = { ...status, notices };
    const text = JSON.stringify(next);
    const fresh = now - this.#statusAt < limits.statusRefresh;
    if (this.revision === undefined || (fresh && text === this.#statusText)) return;
    this.#status = next;
    this.#statusText = text;
    this.#statusAt = now;
    this.#statusLane.touch();
  }

  /** Certificates that expire soon, the first of them first. */
  #expiring(now: number): string[] {
    return [...this.#state.certificates.values()]
      .filter(({ notAfter }) => notAfter - now <= limits.certificateNotice)
      .sort((a, b) => a.notAfter - b.notAfter)
      .slice(0, limits.noticesOfCertificates)
      .map(({ id, notAfter }) => {
        const verb = notAfter <= now ? 'expired' : 'expires';
        return `certificate ${id} ${verb} at ${isoSeconds(notAfter)}`;
      });
  }

  /** Stops serving the site; resolves once the engine has nothing of it. */
  release(): Promise<void> {
    this.close();
    this.#options.certificates.release(this.site);
    return this.#options.reconciler.release(this.site);
  }

  /**
   * Says goodbye to the site, which the engine serves no more. A restart serves it again when no
   * control plane has noted that.
   * @throws when none has
   */
  async sayGoodbye(): Promise<void> {
    if (this.revision === undefined) return;
    const { leases, transport } = this.#options;
    await this.#journal.setAside();
    try {
      await transport.report(this.site, { goodbye: leases.next() });
    } catch (error) {
      await this.#journal.putBack();
      throw error;
    }
  }

  /** Removes the journal: a restart does not serve the site. @throws when it cannot be removed */
  forget(): Promise<void> {
    return this.#journal.remove();
  }

  async #reportApplied(): Promise<void> {
    const { leases, leaseNow, transport } = this.#options;
    const { startedAt } = leases;
    const lease = leases.report(this.site);
    const sentAt = leaseNow();
    const applied = { ...this.applied(), startedAt, lease };
    leases.take(this.site, lease, await transport.report(this.site, { applied }), sentAt);
  }

  close(): void {
    this.#cancelRenewal();
    this.#appliedLane.close();
    this.#statusLane.close();
  }

  #refuse(reason: string | undefined): void {
    if (reason === this.#refused) return;
    this.#refused = reason;
    if (reason !== undefined) this.#options.log.error({ site: this.site }, reason);
    this.#appliedLane.touch();
  }

  async #tidy(): Promise<void> {
    if (this.revision !== undefined) await this.#keep(() => this.#journal.tidy(this.#state));
  }

  /**
   * A disk that fails does not stop a change: a removal must take effect. The forwarder says that
   * it would not survive a restart with it.
   */
  async #keep(writing: () => Promise<void>): Promise<void> {
    try {
      await writing();
      this.#journalTrouble = undefined;
    } catch (error) {
      this.#journalTrouble = `the journal of ${this.site} cannot be written: ${reasonOf(error)}`;
      this.#options.log.error({ err: error, site: this.site }, 'cannot write the journal');
    }
  }

  /** A forwarder with nothing to say says so, several times within its lease. */
  #renew(): () => void {
    const { leases, timers } = this.#options;
    const every = leases.holds(this.site)
      ? limits.leaseRenewMs
      : (limits.forwarderLeaseSeconds * 1000) / 3;
    return timers.after(every, () => {
      this.#cancelRenewal = this.#renew();
      if (this.revision !== undefined) this.#appliedLane.touch();
    });
  }
}
