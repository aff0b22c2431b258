import { certificateUses } from '../elb/certificates.ts';
import type { Certificate, LoadBalancer } from '../elb/types.ts';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Change, Range } from '../store/store.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import { formatHash, hashOf } from './hash.ts';
import { SiteCertificates } from './site-certificates.ts';
import {
  formatLine,
  type Gate,
  type Line,
  type SnapshotSource,
  type Subscriber,
} from './subscriber.ts';

interface Held {
  /** JSON.stringify of the load balancer: what is sent and what is hashed. */
  readonly text: string;
  readonly hash: bigint;
  /** The certificates that it uses. */
  readonly certificates: readonly string[];
}

interface FeedSurroundings extends Surroundings {
  readonly gate: Gate;
  /** The load balancers of the site whose traffic somebody watches. */
  readonly watched: () => readonly string[];
}

/**
 * One site as the store has it, for all watchers of this process: one watch of the store, each
 * change written out once. A change costs the same however many load balancers the site has.
 */
export class SiteFeed implements SnapshotSource, Follower {
  readonly site: string;
  readonly #surroundings: FeedSurroundings;
  readonly #gate: Gate;
  #abort = new AbortController();
  readonly #subscribers = new Set<Subscriber>();
  /** Those whose first snapshot must hold a revision that has not come yet. */
  readonly #waiting = new Map<Subscriber, number>();
  #loaded = false;
  #revision = 0;
  #hash = 0n;
  #loadBalancers = new Map<string, Held>();
  #certificates: SiteCertificates;
  /** Id -> revision of its deletion, for those that were deleted on purpose. */
  #deleted = new Map<string, number>();
  #snapshotLine: string | undefined;
  #heartbeats = 0;
  #cancelHeartbeat: () => void;
  #cancelIdle: () => void = () => {};

  constructor(site: string, surroundings: FeedSurroundings) {
    this.site = site;
    this.#surroundings = surroundings;
    this.#gate = surroundings.gate;
    this.#certificates = new SiteCertificates(surroundings);
    this.#follow();
    this.#cancelHeartbeat = this.#scheduleHeartbeat();
  }

  /** @param revision the first snapshot holds every change up to it */
  subscribe(subscriber: Subscriber, revision: number): void {
    this.#cancelIdle();
    this.#waiting.set(subscriber, revision);
    this.#admit();
  }

  /** @param onIdle called when nobody has come back for a while */
  unsubscribe(subscriber: Subscriber, onIdle: () => void): void {
    this.#waiting.delete(subscriber);
    if (this.#subscribers.delete(subscriber)) subscriber.leave(this);
    if (this.#subscribers.size + this.#waiting.size > 0) return;
    this.#cancelIdle = this.#surroundings.timers.after(limits.idleFeed, onIdle);
  }

  /** Sends everybody the whole site. */
  refresh(): void {
    if (!this.#loaded) return;
    for (const subscriber of this.#subscribers) subscriber.join(this);
    this.#admit();
  }

  close(): void {
    this.#cancelHeartbeat();
    this.#cancelIdle();
    this.#abort.abort();
  }

  snapshot(): Line {
    this.#snapshotLine ??= this.#formatSnapshot();
    return { text: this.#snapshotLine, certificates: this.#certificates.all() };
  }

  async load({ entries, revision }: Range): Promise<void> {
    await this.#readTombstones();
    const loaded = entries.flatMap(({ key, value }) => {
      const id = this.#id(key);
      const held = this.#read(key, value) ?? this.#loadBalancers.get(id);
      return held === undefined ? [] : [{ id, held }];
    });
    const certificates = new SiteCertificates(this.#surroundings);
    const found = await certificates.read(loaded.flatMap(({ held }) => held.certificates));
    this.#certificates = certificates;
    this.#loadBalancers = new Map();
    this.#hash = 0n;
    for (const { id, held } of loaded) {
      certificates.begin(held.certificates, found);
      this.#put(id, held);
    }
    this.#revision = revision;
    this.#snapshotLine = undefined;
    this.#loaded = true;
    this.refresh();
  }

  async change(revision: number, changes: readonly Change[]): Promise<void> {
    const unexplained = await this.#unexplained(changes);
    const read = changes.map(({ key, value }) => ({
      id: this.#id(key),
      held: value === null ? null : this.#read(key, value),
    }));
    const found = await this.#certificates.read(
      read.flatMap(({ held }) => held?.certificates ?? []),
    );
    const puts: string[] = [];
    const deletes: string[] = [];
    const certificates: Certificate[] = [];
    for (const { id, held } of read) {
      if (held === null) {
        this.#drop(id);
        if (unexplained.has(id)) continue;
        this.#deleted.set(id, revision);
        deletes.push(id);
        continue;
      }
      if (held === undefined) continue;
      // Before the old value goes: what both use stays.
      certificates.push(...this.#certificates.begin(held.certificates, found));
      this.#drop(id);
      this.#put(id, held);
      puts.push(held.text);
    }
    const base = this.#revision;
    this.#revision = revision;
    this.#snapshotLine = undefined;
    if (this.#gate.frozen) return this.#admit();
    if (unexplained.size > 0) return this.refresh();
    const site = JSON.stringify(this.site);
    const line =
      `{"type":"change","site":${site},"base":${base},"revision":${revision},` +
      `"puts":[${puts.join()}],"deletes":${JSON.stringify(deletes)}}\n`;
    this.#tell({ text: line, certificates });
    this.#admit();
  }

  /** Ids that vanish without the record that a deletion leaves: no forwarder may drop them. */
  async #unexplained(changes: readonly Change[]): Promise<ReadonlySet<string>> {
    const { store, log } = this.#surroundings;
    const unexplained = new Set<string>();
    for (const { key, value } of changes) {
      if (value !== null) continue;
      const id = this.#id(key);
      if ((await store.get(keys.tombstone(this.site, id))) !== undefined) continue;
      log.error({ site: this.site, loadBalancerId: id }, 'a load balancer vanished unexplained');
      unexplained.add(id);
    }
    return unexplained;
  }

  async #readTombstones(): Promise<void> {
    const prefix = keys.tombstones(this.site);
    const { entries } = await this.#surroundings.store.range(prefix);
    this.#deleted = new Map(
      entries.map(({ key, revision }) => [key.slice(prefix.length), revision]),
    );
    this.#snapshotLine = undefined;
  }

  #id(key: string): string {
    return key.slice(keys.loadBalancers(this.site).length);
  }

  /** The value in its canonical text; undefined, and said so, when it is not JSON. */
  #read(key: string, value: string): Held | undefined {
    try {
      const parsed = JSON.parse(value) as LoadBalancer;
      const text = JSON.stringify(parsed);
      const uses = certificateUses(parsed).map(({ certificate }) => certificate);
      return { text, hash: hashOf(text), certificates: [...new Set(uses)] };
    } catch (error) {
      this.#surroundings.log.error({ err: error, key }, 'unreadable, the last good value stays');
      return undefined;
    }
  }

  #put(id: string, held: Held): void {
    this.#loadBalancers.set(id, held);
    this.#hash ^= held.hash;
  }

  #drop(id: string): void {
    const held = this.#loadBalancers.get(id);
    if (held === undefined) return;
    this.#hash ^= held.hash;
    this.#certificates.end(held.certificates);
    this.#loadBalancers.delete(id);
  }

