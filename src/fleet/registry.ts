import { keys } from '../store/keys.ts';
import type { Change, Range } from '../store/store.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import { unclaimedSites } from './protocol.ts';

/** What the fleet needs of a site's record. */
interface SiteTerms {
  readonly isolation?: 'serve' | 'fence';
  readonly whenAllIsolated?: 'none' | 'last-serves';
}

/** What the fleet needs of a forwarder's record. */
interface Registration {
  /** It is being deregistered: it must stop serving. */
  readonly leaving?: boolean;
}

/** Which sites there are, and which forwarders were registered for each. */
export class Registry {
  readonly #sites = new Map<string, SiteTerms>();
  readonly #forwarders = new Map<string, Map<string, Registration>>();
  readonly #listeners = new Set<() => void>();

  /** Follows the store until `signal` aborts; resolves once the records were read. */
  async start(surroundings: Surroundings, signal: AbortSignal): Promise<void> {
    const sites = new Records<SiteTerms>(keys.allSites, (site, record) => {
      if (record === undefined) this.#sites.delete(site);
      else this.#sites.set(site, record);
      this.#notify();
    });
    const forwarders = new Records<Registration>(keys.allForwarders, (path, record) => {
      this.#setForwarder(path, record);
      this.#notify();
    });
    for (const each of [sites, forwarders]) {
      void follow(each.prefix, each, surroundings, signal);
      await each.loaded;
    }
  }

  /** The names of the forwarders that serve the site: its own, else those of unclaimed sites. */
  forwardersOf(site: string): ReadonlySet<string> {
    const own = this.#forwarders.get(site) ?? this.#forwarders.get(unclaimedSites);
    return new Set(own?.keys());
  }

  /** True when the site has a forwarder of its own. */
  claimed(site: string): boolean {
    return this.#forwarders.has(site);
  }

  /** True while a forwarder of the site (or of `*`) is being deregistered. */
  isLeaving(site: string, forwarder: string): boolean {
    return this.#forwarders.get(site)?.get(forwarder)?.leaving === true;
  }

  /**
   * True when the forwarder must hold the site's traffic to a lease. Where the policy keeps one
   * that serves when all are isolated, it is the first by name.
   */
  fences(site: string, forwarder: string): boolean {
    const { isolation, whenAllIsolated } = this.#sites.get(site) ?? {};
    if (isolation !== 'fence') return false;
    if (whenAllIsolated !== 'last-serves') return true;
    const [first] = [...this.forwardersOf(site)].sort();
    return forwarder !== first;
  }

  sites(): ReadonlySet<string> {
    return new Set(this.#sites.keys());
  }

  /** Calls `listener` after every change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #setForwarder(path: string, record: Registration | undefined): void {
    const slash = path.indexOf('/');
    const site = path.slice(0, slash);
    const forwarders = this.#forwarders.get(site) ?? new Map<string, Registration>();
    if (record === undefined) forwarders.delete(path.slice(slash + 1));
    else forwarders.set(path.slice(slash + 1), record);
    if (forwarders.size > 0) this.#forwarders.set(site, forwarders);
    else this.#forwarders.delete(site);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The records under a prefix; reports each that comes, changes or goes, without the prefix. */
class Records<Value> implements Follower {
  readonly prefix: string;
  readonly loaded: Promise<void>;
  readonly #set: (name: string, record: Value | undefined) => void;
  /** Name -> text. */
  readonly #texts = new Map<string, string>();
  #resolveLoaded: () => void = () => {};

  constructor(prefix: string, set: (name: string, record: Value | undefined) => void) {
    this.prefix = prefix;
    this.#set = set;
    this.loaded = new Promise((resolve) => (this.#resolveLoaded = resolve));
  }

  load({ entries }: Range): void {
    const found = new Map(entries.map(({ key, value }) => [key, value]));
    for (const name of this.#texts.keys()) {
      if (!found.has(`${this.prefix}${name}`)) this.#change(name, null);
    }
    for (const [key, value] of found) this.#change(key.slice(this.prefix.length), value);
    this.#resolveLoaded();
  }

  change(_revision: number, changes: readonly Change[]): void {
    for (const { key, value } of changes) this.#change(key.slice(this.prefix.length), value);
  }

  #change(name: string, text: string | null): void {
    if (this.#texts.get(name) === (text ?? undefined)) return;
    if (text === null) this.#texts.delete(name);
    else this.#texts.set(name, text);
    this.#set(name, text === null ? undefined : (JSON.parse(text) as Value));
  }
}
