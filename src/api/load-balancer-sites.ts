import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { parseRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { type EnsKind, ensResource } from './actions/action.ts';

/** A resource of ENS whose parameters do not tell its site. */
const placeless = /^acs:ens:\*:([^:]+):(loadbalancer|network|vswitch|instance)\/([\w-]+)$/;

const recordKeys = { network: keys.network, vswitch: keys.vSwitch, instance: keys.instance };

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
   * The RAM resource with its site filled in: parameters name most of ENS by its ID alone.
   * Of one that does not exist the site stays `*`.
   * @throws StoreUnavailable
   */
  async placed(resource: string): Promise<string> {
    const [, account, kind, id] = placeless.exec(resource) ?? [];
    if (account === undefined || kind === undefined || id === undefined || id === '*') {
      return resource;
    }
    const site =
      kind === 'loadbalancer' ? await this.find(id) : await this.#siteOf(kind, id, account);
    return ensResource(kind as EnsKind, account, { id, site });
  }

  /** Of something that is another account's nothing is said. */
  async #siteOf(kind: string, id: string, account: string): Promise<string | undefined> {
    const entry = await this.#store.get(recordKeys[kind as keyof typeof recordKeys](id));
    if (entry === undefined) return undefined;
    const { value } = parseRecord<{ site: string; account: string }>(entry);
    return value.account === account ? value.site : undefined;
  }
}
