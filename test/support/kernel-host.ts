import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadBalancer } from '../../src/elb/types.ts';
import { leaseClock } from '../../src/forwarder/lease-clock.ts';
import { NftablesEngine } from '../../src/forwarder/nftables/engine.ts';
import { Prober } from '../../src/forwarder/probes/prober.ts';
import { silent } from './log.ts';

/** TCP listeners at this port are another engine's. */
export const proxied = 8_000;

/** The engine in a namespace of its own, as an agent has it. */
export class KernelHost {
  readonly #reasons: string[] = [];
  /** Keys of probes that fail, by what they end with. */
  readonly #sick = new Set<string>();
  #onChange: (key: string) => void = () => {};
  readonly #folder = mkdtempSync(join(tmpdir(), 'nftables-'));
  readonly #probed = new Map<string, readonly string[]>();
  #engine: NftablesEngine | undefined;

  /** @param probing really, and not only what `probe` says */
  async open(probing = false): Promise<void> {
    this.#engine = new NftablesEngine({
      folder: this.#folder,
      now: Date.now,
      leaseNow: leaseClock,
      log: silent,
      carries: ({ protocol, port }) => protocol === 'udp' || port !== proxied,
      startProbes: (onChange) => {
        this.#onChange = onChange;
        if (probing) return new Prober({ log: silent, onChange });
        return {
          want: (id, targets) => {
            const keys = targets.map(({ key }) => key);
            this.#probed.set(id, keys);
          },
          isHealthy: (key) => ![...this.#sick].some((each) => key.includes(each)),
          close: () => {},
        };
      },
    });
    this.#engine.onLost((reason) => this.#reasons.push(reason));
  }

  async apply(wanted: LoadBalancer) {
    return this.#engine!.apply(wanted);
  }

  async remove(id: string) {
    return this.#engine!.remove(id);
  }

  async prune(ids: readonly string[]) {
    return this.#engine!.prune(new Set(ids));
  }

  /** @param left milliseconds until the lease of each site ends */
  async guard(left: Readonly<Record<string, number>>) {
    const ends = Object.entries(left).map(([site, ms]) => [site, leaseClock() + ms] as const);
    return this.#engine!.guard(new Map(ends));
  }

  async renew(site: string, left: number) {
    return this.#engine!.renew(site, leaseClock() + left);
  }

  /** From now on, twice a second. */
  async keepRenewing(site: string, left: number) {
    setInterval(() => void this.renew(site, left), 500);
  }

  /** The last transaction about leases. */
  async leaseFile(): Promise<string> {
    return join(this.#folder, 'leases.nft');
  }

  async drains() {
    return this.#engine!.drains();
  }

  async health() {
    return this.#engine!.health();
  }

  async counters() {
    return this.#engine!.counters();
  }

  async traffic(ids: readonly string[]) {
    return this.#engine!.traffic(new Set(ids));
  }

  /** Reasons that were told so far. */
  async lost(): Promise<readonly string[]> {
    return this.#reasons;
  }

  /** A server's probes fail or succeed from now on. */
  async probe(serverId: string, isHealthy: boolean) {
    if (isHealthy) this.#sick.delete(serverId);
    else this.#sick.add(serverId);
    const keys = [...this.#probed.values()].flat().filter((each) => each.includes(serverId));
    for (const key of keys) this.#onChange(key);
  }

  async close(options: { readonly stopTraffic: boolean }) {
    return this.#engine!.close(options);
  }
}
