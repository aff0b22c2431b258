import { backOff, sleep } from '../clock.ts';
import { limits } from '../limits.ts';
import { reasonOf } from '../log.ts';
import type { Feeds } from './feeds.ts';
import type { Watcher } from './fleet.ts';
import type { Surroundings } from './follow.ts';
import type { Isolation } from './isolation.ts';
import { unclaimedSites } from './protocol.ts';
import type { Registry } from './registry.ts';
import type { Subscriber } from './subscriber.ts';

interface WatchingOptions extends Surroundings {
  readonly registry: Registry;
  readonly isolation: Isolation;
  readonly feeds: Feeds;
}

/**
 * Which sites a watcher is sent: the one that it names, or every site without a forwarder of its
 * own, as they come and go. A forwarder that is being deregistered is sent none.
 */
export class Watching {
  readonly #options: WatchingOptions;

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  /**
   * Begins; the returned function ends it.
   * @param watcher undefined: it serves nothing, and is no member of what it watches
   */
  begin(site: string, subscriber: Subscriber, watcher: Watcher | undefined): () => void {
    const { registry } = this.#options;
    const joined = new Map<string, () => void>();
    const leave = (each: string) => {
      joined.get(each)?.();
      joined.delete(each);
      subscriber.release(each);
    };
    const isLeaving = () => watcher !== undefined && registry.isLeaving(site, watcher.name);
    const isOurs = (each: string) => {
      if (isLeaving()) return false;
      return site !== unclaimedSites || (registry.sites().has(each) && !registry.claimed(each));
    };
    const follow = () => {
      for (const each of [...joined.keys()]) if (!isOurs(each)) leave(each);
      for (const each of site === unclaimedSites ? registry.sites() : [site]) {
        if (isOurs(each) && !joined.has(each)) {
          joined.set(each, this.#join(each, subscriber, watcher));
        }
      }
    };
    // A forwarder that was away may still serve sites that are another's by now.
    for (const each of site === unclaimedSites ? registry.sites() : [site]) {
      if (!isOurs(each)) leave(each);
    }
    follow();
    const stop = registry.onChange(follow);
    return () => {
      stop();
      for (const unsubscribe of joined.values()) unsubscribe();
    };
  }

  /** A forwarder is a member of a site before it is sent anything of it. */
  #join(site: string, subscriber: Subscriber, watcher: Watcher | undefined): () => void {
    const { feeds } = this.#options;
    if (watcher === undefined) return feeds.subscribe(site, subscriber, 0);
    const ended = new AbortController();
    let unsubscribe = () => {};
    void this.#member(site, watcher, ended.signal).then((revision) => {
      if (!ended.signal.aborted) unsubscribe = feeds.subscribe(site, subscriber, revision);
    });
    return () => {
      ended.abort();
      unsubscribe();
    };
  }

  /** @returns the revision that the first snapshot must include */
  async #member(site: string, watcher: Watcher, signal: AbortSignal): Promise<number> {
    const { isolation, timers, random, log } = this.#options;
    for (let failed = 0; !signal.aborted; failed++) {
      try {
        return await isolation.join(site, watcher);
      } catch (error) {
        const { name: forwarder } = watcher;
        log.warn({ site, forwarder, reason: reasonOf(error) }, 'cannot join, trying again');
        await sleep(timers, backOff(failed, limits.followRetry, random), signal);
      }
    }
    return 0;
  }
}
