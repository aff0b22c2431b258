import type { LeaseReport, LeaseTerms, Said } from '../fleet/protocol.ts';
import { type Log, reasonOf } from '../log.ts';
import type { Disk } from './disk.ts';
import type { Engine } from './engine.ts';

const fileName = 'leases.json';

/** As it is on disk. */
interface Saved {
  readonly v: 1;
  /** When the last incarnation began, Unix milliseconds. */
  readonly startedAt: number;
  /** Sites that the engine holds to a lease, or is about to. */
  readonly armed: readonly string[];
}

export interface LeasesOptions {
  readonly engine: Engine;
  readonly disk: Disk;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The clock of leases, milliseconds: it counts while the machine is suspended. */
  readonly leaseNow: () => number;
  readonly log: Log;
  /** There is something new to report of a site's lease. */
  readonly onChange: (site: string) => void;
}

/**
 * Which sites this forwarder holds to a lease, and until when. The control plane must never take a
 * site for held that is not: the engine holds it before that is reported, and lets it go after the
 * control plane has taken note.
 */
export class Leases {
  readonly #options: LeasesOptions;
  /** Site -> when its lease ends: those that the engine holds. */
  readonly #armed = new Map<string, number>();
  /** The same for those that it is about to hold. */
  readonly #arming = new Map<string, number>();
  /** Sites that are reported as not held, to be let go once that is noted. */
  readonly #disarming = new Set<string>();
  #startedAt = 0;
  #sequence = 0;
  #keeps = false;
  #isKnown = false;
  /** Changes of the guard, one after the other. Renewals do not wait for them. */
  #guarding: Promise<void> = Promise.resolve();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Reads what the last incarnation held. Every lease of it is over. */
  async boot(): Promise<void> {
    const { disk, now, log } = this.#options;
    let saved: Saved | undefined;
    try {
      const text = await disk.read(fileName);
      saved = text === undefined ? undefined : (JSON.parse(text) as Saved);
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'cannot read which sites are held to a lease');
    }
    this.#keeps = saved !== undefined;
    this.#startedAt = Math.max(now(), (saved?.startedAt ?? 0) + 1);
    for (const site of saved?.armed ?? []) this.#armed.set(site, 0);
    const isHeld = this.#armed.size > 0;
    await this.#change(async () => {
      if (isHeld) await this.#guard();
      await this.#save();
    });
  }

  /** False: what an earlier incarnation held may be held no more. */
  get keeps(): boolean {
    return this.#keeps;
  }

  /** When this incarnation began; rises with each, whatever the clock does. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** The stamp of the next thing that is said of leases and membership. */
  next(): Said {
    this.#sequence += 1;
    return { startedAt: this.#startedAt, sequence: this.#sequence };
  }

  /** True while the site's lease must be renewed. */
  holds(site: string): boolean {
    return this.#armed.has(site) || this.#arming.has(site);
  }

  /** What the next report says of the site. */
  report(site: string): LeaseReport {
    const armed = this.#armed.has(site) && !this.#disarming.has(site);
    return { armed, sequence: this.next().sequence };
  }

  /**
   * Takes the answer of a report.
   * @param sentAt when the report was sent, by the clock of leases
   */
  take(site: string, said: LeaseReport, { isolation, leaseMs }: LeaseTerms, sentAt: number): void {
    const until = sentAt + leaseMs;
    if (isolation === 'fence') {
      if (this.#disarming.delete(site)) this.#options.onChange(site);
      if (leaseMs === 0) return;
      if (this.holds(site)) this.#renew(site, until);
      else this.#arm(site, until);
      return;
    }
    // Without time nothing was noted: what is held stays held.
    if (leaseMs === 0) return;
    if (!this.#armed.has(site)) {
      // The engine may hold what an incarnation that this one knows nothing of held.
      if (!this.#isKnown) void this.#change(() => this.#guard());
    } else if (said.armed) {
      this.#renew(site, until);
      if (this.#disarming.has(site)) return;
      this.#disarming.add(site);
      this.#options.onChange(site);
    } else if (this.#disarming.has(site)) {
      void this.#letGo(site);
    }
  }

  /** The site is served no more. */
  release(site: string): Promise<void> {
    return this.#letGo(site);
  }

  #arm(site: string, until: number): void {
    this.#arming.set(site, until);
    void this.#change(async () => {
      if (!this.#arming.has(site)) return;
      try {
        // Before the engine: what it holds is never forgotten by the next incarnation.
        await this.#save();
        await this.#guard();
        this.#armed.set(site, this.#arming.get(site) ?? until);
      } finally {
        this.#arming.delete(site);
        this.#options.onChange(site);
      }
    });
  }

  #letGo(site: string): Promise<void> {
    return this.#change(async () => {
      this.#disarming.delete(site);
      this.#arming.delete(site);
      if (!this.#armed.delete(site)) return;
      await this.#guard();
      await this.#save();
    });
  }

  #renew(site: string, until: number): void {
    const { engine, log } = this.#options;
    const leases = this.#arming.has(site) ? this.#arming : this.#armed;
    leases.set(site, Math.max(until, leases.get(site) ?? 0));
    engine.renew(site, until).catch((error: unknown) => {
      log.error({ site, reason: reasonOf(error) }, 'the engine cannot renew the lease');
    });
  }

  #change(run: () => Promise<void>): Promise<void> {
    const { log } = this.#options;
    this.#guarding = this.#guarding.then(async () => {
      try {
        await run();
      } catch (error) {
        log.error({ reason: reasonOf(error) }, 'the engine cannot hold its sites to their leases');
      }
    });
    return this.#guarding;
  }

  async #guard(): Promise<void> {
    await this.#options.engine.guard(new Map([...this.#armed, ...this.#arming]));
    this.#isKnown = true;
  }

  async #save(): Promise<void> {
    const armed = [...new Set([...this.#armed.keys(), ...this.#arming.keys()])].sort();
    const saved: Saved = { v: 1, startedAt: this.#startedAt, armed };
    await this.#options.disk.replace(fileName, `${JSON.stringify(saved)}\n`);
  }
}
