import { certificateUses } from '../elb/certificates.ts';
import type { LoadBalancer } from '../elb/types.ts';
import { formatHash, hashOf } from '../fleet/hash.ts';
import type { DeliveredCertificate, WatchMessage } from '../fleet/protocol.ts';
import { tooMuchLost, unexplainedAbsence, unexplainedEmptying } from './guard.ts';

type Snapshot = Extract<WatchMessage, { type: 'snapshot' }>;
type SiteChange = Extract<WatchMessage, { type: 'change' }>;
type Heartbeat = Extract<WatchMessage, { type: 'heartbeat' }>;

/** What a message means for the engine. */
export type Step =
  /** New: what each named load balancer should be now (undefined = gone). */
  | {
      readonly kind: 'apply';
      readonly wants: ReadonlyMap<string, LoadBalancer | undefined>;
      /** The earliest revision that any of it may be of. */
      readonly since: number;
      readonly revision: number;
    }
  /** Nothing new. `inStep`: both ends were compared and are the same. */
  | { readonly kind: 'current'; readonly inStep: boolean }
  /** Not believed: the last good state stays. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The thread is lost: only a fresh snapshot helps. */
  | { readonly kind: 'lost'; readonly reason: string };

interface Known {
  /** As last told; undefined when it vanished unexplained. */
  readonly told: LoadBalancer | undefined;
  readonly hash: bigint;
  /** What the engine should carry: as told, unless that is held back. */
  readonly good: LoadBalancer;
}

const current: Step = { kind: 'current', inStep: false };

/**
 * One site as a forwarder was told of it. Pure: messages in, steps out. It never goes back to a
 * lower revision and never builds on a base it does not hold.
 */
export class SiteState {
  readonly site: string;
  #revision: number | undefined;
  #hash = 0n;
  #known = new Map<string, Known>();
  readonly #heldBack = new Map<string, string>();
  readonly #certificates = new Map<string, DeliveredCertificate>();

  constructor(site: string) {
    this.site = site;
  }

  /** Undefined until the first snapshot. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** Load balancer id -> why the engine keeps an earlier state of it. */
  get heldBack(): ReadonlyMap<string, string> {
    return this.#heldBack;
  }

  /** By id: those that a load balancer uses, as told or as carried. It changes with the state. */
  get certificates(): ReadonlyMap<string, DeliveredCertificate> {
    return this.#certificates;
  }

