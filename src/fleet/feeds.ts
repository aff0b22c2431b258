import { SiteFeed } from './feed.ts';
import type { Surroundings } from './follow.ts';
import type { Gate, Subscriber } from './subscriber.ts';

interface FeedsOptions extends Surroundings {
  readonly gate: Gate;
  /** The load balancers of a site whose traffic is watched. */
  readonly watched: (site: string) => readonly string[];
}

/** One feed for each site that has subscribers, opened with the first and closed after the last. */
export class Feeds {
  readonly #options: FeedsOptions;
  readonly #feeds = new Map<string, SiteFeed>();

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /**
   * Subscribes to a site; the returned function ends that.
   * @param revision the first snapshot holds every change up to it
   */
  subscribe(site: string, subscriber: Subscriber, revision: number): () => void {
    const feed = this.#feeds.get(site) ?? this.#open(site);
    this.#feeds.set(site, feed);
    feed.subscribe(subscriber, revision);
    return () =>
      feed.unsubscribe(subscriber, () => {
        this.#feeds.delete(site);
        feed.close();
      });
  }

  /** Sends every subscriber its sites whole. */
  refresh(): void {
    for (const feed of this.#feeds.values()) feed.refresh();
  }

  close(): void {
    for (const feed of this.#feeds.values()) feed.close();
  }

  #open(site: string): SiteFeed {
    const { watched } = this.#options;
    return new SiteFeed(site, { ...this.#options, watched: () => watched(site) });
  }
}
