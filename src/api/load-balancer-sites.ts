import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { parseRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { loadBalancerResource } from './actions/action.ts';

/**
 * Load balancer id -> site. The site of an id never changes, so a found one is remembered; a
 * deleted load balancer is then noticed by its own record.
 */
export class LoadBalancerSites {
  readonly #store: Pick<Store, 'get'>;
  readonly #known = new Map<string, string>();

  constructor(store: Pick<Store, 'get'>) {
    this.#store = store;
  }

  /** @throws StoreUnavailable */
  async find(id: string): Promise<string | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const entry = await this.#store.get(keys.loadBalancerSite(id));
    if (entry === undefined) return undefined;
    const { site } = parseRecord<{ site: string }>(entry).value;
    if (this.#known.size >= limits.rememberedIds) this.#known.clear();
    this.#known.set(id, site);
    return site;
  }

  /**
   * The RAM resource with its site filled in: parameters name a load balancer by its id alone.
   * Of one that does not exist the site stays `*`.
   * @throws StoreUnavailable
   */
  async placed(resource: string): Promise<string> {
    const [, account, id] = /^acs:ens:\*:([^:]+):loadbalancer\/(.+)$/.exec(resource) ?? [];
    if (account === undefined || id === undefined) return resource;
    return loadBalancerResource(id, account, await this.find(id));
  }
}
