import { keys } from '../store/keys.ts';
import type { Change, Range } from '../store/store.ts';
import { type Follower, follow, type Surroundings } from './follow.ts';
import { unclaimedSites } from './protocol.ts';

/** Which sites there are, and which forwarders were registered for each. */
export class Registry {
  readonly #sites = new Set<string>();
  readonly #forwarders = new Map<string, Set<string>>();
  readonly #listeners = new Set<() => void>();

  /** Follows the store until `signal` aborts; resolves once the records were read. */
  async start(surroundings: Surroundings, signal: AbortSignal): Promise<void> {
    const sites = new Keys(keys.allSites, (site, present) => this.#setSite(site, present));
    const forwarders = new Keys(keys.allForwarders, (path, present) =>
      this.#setForwarder(path, present),
    );
    for (const each of [sites, forwarders]) {
      void follow(each.prefix, each, surroundings, signal);
      await each.loaded;
    }
  }

  /** The names of the forwarders that carry the site: its own, else those of unclaimed sites. */
  forwardersOf(site: string): ReadonlySet<string> {
    return this.#forwarders.get(site) ?? this.#forwarders.get(unclaimedSites) ?? new Set();
  }

  /** True when the site has a forwarder of its own. */
  claimed(site: string): boolean {
    return this.#forwarders.has(site);
  }

  sites(): ReadonlySet<string> {
    return this.#sites;
  }

  /** Calls `listener` after every change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #setSite(site: string, present: boolean): void {
    if (present) this.#sites.add(site);
    else this.#sites.delete(site);
    this.#tell();
  }

  #setForwarder(path: string, present: boolean): void {
    const slash = path.indexOf('/');
    const site = path.slice(0, slash);
    const names = this.#forwarders.get(site) ?? new Set();
    if (present) names.add(path.slice(slash + 1));
    else names.delete(path.slice(slash + 1));
    if (names.size > 0) this.#forwarders.set(site, names);
    else this.#forwarders.delete(site);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Which keys stand under a prefix; says each that comes or goes, without the prefix. */
class Keys implements Follower {
  readonly prefix: string;
  readonly loaded: Promise<void>;
  readonly #set: (name: string, present: boolean) => void;
  readonly #present = new Set<string>();
  #resolveLoaded: () => void = () => {};

  constructor(prefix: string, set: (name: string, present: boolean) => void) {
    this.prefix = prefix;
    this.#set = set;
    this.loaded = new Promise((resolve) => (this.#resolveLoaded = resolve));
  }

  load({ entries }: Range): void {
    const names = new Set(entries.map(({ key }) => key.slice(this.prefix.length)));
    for (const name of this.#present) if (!names.has(name)) this.#change(name, false);
    for (const name of names) this.#change(name, true);
    this.#resolveLoaded();
  }

  change(_revision: number, changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      this.#change(key.slice(this.prefix.length), value !== null);
    }
  }

  #change(name: string, present: boolean): void {
    if (this.#present.has(name) === present) return;
    if (present) this.#present.add(name);
    else this.#present.delete(name);
    this.#set(name, present);
  }
}
