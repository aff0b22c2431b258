import { writeFileSync } from 'node:fs';
import type { LoadBalancer } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { type Log, reasonOf } from '../../log.ts';
import { leaseToken } from '../haproxy/names.ts';
import {
  endpointLines,
  endpointsOf,
  type LeaseTable,
  leaseTable,
  leaseTimeLines,
  parseLeaseTable,
  printLeaseTable,
  type Remaining,
} from './lease-table.ts';
import { NftRefused, refusalIn, runNft } from './nft.ts';

export interface KernelLeasesOptions {
  /** The Sluice that the table is of: `instanceName`. Absent: the only one there is. */
  readonly instance?: string;
  /** A file for transactions. */
  readonly file: string;
  /** The clock of leases, in milliseconds. */
  readonly leaseNow: () => number;
  readonly log: Log;
}

const nothing: LeaseTable = { tokens: new Set(), endpoints: new Map() };

/**
 * The leases that the kernel holds sites to, for every listener, whatever carries it: while one
 * does not run, TCP that arrives for its site is reset and UDP dropped. The kernel counts them
 * down whether or not this process or HAProxy runs. They have a table of their own, so that
 * nothing waits for the engine's and a machine without leases has no rule more.
 */
export class KernelLeases {
  readonly #options: KernelLeasesOptions;
  /** The table in the kernel; lines name it as `leaseTable`. */
  readonly #table: string;
  /** Lease -> when it ends, by `leaseNow`. */
  #ends = new Map<string, number>();
  /** Load balancer -> the lease of its site and where it is reached. */
  readonly #places = new Map<string, { readonly token: string; endpoints: ReadonlySet<string> }>();
  /** Endpoints that an earlier life left: held until every load balancer is placed by this one. */
  #adopted: ReadonlyMap<string, string> = new Map();
  /** Leases whose time is to be written. */
  readonly #stale = new Set<string>();
  /** What the table is known to hold; undefined: to be made anew. */
  #held: LeaseTable | undefined;
  /** nft has worked here. */
  #isUsable = false;
  #opening: Promise<void> | undefined;
  #renewals = 0;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(options: KernelLeasesOptions) {
    this.#options = options;
    const { instance } = options;
    this.#table = instance === undefined ? leaseTable : `${leaseTable}_${instance}`;
  }

  /**
   * The listeners of a load balancer, besides those that it had until now.
   * @throws NftRefused
   */
  async place(loadBalancer: LoadBalancer): Promise<void> {
    const { id } = loadBalancer;
    const endpoints = new Set(endpointsOf(loadBalancer));
    const before = this.#places.get(id)?.endpoints ?? new Set();
    await this.#put(id, leaseToken(loadBalancer.site), endpoints.union(before));
  }

  /** The listeners of a load balancer and no others. @throws NftRefused */
  async keepOnly(loadBalancer: LoadBalancer): Promise<void> {
    const endpoints = new Set(endpointsOf(loadBalancer));
    await this.#put(loadBalancer.id, leaseToken(loadBalancer.site), endpoints);
  }

  /** It has no listeners any more. @throws NftRefused */
  async drop(loadBalancerId: string): Promise<void> {
    const place = this.#places.get(loadBalancerId);
    if (place === undefined) return;
    await this.#put(loadBalancerId, place.token, new Set());
    this.#places.delete(loadBalancerId);
  }

  /** As Engine.guard. Where nft cannot be used the kernel holds nothing, and the log says so. */
  async guard(leases: ReadonlyMap<string, number>): Promise<void> {
    await this.#open();
    this.#ends = new Map([...leases].map(([site, until]) => [leaseToken(site), until]));
    for (const token of this.#ends.keys()) this.#stale.add(token);
    try {
      await this.#settle();
      await this.#check();
    } catch (error) {
      if (this.#isUsable || !(error instanceof NftRefused)) throw error;
      this.#options.log.info({ reason: error.message }, 'the kernel holds no leases');
    }
  }

  /** As Engine.renew. @throws NftRefused */
  async renew(site: string, until: number): Promise<void> {
    const token = leaseToken(site);
    const end = this.#ends.get(token);
    if (!this.#isUsable || end === undefined || until <= this.#options.leaseNow()) return;
    if (until <= end) return;
    this.#ends.set(token, until);
    this.#stale.add(token);
    this.#renewals += 1;
    await this.#settle();
    // Somebody else may have changed the table in a way that no renewal meets.
    if (this.#renewals % limits.leaseLooks === 0) await this.#check();
  }

  /** Every load balancer was placed: what an earlier life left besides goes. @throws NftRefused */
  async pruned(): Promise<void> {
    const left = this.#adopted.size;
    this.#adopted = new Map();
    if (left > 0) await this.#settle();
  }

  /** As clear, of what an earlier life left. @throws NftRefused */
  async takeDown(): Promise<void> {
    await this.#open();
    await this.clear();
  }

  /** Ends it all: the table goes. */
  async clear(): Promise<void> {
    this.#ends.clear();
    if (this.#isUsable) await this.#settle();
  }

  async close(): Promise<void> {
    await this.#last;
  }

  async #put(id: string, token: string, endpoints: ReadonlySet<string>): Promise<void> {
    await this.#open();
    const before = this.#places.get(id)?.endpoints ?? new Set();
    this.#places.set(id, { token, endpoints });
    const isSame = before.size === endpoints.size && before.isSubsetOf(endpoints);
    if (isSame || !this.#isUsable || !this.#ends.has(token)) return;
    await this.#settle();
  }

  /** Once: what an earlier life left holds on, every lease as the kernel has it. */
  #open(): Promise<void> {
    this.#opening ??= this.#adopt().catch((error: unknown) => {
      this.#options.log.info(
        { reason: reasonOf(error) },
        'leases in the kernel were not looked at',
      );
    });
    return this.#opening;
  }

  async #adopt(): Promise<void> {
    const held = await this.#read();
    this.#isUsable = true;
    this.#held = held;
    this.#adopted = held?.endpoints ?? new Map();
    for (const token of held?.tokens ?? []) this.#ends.set(token, Number.NEGATIVE_INFINITY);
  }

  /** @returns undefined: its rules are not ours; a table that is not there holds nothing */
  async #read(): Promise<LeaseTable | undefined> {
    const args = ['-j', 'list', 'table', ...this.#table.split(' ')];
    const { code, output, errors } = await runNft(args);
    if (code === 0) return parseLeaseTable(output);
    if (/No such file or directory/.test(errors)) return nothing;
    throw refusalIn(errors);
  }

  /** Reads the table, and makes it anew when it is not as it should be. */
  async #check(): Promise<void> {
    for (let attempt = 1; attempt <= limits.engineTries; attempt++) {
      const found = await this.#queued(() => this.#read());
      if (found !== undefined && isSame(found, this.#wanted())) return;
      this.#held = undefined;
      await this.#settle();
    }
    throw new NftRefused('nft does not hold the leases that it took');
  }

  #wanted(): LeaseTable {
    const tokens = new Set(this.#ends.keys());
    const endpoints = new Map([...this.#adopted].filter(([, token]) => tokens.has(token)));
    for (const place of this.#places.values()) {
      if (!tokens.has(place.token)) continue;
      for (const endpoint of place.endpoints) endpoints.set(endpoint, place.token);
    }
    return { tokens, endpoints };
  }

  /** Brings the table to what is wanted; calls that wait together share one transaction. */
  #settle(): Promise<void> {
    this.#next ??= this.#queued(() => {
      this.#next = undefined;
      return this.#write();
    });
    return this.#next;
  }

  #queued<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => {
      // Its callers have the error.
    });
    return turn;
  }

  async #write(): Promise<void> {
    const held = this.#held;
    const wanted = this.#wanted();
    const isNew = held === undefined || held.tokens.symmetricDifference(wanted.tokens).size > 0;
    const stale = [...(isNew ? wanted.tokens : this.#stale)].filter((each) => this.#ends.has(each));
    // Times come last: what is worked out before is no time of theirs.
    const lines = isNew ? printLeaseTable(wanted) : endpointLines(held.endpoints, wanted.endpoints);
    lines.push(...stale.flatMap((token) => leaseTimeLines(token, this.#remaining(token))));
    this.#stale.clear();
    if (lines.length === 0) return;
    try {
      await this.#transact(lines);
      this.#held = wanted;
      this.#isUsable = true;
    } catch (error) {
      this.#held = undefined;
      if (isNew) throw error;
      // Somebody else changed it: all of it is made anew.
      await this.#write();
    }
  }

  async #transact(lines: readonly string[]): Promise<void> {
    const { file } = this.#options;
    const text = `${lines.join('\n')}\n`.replaceAll(leaseTable, this.#table);
    writeFileSync(file, text, { mode: 0o600 });
    const { code, errors } = await runNft(['-f', file]);
    if (code !== 0) throw refusalIn(errors);
  }

  /** The wall clock is read first: a pause before the lease's own is read shortens the lease. */
  #remaining(token: string): Remaining {
    const wall = Date.now();
    const ms = Math.floor(this.#ends.get(token)! - this.#options.leaseNow());
    if (!(ms > 0)) return { ms: undefined, wallSecond: 0 };
    // Whole seconds are what nft takes.
    return { ms, wallSecond: Math.ceil((wall + ms) / 1_000) };
  }
}

function isSame(one: LeaseTable, other: LeaseTable): boolean {
  return (
    one.tokens.symmetricDifference(other.tokens).size === 0 &&
    one.endpoints.size === other.endpoints.size &&
    [...one.endpoints].every(([endpoint, token]) => other.endpoints.get(endpoint) === token)
  );
}