  /** What the engine should carry. */
  *wanted(): Iterable<LoadBalancer> {
    for (const { good } of this.#known.values()) yield good;
  }

  take(message: Snapshot | SiteChange | Heartbeat): Step {
    switch (message.type) {
      case 'snapshot':
        return this.#snapshot(message);
      case 'change':
        return this.#change(message);
      case 'heartbeat':
        return this.#heartbeat(message);
    }
  }

  /**
   * The state as messages that lead back to it: what the engine should carry and, when part of
   * what was told is held back, what was told.
   */
  messages(): readonly Snapshot[] {
    const good = Array.from(this.#known.values(), (known) => known.good);
    const messages = [this.#asSnapshot(good)];
    if (this.#heldBack.size > 0) {
      const told = Array.from(this.#known.values(), (known) => known.told);
      messages.push(this.#asSnapshot(told.filter((each) => each !== undefined)));
    }
    return messages;
  }

  #snapshot(message: Snapshot): Step {
    const { revision } = message;
    const same = formatHash(this.#hash) === message.hash;
    if (this.#revision !== undefined && revision < this.#revision) {
      return same ? this.#renewed(this.#revision, message) : this.#behind(revision);
    }
    if (same && revision === this.#revision && this.#heldBack.size === 0) {
      return this.#renewed(revision, message);
    }
    const told = new Map<string, Known>();
    let hash = 0n;
    for (const each of message.loadBalancers) {
      const known = { told: each, hash: hashOf(JSON.stringify(each)), good: each };
      told.set(each.id, known);
      hash ^= known.hash;
    }
    if (formatHash(hash) !== message.hash) {
      return { kind: 'lost', reason: `the snapshot of revision ${revision} is damaged` };
    }
    const heldBack = this.#unexplained(told, new Set(message.deleted));
    if (tooMuchLost(heldBack.size, this.#known.size)) {
      const share = `${heldBack.size} of ${this.#known.size} load balancers`;
      const reason = `snapshot ${revision} held back: ${share} would go or be emptied unexplained`;
      return { kind: 'refused', reason };
    }
    const news = this.#learn(message.certificates);
    const since = (this.#revision ?? 0) + 1;
    const gone = [...this.#known.keys()].filter((id) => !told.has(id));
    return this.#accept(revision, since, told, gone, heldBack, news);
  }

  #change(message: SiteChange): Step {
    const { base, revision } = message;
    if (this.#revision === undefined) return { kind: 'lost', reason: 'no snapshot came first' };
    if (revision <= this.#revision) return current;
    if (base > this.#revision) {
      const reason = `a change builds on revision ${base}, held is ${this.#revision}`;
      return { kind: 'lost', reason };
    }
    const news = this.#learn(message.certificates);
    const told = new Map<string, Known>();
    const heldBack = new Map<string, string>();
    for (const each of message.puts) {
      told.set(each.id, { told: each, hash: hashOf(JSON.stringify(each)), good: each });
      const known = this.#known.get(each.id);
      const reason = known && unexplainedEmptying(known.good, each);
      if (reason !== undefined) heldBack.set(each.id, reason);
    }
    return this.#accept(revision, revision, told, message.deletes, heldBack, news);
  }

  #heartbeat({ revision, hash, frozen }: Heartbeat): Step {
    if (frozen) return current;
    if (this.#revision === undefined || revision > this.#revision) {
      return { kind: 'lost', reason: `the site is at ${revision}, held is ${this.#revision}` };
    }
    if (hash === formatHash(this.#hash)) return { kind: 'current', inStep: true };
    if (revision < this.#revision) return this.#behind(revision);
    return { kind: 'lost', reason: `revision ${revision} is not what is held of it` };
  }

  /** Ids that a snapshot drops or empties without a reason, and what is missing. */
  #unexplained(told: ReadonlyMap<string, Known>, deleted: ReadonlySet<string>) {
    const reasons = new Map<string, string>();
    for (const [id, { good }] of this.#known) {
      const next = told.get(id)?.told;
      if (next === undefined && deleted.has(id)) continue;
      const reason = next === undefined ? unexplainedAbsence : unexplainedEmptying(good, next);
      if (reason !== undefined) reasons.set(id, reason);
    }
    return reasons;
  }

  #accept(
    revision: number,
    since: number,
    told: ReadonlyMap<string, Known>,
    gone: readonly string[],
    heldBack: ReadonlyMap<string, string>,
    news: ReadonlySet<string>,
  ): Step {
    const wants = new Map(this.#usersOf(news));
    for (const [id, next] of told) this.#put(id, next, heldBack.get(id), wants);
    for (const id of gone) this.#drop(id, heldBack.get(id), wants);
    this.#forgetUnused();
    this.#revision = revision;
    return { kind: 'apply', wants, since, revision };
  }

  /** Takes certificates. @returns those that were not held, or sealed for another access key */
  #learn(certificates: readonly DeliveredCertificate[] = []): ReadonlySet<string> {
    const news = certificates.filter(
      ({ id, sealedFor }) => this.#certificates.get(id)?.sealedFor !== sealedFor,
    );
    for (const each of news) this.#certificates.set(each.id, each);
    return new Set(news.map(({ id }) => id));
  }

  /** A snapshot of what is held: new in it are at most certificates that were sealed anew. */
  #renewed(revision: number, { certificates }: Snapshot): Step {
    const news = this.#learn(certificates);
    if (news.size === 0) return { kind: 'current', inStep: true };
    return { kind: 'apply', wants: new Map(this.#usersOf(news)), since: revision, revision };
  }

  /** Load balancers that wait for certificates, as the engine should carry them. */
  #usersOf(news: ReadonlySet<string>): [string, LoadBalancer | undefined][] {
    if (news.size === 0) return [];
    return [...this.#known.values()]
      .filter(({ good }) => usedBy(good).some((id) => news.has(id)))
      .map(({ good }) => [good.id, good]);
  }

  #forgetUnused(): void {
    if (this.#certificates.size === 0) return;
    const used = new Set<string>();
    for (const { told, good } of this.#known.values()) {
      for (const id of [...usedBy(told), ...usedBy(good)]) used.add(id);
    }
    for (const id of this.#certificates.keys()) if (!used.has(id)) this.#certificates.delete(id);
  }

  #put(
    id: string,
    next: Known,
    heldBack: string | undefined,
    wants: Map<string, LoadBalancer | undefined>,
  ): void {
    const known = this.#known.get(id);
    this.#hash ^= (known?.hash ?? 0n) ^ next.hash;
    if (known !== undefined && heldBack !== undefined) {
      this.#known.set(id, { ...next, good: known.good });
      this.#heldBack.set(id, heldBack);
      return;
    }
    const unchanged = known?.hash === next.hash && !this.#heldBack.has(id);
    this.#heldBack.delete(id);
    this.#known.set(id, next);
    if (!unchanged) wants.set(id, next.good);
  }

  #drop(
    id: string,
    heldBack: string | undefined,
    wants: Map<string, LoadBalancer | undefined>,
  ): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#hash ^= known.hash;
    if (heldBack !== undefined) {
      this.#known.set(id, { told: undefined, hash: 0n, good: known.good });
      this.#heldBack.set(id, heldBack);
      return;
    }
    this.#known.delete(id);
    this.#heldBack.delete(id);
    wants.set(id, undefined);
  }

  #behind(revision: number): Step {
    const reason = `the control plane offers revision ${revision}, held is ${this.#revision}`;
    return { kind: 'refused', reason: `${reason}: an older state is never applied` };
  }

  #asSnapshot(loadBalancers: readonly LoadBalancer[]): Snapshot {
    let hash = 0n;
    for (const each of loadBalancers) hash ^= hashOf(JSON.stringify(each));
    return {
      type: 'snapshot',
      site: this.site,
      revision: this.#revision ?? 0,
      hash: formatHash(hash),
      loadBalancers,
      deleted: [],
      ...(this.#certificates.size === 0 ? {} : { certificates: [...this.#certificates.values()] }),
    };
  }
}

/** The certificates of a load balancer. */
function usedBy(loadBalancer: LoadBalancer | undefined): string[] {
  if (loadBalancer === undefined) return [];
  return certificateUses(loadBalancer).map(({ certificate }) => certificate);
}
