import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { parseRecord } from '../store/records.ts';
import type { Change, Entry, Range, Store } from '../store/store.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import type { Said } from './protocol.ts';

/**
 * Whether a forwarder may serve a site, as the store holds it: durable, across every restart.
 * `startedAt` and `sequence` are of what it said last of that: earlier words are late.
 */
export interface Member extends Said {
  readonly v: 1;
  /**
   * serving: it was sent the site and may serve it, whether it reports or not. fencing: it is
   * silent and its lease may still run. fenced: its lease has run out, so its engines refuse.
   * left: it has said goodbye and serves nothing.
   */
  readonly state: 'serving' | 'fencing' | 'fenced' | 'left';
  /** It has not been found to have applied every change that was answered without it. */
  readonly behind: boolean;
  /** Its engines refuse traffic when its lease ends. */
  readonly fences: boolean;
  /** UTC; since when it has not reported. Absent: it reports. */
  readonly silentSince?: string;
}

/** @param began it may serve the site, and could not before */
type OnMember = (site: string, forwarder: string, began: boolean) => void;

interface Known {
  /** Undefined: there is no record. */
  readonly member: Member | undefined;
  readonly revision: number;
}

/**
 * The members of all sites: a local view that follows the store, and reads and changes that see
 * every change before them. Written when membership changes, never for a heartbeat.
 */
export class Members implements Follower {
  readonly #store: Store;
  readonly #onChange: OnMember;
  /** Site -> forwarder -> the newest that is known. */
  readonly #known = new Map<string, Map<string, Known>>();
  #resolveLoaded: () => void = () => {};

  constructor(store: Store, onChange: OnMember) {
    this.#store = store;
    this.#onChange = onChange;
  }

  /** Follows the store until `signal` aborts; resolves once the records were read. */
  start(surroundings: Surroundings, signal: AbortSignal): Promise<void> {
    const loaded = new Promise<void>((resolve) => (this.#resolveLoaded = resolve));
    void follow(keys.allMembers, this, surroundings, signal);
    return loaded;
  }

  /** Every member of a site. */
  *of(site: string): Iterable<readonly [forwarder: string, member: Member]> {
    for (const [forwarder, { member }] of this.#known.get(site) ?? []) {
      if (member !== undefined) yield [forwarder, member];
    }
  }

  find(site: string, forwarder: string): Member | undefined {
    return this.#known.get(site)?.get(forwarder)?.member;
  }

  /** The sites that have, or had, members. */
  sites(): Iterable<string> {
    return this.#known.keys();
  }

  /**
   * Brings the view of a site up to every change that was answered before the call.
   * @throws StoreUnavailable
   */
  async read(site: string): Promise<void> {
    this.#takeAll(keys.members(site), await this.#store.range(keys.members(site)));
  }

  /**
   * One member, as current as `read`.
   * @throws StoreUnavailable
   */
  async get(site: string, forwarder: string): Promise<Member | undefined> {
    const entry = await this.#store.get(keys.member(site, forwarder));
    if (entry !== undefined) this.#take(site, forwarder, parsed(entry), entry.revision);
    return entry && parsed(entry);
  }

  /**
   * Changes a member by compare-and-swap.
   * @param change pure; undefined deletes the record, the same object leaves it as it is. It gets
   *   the revision of the record too
   * @returns the record afterwards
   * @throws StoreUnavailable, also when other writers win again and again
   */
  async update(
    site: string,
    forwarder: string,
    change: (current: Member | undefined, revision: number) => Member | undefined,
  ): Promise<Member | undefined> {
    const key = keys.member(site, forwarder);
    for (let attempt = 0; attempt <= limits.commitRetries; attempt++) {
      const entry = await this.#store.get(key);
      const revision = entry?.revision ?? 0;
      const current = entry && parsed(entry);
      const next = change(current, revision);
      if (next === current) return current;
      const result = await this.#store.commit({
        ifRevision: new Map([[key, revision]]),
        puts: next === undefined ? [] : [{ key, value: JSON.stringify(next) }],
        deletes: next === undefined ? [key] : [],
      });
      if (!result.committed) continue;
      this.#take(site, forwarder, next, result.revision);
      return next;
    }
    throw new Error(`${key} is changed by too many at once`);
  }

  /** The revision of the record that the view holds. */
  revisionOf(site: string, forwarder: string): number {
    return this.#known.get(site)?.get(forwarder)?.revision ?? 0;
  }

  load(range: Range): void {
    this.#takeAll(keys.allMembers, range);
    this.#resolveLoaded();
  }

  change(revision: number, changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      const path = parsePath(key);
      if (path === undefined) continue;
      const member = value === null ? undefined : parsed({ key, value, revision });
      this.#take(path.site, path.forwarder, member, revision);
    }
  }

  /** All records under a prefix at one revision: what is not among them is gone by then. */
  #takeAll(prefix: string, { entries, revision }: Range): void {
    const found = new Set(entries.map(({ key }) => key));
    for (const [site, forwarders] of this.#known) {
      for (const forwarder of forwarders.keys()) {
        const key = keys.member(site, forwarder);
        if (!key.startsWith(prefix) || found.has(key)) continue;
        this.#take(site, forwarder, undefined, revision);
      }
    }
    for (const entry of entries) {
      const path = parsePath(entry.key);
      if (path !== undefined) this.#take(path.site, path.forwarder, parsed(entry), entry.revision);
    }
  }

  #take(site: string, forwarder: string, member: Member | undefined, revision: number): void {
    const forwarders = this.#known.get(site) ?? new Map<string, Known>();
    const known = forwarders.get(forwarder);
    if (known !== undefined && known.revision >= revision) return;
    this.#known.set(site, forwarders.set(forwarder, { member, revision }));
    if (JSON.stringify(known?.member) === JSON.stringify(member)) return;
    const began = member?.state === 'serving' && known?.member?.state !== 'serving';
    this.#onChange(site, forwarder, began);
  }
}

function parsed(entry: Entry): Member {
  return parseRecord<Member>(entry).value;
}

/** Site and forwarder of `member/<site>/<forwarder>`. */
function parsePath(key: string): { site: string; forwarder: string } | undefined {
  const [, site, forwarder] = key.split('/');
  return site === undefined || forwarder === undefined ? undefined : { site, forwarder };
}