  #formatSnapshot(): string {
    const loadBalancers = Array.from(this.#loadBalancers.values(), ({ text }) => text);
    const deleted = [...this.#deleted]
      .sort(([, a], [, b]) => b - a)
      .slice(0, limits.tombstonesTold)
      .map(([id]) => id);
    return (
      `{"type":"snapshot","site":${JSON.stringify(this.site)},"revision":${this.#revision},` +
      `"hash":"${formatHash(this.#hash)}","loadBalancers":[${loadBalancers.join()}],` +
      `"deleted":${JSON.stringify(deleted)}}\n`
    );
  }

  #scheduleHeartbeat(): () => void {
    return this.#surroundings.timers.after(limits.heartbeat, () => {
      this.#cancelHeartbeat = this.#scheduleHeartbeat();
      if (this.#loaded) this.#beat();
    });
  }

  /** With deletions that were explained after the fact. */
  async #refreshWhole(): Promise<void> {
    try {
      await this.#readTombstones();
    } catch (error) {
      this.#surroundings.log.warn({ err: error, site: this.site }, 'cannot read the deletions');
    }
    this.refresh();
  }

  /** Reads the site, and goes on from there. */
  #follow(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    void follow(keys.loadBalancers(this.site), this, this.#surroundings, this.#abort.signal);
  }

  #beat(): void {
    // A record of a deletion may be newer than every load balancer: then no change brings it.
    if (this.#waiting.size > 0) this.#follow();
    this.#heartbeats += 1;
    if (this.#heartbeats % Math.round(limits.fullSnapshot / limits.heartbeat) === 0) {
      void this.#refreshWhole();
    }
    const watched = this.#surroundings.watched();
    const text = formatLine({
      type: 'heartbeat',
      site: this.site,
      revision: this.#revision,
      hash: formatHash(this.#hash),
      frozen: this.#gate.frozen,
      ...(watched.length > 0 ? { watched } : {}),
    });
    this.#tell({ text, certificates: [] });
  }

  /** Begins with those that wait for no more than what is here. */
  #admit(): void {
    if (!this.#loaded) return;
    for (const [subscriber, revision] of this.#waiting) {
      if (revision > this.#revision) continue;
      this.#waiting.delete(subscriber);
      this.#subscribers.add(subscriber);
      subscriber.join(this);
    }
  }

  #tell(line: Line): void {
    for (const subscriber of this.#subscribers) subscriber.push(this.site, line);
  }
}
