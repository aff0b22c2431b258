import { limits } from '../limits.ts';
import { reasonOf } from '../log.ts';
import { isoSeconds } from '../signing.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { Watcher } from './fleet.ts';
import type { Surroundings } from './follow.ts';
import type { Member, Members } from './members.ts';
import type { LeaseReport, LeaseTerms, Said } from './protocol.ts';
import type { Registry } from './registry.ts';
import type { Applied, Reports } from './reports.ts';

interface Parts extends Surroundings {
  readonly registry: Registry;
  readonly members: Members;
  readonly reports: Reports;
}

/** From the last report that renewed a lease until its forwarder surely lets nothing in. */
const fenceAfterMs = limits.leaseMs + limits.leaseEngineMs;

/**
 * Membership of sites, and the leases of those that fence.
 *
 * A forwarder leaves the count only when it surely serves nothing. The order of steps makes that
 * hold for any number of control planes, whichever of them is slow, paused or behind:
 * - whoever renews a lease first stores the report, then reads the member;
 * - whoever ends one first marks the member (`fencing`), then reads the stored report, and waits
 *   for a whole lease from the newest report that there is. Only then the member is `fenced`;
 * - a forwarder that comes back is counted first. Then the head of the site is read, and it gets a
 *   lease when it has applied that: a change that did not count it is among what it has applied.
 * Only times of one clock are compared: the forwarder's own for its lease, ours for the wait.
 */
