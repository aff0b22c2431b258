import type { Timers } from '../../src/clock.ts';
import { createFleet } from '../../src/fleet/create-fleet.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { limits } from '../../src/limits.ts';
import { silent } from '../support/log.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { type End, Life } from './life.ts';
import { ReachedStore } from './reached-store.ts';
import { Way } from './way.ts';

/** How often a control plane is looked at, in milliseconds. */
export const lookEveryMs = 150;

/** After this long it has read again what it could not follow. */
const catchUpMs = limits.followRetry.maxMs + 1_000;

interface PlaneOptions {
  readonly name: string;
  readonly store: MemoryStore;
  readonly clock: Timers & { readonly now: () => number };
  readonly random: () => number;
  /** Its store is part of it: leased keys end with the process. */
  readonly ownStore: boolean;
}

/** A control plane: a process that can be paused, killed and started again, and its fleet. */
export class Plane {
  readonly name: string;
  /** The way to its store. */
  readonly toStore: Way;
  readonly #options: PlaneOptions;
  readonly #skewMs: number;
  #life: Life;
  #fleet: Fleet | undefined;
  /** Since when it may not know what the store has, and when it last could not be reached. */
  #behindSince = Number.POSITIVE_INFINITY;
  #hinderedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PlaneOptions) {
    const { name, clock, random } = options;
    this.name = name;
    this.#options = options;
    this.toStore = new Way(clock, random);
    this.#life = new Life(clock, random);
    this.#life.finish('host gone');
    // The clocks of two machines are never compared.
    this.#skewMs = Math.round((random() - 0.5) * 120_000);
  }

  get life(): Life {
    return this.#life;
  }

  /** Undefined while it does not run or does not listen yet. */
  get fleet(): Fleet | undefined {
    return this.#fleet;
  }

  /** The store as this process reaches it. */
  get store(): ReachedStore {
    const { toStore, life } = this;
    const { random, ownStore } = this.#options;
    return new ReachedStore(this.#options.store, { toStore, life, random, ownStore });
  }

  /** Until when it certainly knows what the store had; at any time until now. */
  get knewAt(): number {
    return Math.min(this.#behindSince, this.#options.clock.now());
  }

  /** Looks whether it keeps up with the store. To be called often. */
  look(): void {
    const { clock, store } = this.#options;
    const now = clock.now();
    if (!this.#life.running || !this.toStore.well || store.down) {
      this.#hinderedAt = now;
      this.#behindSince = Math.min(this.#behindSince, now - lookEveryMs);
    } else if (now - this.#hinderedAt > catchUpMs) {
      this.#behindSince = Number.POSITIVE_INFINITY;
    }
  }

  /** Starts the process; it listens once it has read what it needs from the store. */
  start(): void {
    if (!this.#life.end.aborted) return;
    const { clock, random } = this.#options;
    const life = new Life(clock, random);
    this.#life = life;
    const now = () => clock.now() + this.#skewMs;
    const { store } = this;
    const { timers } = life;
    const monotonic = () => clock.now() - this.#skewMs;
    void createFleet({ store, now, monotonic, timers, random, log: silent }).then((fleet) => {
      if (life.end.aborted) return;
      this.#fleet = fleet;
    });
  }

  end(how: End): void {
    if (this.#life.end.aborted) return;
    this.#life.finish(how);
    this.#fleet = undefined;
    if (this.#options.ownStore) void this.#options.store.endLeases();
  }

  /** Ends it in good order. */
  async close(): Promise<void> {
    await this.#fleet?.close();
    this.end('killed');
  }
}
