import { limits } from '../../limits.ts';
import { printBase } from './base.ts';
import { Nft, NftRefused } from './nft.ts';
import type { Fragment } from './render.ts';
import { ownerOf, type Service } from './service.ts';
import { changeLines, type Held, heldBy, noTable, type Table } from './table.ts';

/** Where a listener takes flows. */
export type Place = Pick<Service, 'protocol' | 'address' | 'port'>;

export interface RulesetOptions {
  /** The Sluice that the table is of: `instanceName`. Absent: the only one there is. */
  readonly instance?: string;
  /** A file for transactions. */
  readonly file: string;
  /** Somebody else changed the table; what is left of it is known by now. */
  readonly onLost: (reason: string) => void;
}

/**
 * The table and what it is known to hold. What is known follows the kernel: our own changes as
 * the kernel tells of them, and a whole reading whenever somebody else may have changed it.
 */
export class Ruleset {
  readonly #options: RulesetOptions;
  readonly #nft: Nft;
  /** Load balancer -> its listeners, by the names of their chains. */
  readonly #held = new Map<string, Map<string, Held>>();
  #isSound = false;
  #opening: Promise<void> | undefined;
  #doubt: NodeJS.Timeout | undefined;

  constructor(options: RulesetOptions) {
    this.#options = options;
    this.#nft = new Nft({ ...options, onDoubt: () => this.#doubted() });
  }

  /** True once the table was read. */
  get isOpen(): boolean {
    return this.#opening !== undefined;
  }

  /** Whether an earlier life has left any. @throws NftRefused when nft cannot be used */
  async hasListeners(): Promise<boolean> {
    return (await this.#nft.read()).services.size > 0;
  }

  /** Whether there is a table, with listeners or without. @throws NftRefused */
  async hasTable(): Promise<boolean> {
    return (await this.#nft.read()) !== noTable;
  }

  /** Load balancers that the table holds listeners of. */
  owners(): ReadonlySet<string> {
    return new Set(this.#held.keys());
  }

  /** The listeners that the table holds, of one load balancer or of all. */
  places(loadBalancerId?: string): Place[] {
    const held =
      loadBalancerId === undefined
        ? [...this.#held.values()].flatMap((each) => [...each.values()])
        : [...(this.#held.get(loadBalancerId)?.values() ?? [])];
    return held
      .flatMap(({ elements }) => [...elements])
      .flatMap((text) => {
        const [, address = '', protocol, port] =
          /^services[46] (\S+) \. (tcp|udp) \. (\d+) /.exec(text) ?? [];
        if (protocol === undefined) return [];
        return [{ address, protocol: protocol as Place['protocol'], port: Number(port) }];
      });
  }

  /**
   * Reads the table, and makes it when it is not there.
   * @throws NftRefused when nft cannot be used
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /**
   * Brings the table to hold these listeners of a load balancer and no others of it.
   * @throws NftRefused
   */
  async settle(loadBalancerId: string, fragments: readonly Fragment[]): Promise<void> {
    await this.open();
    const wanted = new Map(fragments.map((each) => [each.chains[0]!.name, each]));
    for (let attempt = 1; attempt <= limits.engineTries; attempt++) {
      if (!this.#isSound) await this.#rebuild();
      const held = this.#held.get(loadBalancerId) ?? new Map<string, Held>();
      const names = new Set([...held.keys(), ...wanted.keys()]);
      const lines = [...names].flatMap((name) => changeLines(held.get(name), wanted.get(name)));
      if (lines.length === 0) return;
      if (!(await this.#nft.commit(lines))) {
        await this.#read();
        continue;
      }
      const holds = [...wanted].map(([name, fragment]) => [name, heldBy(fragment)] as const);
      if (holds.length === 0) this.#held.delete(loadBalancerId);
      else this.#held.set(loadBalancerId, new Map(holds));
      return;
    }
    throw new NftRefused('nft does not hold what it took');
  }

  /** As Nft.otherAt. */
  otherAt(service: Service): ReturnType<Nft['otherAt']> {
    return this.#nft.otherAt(service);
  }

  /** What the kernel has counted. @throws NftRefused */
  counters(): ReturnType<Nft['counters']> {
    return this.#nft.counters();
  }

  /** Of these listeners alone. @throws NftRefused */
  countersOf(services: readonly Service[]): ReturnType<Nft['countersOf']> {
    return this.#nft.countersOf(services);
  }

  /** Ends it all: the table goes. */
  async clear(): Promise<void> {
    await this.#nft.commit(['add table inet sluice', 'delete table inet sluice']);
    this.#held.clear();
    this.#isSound = false;
  }

  async close(): Promise<void> {
    clearTimeout(this.#doubt);
    await this.#nft.close();
  }

  async #open(): Promise<void> {
    this.#nft.watch();
    await this.#nft.dropShared();
    await this.#read();
    if (!this.#isSound) await this.#rebuild();
  }

  async #rebuild(): Promise<void> {
    await this.#nft.commit(printBase());
    await this.#read();
    if (!this.#isSound) throw new NftRefused('nft does not hold the table that it took');
  }

  async #read(): Promise<void> {
    const table = await this.#nft.read();
    this.#take(table);
    // Half of a listener's elements would be in the way of the next one there.
    if (table.strays.length > 0) this.#isSound = false;
  }

  #take({ isSound, services }: Table): void {
    this.#isSound = isSound;
    this.#held.clear();
    for (const [name, held] of services) {
      const id = ownerOf(name) ?? '';
      this.#held.set(id, (this.#held.get(id) ?? new Map<string, Held>()).set(name, held));
    }
  }

  #doubted(): void {
    if (!this.isOpen) return;
    clearTimeout(this.#doubt);
    this.#doubt = setTimeout(() => void this.#check(), limits.nftDoubt).unref();
  }

  async #check(): Promise<void> {
    const expected = () => JSON.stringify(asData(this.#held, this.#isSound));
    try {
      const table = await this.#nft.read();
      const before = expected();
      this.#take(table);
      if (expected() !== before) this.#options.onLost('somebody else changed its nft table');
    } catch {
      // nft fails for a moment: nothing is known, so it is looked at again.
      this.#doubted();
    }
  }
}

function asData(held: ReadonlyMap<string, ReadonlyMap<string, Held>>, isSound: boolean) {
  const sorted = [...held.values()]
    .flatMap((each) => [...each])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const listeners = sorted.map(([name, { chains, memories, elements }]) => [
    name,
    [...chains].sort(([a], [b]) => (a < b ? -1 : 1)),
    [...memories].sort(),
    [...elements].sort(),
  ]);
  return { listeners, isSound };
}
