import { createHash } from 'node:crypto';
import type { Fragment } from '../../src/forwarder/nftables/render.ts';
import type { QuicId, Selector, Statement, Target } from '../../src/forwarder/nftables/rules.ts';
import { targetEndpoint } from '../../src/forwarder/nftables/service.ts';

/** The first packet of a flow. */
export interface Packet {
  readonly protocol: 'tcp' | 'udp';
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  /** What UDP carries. */
  readonly payload?: Buffer;
  /** TCP: it is none that begins a session. */
  readonly isMidway?: boolean;
}

/** Where it goes: a server as `10.0.0.1:53`, or what becomes of it. */
export type Fate = string | 'refused' | 'dropped' | 'this machine';

/**
 * nftables in memory: follows packets through the very rules that are printed for the kernel. Its
 * hash is not the kernel's, but is one as well.
 */
export class PacketTracer {
  /** Unix milliseconds. */
  now = 0;
  #fragments: readonly Fragment[] = [];
  /** What each `numgen inc` has counted, by its rule. */
  readonly #turns = new WeakMap<readonly Statement[], number>();
  /** When each set forgets a client: by set and address. */
  readonly #memory = new Map<string, number>();

  /** Takes the rules' place; what sets remember stays. */
  load(...fragments: readonly Fragment[]): void {
    this.#fragments = fragments;
  }

  trace(packet: Packet): Fate {
    const key = `${packet.to} . ${packet.protocol} . ${packet.toPort}`;
    const version = packet.to.includes(':') ? 6 : 4;
    for (const fragment of this.#fragments) {
      const goto = (map: string) => {
        const start = `${map}${version} ${key} : goto `;
        return fragment.elements.find((text) => text.startsWith(start))?.slice(start.length);
      };
      const guard = goto('guards');
      if (guard === 'closed') return packet.protocol === 'tcp' ? 'refused' : 'dropped';
      if (guard === 'only-syn' && packet.isMidway) return 'refused';
      const chain = goto('services');
      if (chain !== undefined) return this.#follow(fragment, chain, packet);
    }
    return 'this machine';
  }

  #follow(fragment: Fragment, name: string, packet: Packet): Fate {
    const chain = fragment.chains.find((each) => each.name === name);
    if (chain === undefined) throw new Error(`there is no chain ${name}`);
    for (const rule of chain.rules) {
      const fate = this.#apply(fragment, rule, packet);
      if (fate !== undefined) return fate;
    }
    return 'this machine';
  }

  /** @returns undefined when the next rule is to be tried */
  #apply(fragment: Fragment, rule: readonly Statement[], packet: Packet): Fate | undefined {
    for (const statement of rule) {
      switch (statement.kind) {
        case 'timeout':
          break;
        case 'known': {
          const until = this.#memory.get(`${statement.set} ${packet.from}`);
          if (until === undefined || until <= this.now) return undefined;
          break;
        }
        case 'remember': {
          const seconds = fragment.memories.get(statement.set);
          if (seconds === undefined) throw new Error(`there is no set ${statement.set}`);
          this.#memory.set(`${statement.set} ${packet.from}`, this.now + seconds * 1_000);
          break;
        }
        case 'dnat': {
          const target = this.#slot<Target>(rule, statement, packet);
          return target === undefined ? undefined : targetEndpoint(target);
        }
        case 'goto': {
          const chain = this.#slot<string>(rule, statement, packet);
          return chain === undefined ? undefined : this.#follow(fragment, chain, packet);
        }
      }
    }
    return undefined;
  }

  #slot<T>(
    rule: readonly Statement[],
    { by, slots }: { readonly by?: Selector; readonly slots: readonly T[] },
    packet: Packet,
  ): T | undefined {
    if (by === undefined) return slots[0];
    if (by === 'turn') {
      const turn = this.#turns.get(rule) ?? 0;
      this.#turns.set(rule, turn + 1);
      return slots[turn % slots.length];
    }
    const key = hashed(by, packet);
    if (key === undefined) return undefined;
    return slots[createHash('sha256').update(key).digest().readUInt32BE() % slots.length];
  }
}

/** Undefined: the packet has no such bytes, so its rule does not fit. */
function hashed(by: Exclude<Selector, 'turn'>, packet: Packet): string | undefined {
  if (by === 'client') return packet.from;
  if (by === 'tuple') return `${packet.from} ${packet.fromPort}`;
  return quicBytes(by, packet.payload ?? Buffer.alloc(0))?.toString('hex');
}

/** RFC 9000, 17: the form bit; a long header has version and length before the id. */
function quicBytes({ header, from, bytes }: QuicId, payload: Buffer): Buffer | undefined {
  const first = payload[0];
  if (first === undefined || (first & 0x80) !== (header === 'long' ? 0x80 : 0)) return undefined;
  if (header === 'long' && (payload[5] ?? 0) < from + bytes) return undefined;
  const start = (header === 'long' ? 6 : 1) + from;
  return payload.length < start + bytes ? undefined : payload.subarray(start, start + bytes);
}
