/** What a removal's answer promised. */
interface Promised {
  /** performance.now() when the answer had come. */
  readonly from: number;
  /** Forwarders that it did not count as having applied it. */
  readonly missing: ReadonlySet<string>;
  /** The counts of the answer. */
  readonly counts: string;
  /** When the server began to be added again. */
  until: number;
}

/** How long an ended promise is remembered: no request takes longer. Milliseconds. */
const remembered = 60_000;

/** How long the adding of a server takes at most to stop its drain. Milliseconds. */
const cancelMs = 3_000;

/** What the answers to RemoveBackendServers have promised so far. */
export class Removals {
  readonly #promised = new Map<string, Promised[]>();
  /** When each server was last about to be removed, and about to be added. */
  readonly #removing = new Map<string, number>();
  readonly #adding = new Map<string, number>();

  /** Servers are about to be removed: their drain may begin at any moment from now on. */
  removing(loadBalancer: string, servers: readonly string[]): void {
    for (const server of servers) {
      this.#removing.set(`${loadBalancer} ${server}`, performance.now());
    }
  }

  /** Servers were removed, and the answer has come just now. */
  answered(
    loadBalancer: string,
    servers: readonly string[],
    { missing, counts }: Pick<Promised, 'missing' | 'counts'>,
  ): void {
    const from = performance.now();
    for (const server of servers) {
      const key = `${loadBalancer} ${server}`;
      const before = this.#promised.get(key) ?? [];
      const kept = before.filter(({ until }) => until > from - remembered);
      this.#promised.set(key, [
        ...kept,
        { from, missing, counts, until: Number.POSITIVE_INFINITY },
      ]);
    }
  }

  /** Servers are about to be added: whatever was promised of them ends. */
  adding(loadBalancer: string, servers: readonly string[]): void {
    for (const server of servers) {
      const key = `${loadBalancer} ${server}`;
      this.#adding.set(key, performance.now());
      for (const each of this.#promised.get(key) ?? []) {
        each.until = Math.min(each.until, performance.now());
      }
    }
  }

  /** The answer that a request has broken which a removed server should not have got. */
  broken(
    loadBalancer: string,
    server: string,
    forwarder: string,
    begun: number,
  ): string | undefined {
    const promised = this.#promised.get(`${loadBalancer} ${server}`) ?? [];
    const found = promised.find(
      ({ from, until, missing }) => from <= begun && begun < until && !missing.has(forwarder),
    );
    return found && `${found.counts} ${Math.round(begun - found.from)} ms before`;
  }

  /** True when a drain of so many seconds may have ended by now, and cut the server's sessions. */
  mayHaveDrained(loadBalancer: string, server: string, drainSeconds: number): boolean {
    const key = `${loadBalancer} ${server}`;
    const removing = this.#removing.get(key);
    if (removing === undefined) return false;
    const drained = removing + drainSeconds * 1_000;
    const added = this.#adding.get(key) ?? Number.NEGATIVE_INFINITY;
    // A server that is added again in time keeps its sessions.
    if (added > removing && added < drained - cancelMs) return false;
    return performance.now() > drained - cancelMs;
  }
}