export class Isolation {
  readonly #parts: Parts;
  /** `<site>/<forwarder>` that a step is under way for. */
  readonly #busy = new Set<string>();
  /** `<site>/<forwarder>` -> the revision of the mark whose end is waited for. */
  readonly #ending = new Map<string, number>();
  /** `<site>/<forwarder>` -> a head of the site, and the revision of the member before it. */
  readonly #heads = new Map<string, { readonly member: number; readonly head: number }>();
  #cancelSweep: () => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Looks for silent forwarders until `signal` aborts. */
  start(signal: AbortSignal): void {
    const sweep = () => {
      if (signal.aborted) return;
      this.#cancelSweep = this.#parts.timers.after(limits.memberSweep, sweep);
      this.#sweep();
    };
    signal.addEventListener('abort', () => this.#cancelSweep());
    sweep();
  }

  /**
   * Makes a forwarder a member of a site that it is about to be sent.
   * @returns the revision that what it is sent must include; 0: any
   * @throws StoreUnavailable
   */
  async join(site: string, watcher: Watcher): Promise<number> {
    const { members, store } = this.#parts;
    const { name, keepsLeases } = watcher;
    const joined = await members.update(site, name, (current) => {
      const fences = keepsLeases && current?.fences === true;
      if (current?.state !== 'serving') {
        return { v: 1, state: 'serving', behind: true, fences, ...newest(watcher, current) };
      }
      const said = newest(watcher, current);
      const isSame =
        fences === current.fences &&
        said.startedAt === current.startedAt &&
        said.sequence === current.sequence;
      return isSame ? current : { ...current, ...said, fences };
    });
    return joined?.behind === false ? 0 : headOf(store, site);
  }

  /**
   * Answers a report that the store has.
   * @throws StoreUnavailable
   */
  async terms(site: string, forwarder: string, applied: Applied | undefined): Promise<LeaseTerms> {
    const isolation = this.#parts.registry.fences(site, forwarder) ? 'fence' : 'serve';
    const noLease = { isolation, leaseMs: 0 } as const;
    const { members } = this.#parts;
    if (members.find(site, forwarder)?.silentSince !== undefined) await this.#hear(site, forwarder);
    const { lease, startedAt = 0 } = applied ?? {};
    if (applied === undefined || lease === undefined) return noLease;
    let member = await members.get(site, forwarder);
    if (member === undefined || member.state === 'left' || startedAt < member.startedAt) {
      return noLease;
    }
    const isCurrent = await this.#isCurrent(site, forwarder, member, applied);
    // What was kept out of the count must not serve, lease or none, before it is up to date.
    if ((member.fences || lease.armed) && !isCurrent) return noLease;
    if (member.fences !== lease.armed) {
      member = await this.#setFences(site, forwarder, lease, startedAt);
      if (member?.fences !== lease.armed) return noLease;
    }
    return { isolation, leaseMs: limits.leaseMs };
  }

  /**
   * The forwarder has stopped serving a site and forgotten it.
   * @throws StoreUnavailable
   */
  async leave(site: string, forwarder: string, goodbye: Said): Promise<void> {
    const { members, reports } = this.#parts;
    // The record stays, so that the same goodbye is recognised when it comes once more.
    const left = await members.update(site, forwarder, (current) =>
      current !== undefined && !isNews(goodbye, current)
        ? current
        : { v: 1, state: 'left', behind: true, fences: false, ...newest(goodbye, current) },
    );
    if (left?.state === 'left') await reports.end(site, forwarder);
  }

  async #setFences(
    site: string,
    forwarder: string,
    { armed, sequence }: LeaseReport,
    startedAt: number,
  ): Promise<Member | undefined> {
    return this.#parts.members.update(site, forwarder, (current) => {
      if (current === undefined || current.state === 'left') return current;
      const said = { startedAt, sequence };
      return isNews(said, current) ? { ...current, ...said, fences: armed } : current;
    });
  }

  /**
   * True when a member has applied every change that was answered without it. One that was kept out
   * is counted again first.
   */
  async #isCurrent(
    site: string,
    forwarder: string,
    member: Member,
    applied: Applied,
  ): Promise<boolean> {
    if (member.state === 'serving' && !member.behind) return true;
    const { members, log } = this.#parts;
    if (member.state !== 'serving') {
      await members.update(site, forwarder, (current) =>
        current === undefined || current.state === 'left' || current.state === 'serving'
          ? current
          : { ...withoutSilence(current), state: 'serving', behind: true },
      );
    }
    // Where the engine failed it may still carry what was before.
    if (applied.failures.some(({ inert }) => !inert)) return false;
    if (applied.revision < (await this.#headSince(site, forwarder))) return false;
    const admitted = await members.update(site, forwarder, (current) =>
      current?.state === 'serving' && current.behind ? { ...current, behind: false } : current,
    );
    const isBack = admitted?.state === 'serving' && !admitted.behind;
    if (isBack) log.info({ site, forwarder }, 'the forwarder is up to date');
    return isBack;
  }

  /** A head of the site that was read since the member is as it is; read once for each. */
  async #headSince(site: string, forwarder: string): Promise<number> {
    const path = `${site}/${forwarder}`;
    const member = this.#parts.members.revisionOf(site, forwarder);
    const known = this.#heads.get(path);
    if (known?.member === member) return known.head;
    const head = await headOf(this.#parts.store, site);
    this.#heads.set(path, { member, head });
    return head;
  }

  /** A forwarder that was silent reports again. */
  async #hear(site: string, forwarder: string): Promise<void> {
    await this.#parts.members.update(site, forwarder, (current) =>
      current?.silentSince === undefined || current.state !== 'serving'
        ? current
        : withoutSilence(current),
    );
  }

  #sweep(): void {
    const { members, reports } = this.#parts;
    for (const site of members.sites()) {
      for (const [forwarder, member] of members.of(site)) {
        const quietMs = reports.quietMs(site, forwarder);
        if (member.state === 'serving' && member.fences && quietMs >= limits.leaseSilenceMs) {
          this.#alone(site, forwarder, () => this.#mark(site, forwarder));
        } else if (member.state === 'fencing') {
          this.#endAfter(site, forwarder, fenceAfterMs);
        } else if (
          member.state === 'serving' &&
          member.silentSince === undefined &&
          quietMs >= limits.forwarderLeaseSeconds * 1000
        ) {
          this.#alone(site, forwarder, () => this.#noteSilence(site, forwarder));
        }
      }
    }
  }

  /** From here on no control plane renews the lease of a silent forwarder. */
  async #mark(site: string, forwarder: string): Promise<void> {
    const { members, reports, monotonic, log } = this.#parts;
    if (!(await reports.isNewest(site, forwarder))) return reports.expect(site, forwarder);
    const marked = await members.update(site, forwarder, (current) =>
      current?.state === 'serving' && current.fences
        ? { ...current, state: 'fencing', silentSince: this.#silentSince(site, forwarder) }
        : current,
    );
    if (marked?.state !== 'fencing') return;
    log.warn({ site, forwarder }, 'the forwarder is silent, its lease is left to run out');
    const isNewest = await reports.isNewest(site, forwarder);
    const from = isNewest ? reports.reportedAt(site, forwarder) : monotonic();
    this.#endAfter(site, forwarder, from + fenceAfterMs - monotonic());
  }

  /** Takes the mark for done after so long, unless it changes before. */
  #endAfter(site: string, forwarder: string, ms: number): void {
    const { members, timers, log } = this.#parts;
    const path = `${site}/${forwarder}`;
    const revision = members.revisionOf(site, forwarder);
    if (this.#ending.get(path) === revision) return;
    this.#ending.set(path, revision);
    timers.after(Math.max(0, ms), () => {
      if (this.#ending.get(path) !== revision) return;
      this.#ending.delete(path);
      this.#alone(site, forwarder, async () => {
        const ended = await members.update(site, forwarder, (current, at) =>
          at === revision && current?.state === 'fencing'
            ? { ...current, state: 'fenced' }
            : current,
        );
        if (ended?.state === 'fenced') log.warn({ site, forwarder }, 'the forwarder is fenced');
      });
    });
  }

  async #noteSilence(site: string, forwarder: string): Promise<void> {
    const { members, reports } = this.#parts;
    if (!(await reports.isNewest(site, forwarder))) return reports.expect(site, forwarder);
    await members.update(site, forwarder, (current) =>
      current?.state === 'serving' && current.silentSince === undefined
        ? { ...current, silentSince: this.#silentSince(site, forwarder) }
        : current,
    );
  }

  #silentSince(site: string, forwarder: string): string {
    const { now, reports } = this.#parts;
    return isoSeconds(now() - reports.quietMs(site, forwarder));
  }

  /** One step at a time for each member; what fails is tried again by a later sweep. */
  #alone(site: string, forwarder: string, step: () => Promise<void>): void {
    const path = `${site}/${forwarder}`;
    if (this.#busy.has(path)) return;
    this.#busy.add(path);
    step()
      .catch((error: unknown) => {
        this.#parts.log.warn({ site, forwarder, reason: reasonOf(error) }, 'cannot note silence');
      })
      .finally(() => this.#busy.delete(path));
  }
}

/** True when something was said after what the record goes by. */
function isNews(said: Said, current: Said): boolean {
  return said.startedAt === current.startedAt
    ? said.sequence > current.sequence
    : said.startedAt > current.startedAt;
}

function newest({ startedAt, sequence }: Said, current: Said | undefined): Said {
  const said = { startedAt, sequence };
  if (current === undefined || isNews(said, current)) return said;
  return { startedAt: current.startedAt, sequence: current.sequence };
}

function withoutSilence({ silentSince: _, ...member }: Member): Member {
  return member;
}

/**
 * The revision of the last change of a site's load balancers, deletions included; 0: none.
 * @throws StoreUnavailable
 */
export async function headOf(store: Store, site: string): Promise<number> {
  let head = 0;
  for (const prefix of [keys.loadBalancers(site), keys.tombstones(site)]) {
    const { entries } = await store.range(prefix);
    for (const { revision } of entries) head = Math.max(head, revision);
  }
  return head;
}
