import type { Site } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import { StoreUnavailable } from '../../store/store.ts';
import type { Call } from '../call.ts';
import type { LoadBalancerChange } from './changes.ts';
import type { NewLine, Watcher } from './live.ts';
import type { LoadBalancersLine, SiteForwarder } from './messages.ts';

type News = Omit<NewLine<Extract<LoadBalancersLine, { Type: 'change' }>>, 'Type'>;

/** Who watches all load balancers of an account: what it was told, and what is new since. */
export class AccountWatcher implements Watcher {
  readonly #call: Call;
  #touch: () => void = () => {};
  readonly #stops: (() => void)[] = [];
  #sites: ReadonlySet<string> = new Set();
  /** Load balancers that changed -> whether they are still there. */
  readonly #changed = new Map<string, boolean>();
  #revision = 0;
  /** Whose forwarders may have something new to say. */
  readonly #heard = new Set<string>();
  /** Sites may have come or gone, and with them all the rest. */
  #isUnsure = true;
  /** More has changed than is kept. */
  #isLost = true;
  #frozen = false;
  /** Site -> forwarder -> its row as it was told. */
  #told = new Map<string, ReadonlyMap<string, string>>();

  constructor(call: Call) {
    this.#call = call;
  }

  async begin(touch: () => void): Promise<void> {
    this.#touch = touch;
    const { live, fleet } = this.#call;
    this.#stops.push(await live.changes.subscribe(undefined, (change) => this.#note(change)));
    this.#stops.push(
      fleet.onChange((site) => {
        if (site === undefined) this.#isUnsure = true;
        else if (this.#sites.has(site)) this.#heard.add(site);
        else return;
        this.#touch();
      }),
    );
  }

  end(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  async next(): Promise<NewLine<LoadBalancersLine> | undefined> {
    try {
      if (this.#isUnsure) await this.#readSites();
    } catch (error) {
      if (error instanceof StoreUnavailable) return undefined;
      throw error;
    }
    if (this.#isLost) return this.#all();
    const news = this.#news();
    return Object.keys(news).length === 0 ? undefined : { Type: 'change', ...news };
  }

  #note(change: LoadBalancerChange | 'lost'): void {
    if (change === 'lost' || this.#changed.size >= limits.liveChanges) {
      this.#isLost = true;
    } else if (this.#sites.has(change.site)) {
      this.#changed.set(change.id, change.value !== null);
      this.#revision = change.revision;
    } else {
      return;
    }
    this.#touch();
  }

  /** A site that is new may have load balancers already. */
  async #readSites(): Promise<void> {
    this.#isUnsure = false;
    const sites = new Set<string>();
    try {
      for await (const { value } of this.#call.list<Site>(keys.allSites)) sites.add(value.id);
    } catch (error) {
      this.#isUnsure = true;
      throw error;
    }
    for (const site of sites) {
      if (!this.#sites.has(site)) this.#isLost = true;
      this.#heard.add(site);
    }
    this.#sites = sites;
  }

  #all() {
    this.#isLost = false;
    this.#changed.clear();
    this.#heard.clear();
    this.#told = new Map();
    this.#frozen = this.#call.fleet.frozen;
    const Forwarders = [...this.#sites].flatMap((site) => this.#newRows(site).rows);
    return { Type: 'all', Frozen: this.#frozen, Forwarders } as const;
  }

  #news(): News {
    const { frozen } = this.#call.fleet;
    const found = [...this.#heard].map((site) => this.#newRows(site));
    const Forwarders = found.flatMap(({ rows }) => rows);
    const Gone = found.flatMap(({ gone }) => gone);
    const named = (isThere: boolean) =>
      [...this.#changed].filter(([, each]) => each === isThere).map(([id]) => id);
    const [Changed, Deleted] = [named(true), named(false)];
    const news = {
      ...(Changed.length > 0 ? { Changed } : {}),
      ...(Deleted.length > 0 ? { Deleted } : {}),
      ...(this.#changed.size > 0 ? { Revision: this.#revision } : {}),
      ...(frozen === this.#frozen ? {} : { Frozen: frozen }),
      ...(Forwarders.length > 0 ? { Forwarders } : {}),
      ...(Gone.length > 0 ? { Gone } : {}),
    };
    this.#frozen = frozen;
    this.#heard.clear();
    this.#changed.clear();
    return news;
  }

  /** The forwarders of a site that are other than they were told. */
  #newRows(site: string) {
    const before = this.#told.get(site) ?? new Map<string, string>();
    const rows = rowsOf(site, this.#call);
    const texts = new Map(rows.map((row) => [row.ForwarderName, JSON.stringify(row)]));
    this.#told.set(site, texts);
    return {
      rows: rows.filter(({ ForwarderName: name }) => texts.get(name) !== before.get(name)),
      gone: [...before.keys()]
        .filter((name) => !texts.has(name))
        .map((ForwarderName) => ({ EnsRegionId: site, ForwarderName })),
    };
  }
}

function rowsOf(EnsRegionId: string, { fleet }: Call): SiteForwarder[] {
  const live = new Map(fleet.forwarders(EnsRegionId).map((each) => [each.name, each]));
  return fleet.standings(EnsRegionId).map((standing) => {
    const state = live.get(standing.forwarder);
    return {
      EnsRegionId,
      ForwarderName: standing.forwarder,
      Live: standing.state === 'live',
      State: standing.state,
      SilentSince: standing.silentSince,
      Fences: standing.fences,
      Revision: state?.revision ?? 0,
      FailureCount: state?.failures.length ?? 0,
      Engine: state?.engine ?? '',
      Notices: state?.notices ?? [],
    };
  });
}
