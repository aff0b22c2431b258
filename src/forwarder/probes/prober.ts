import { systemTimers, type Timers } from '../../clock.ts';
import type { HealthCheck } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../log.ts';
import { type Probe, probe as systemProbe } from './probe.ts';

/** A server behind a listener whose engine has no probes of its own. */
export interface ProbeTarget {
  /** The caller's own name for it; one target a key, whoever owns it. */
  readonly key: string;
  readonly address: string;
  /** The server's; a port in `health` goes before it. */
  readonly port: number;
  readonly health: HealthCheck;
}

export interface ProberOptions {
  readonly log: Log;
  /** Called when a target's health has turned. */
  readonly onChange: (key: string, healthy: boolean) => void;
  readonly timers?: Timers;
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number;
  /** 0 to 1, as Math.random gives it. */
  readonly random?: () => number;
  /** How one probe is made. */
  readonly probe?: Probe;
}

/** A target and what its probes have told. */
interface Watched {
  target: ProbeTarget;
  healthy: boolean;
  /** Results in a row that speak against `healthy`. */
  against: number;
  /** Cancels what is planned or at work; called when the target changes or goes. */
  cancel: () => void;
}

/**
 * Probes servers by the rules of ENS: so many failures in a row make one unhealthy, so many
 * successes healthy again. A server is healthy until its probes have said otherwise.
 */
export class Prober {
  readonly #options: Required<ProberOptions>;
  readonly #watched = new Map<string, Watched>();
  /** The keys of each owner's targets. */
  readonly #owned = new Map<string, Iterable<string>>();
  /** Those whose time has come, in order. */
  readonly #due = new Set<Watched>();
  #probing = 0;

  constructor(options: ProberOptions) {
    this.#options = {
      timers: systemTimers,
      now: () => performance.now(),
      random: Math.random,
      probe: systemProbe,
      ...options,
    };
  }

  /**
   * From now on probes `targets` and no others of this owner's; what others own costs nothing. One
   * that is unchanged goes on as it stands. One with another probe keeps its health and starts to
   * count anew; one at another address or port is another server and starts as healthy.
   */
  want(owner: string, targets: readonly ProbeTarget[]): void {
    const probed = new Map(
      targets.filter(({ health }) => health.enabled).map((target) => [target.key, target]),
    );
    for (const key of this.#owned.get(owner) ?? []) {
      if (!probed.has(key)) this.#drop(key, this.#watched.get(key)!);
    }
    if (probed.size === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, [...probed.keys()]);
    for (const target of probed.values()) this.#want(target);
  }

  /** True until so many probes in a row have failed; true for what nobody probes. */
  isHealthy(key: string): boolean {
    return this.#watched.get(key)?.healthy ?? true;
  }

  close(): void {
    for (const [key, watched] of this.#watched) this.#drop(key, watched);
  }

  #want(target: ProbeTarget): void {
    const known = this.#watched.get(target.key);
    if (known === undefined) {
      const watched = { target, healthy: true, against: 0, cancel: () => {} };
      this.#watched.set(target.key, watched);
      this.#planFirst(watched);
      return;
    }
    if (JSON.stringify(known.target) === JSON.stringify(target)) return;
    const isSame = known.target.address === target.address && known.target.port === target.port;
    this.#stop(known);
    known.target = target;
    known.against = 0;
    this.#planFirst(known);
    if (!isSame) this.#turn(known, true);
  }

  #drop(key: string, watched: Watched): void {
    this.#watched.delete(key);
    this.#stop(watched);
  }

  #stop(watched: Watched): void {
    this.#due.delete(watched);
    watched.cancel();
  }

  /** Somewhere within the first interval, so that what came together is not probed together. */
  #planFirst(watched: Watched): void {
    this.#plan(watched, this.#options.random() * watched.target.health.intervalSeconds * 1000);
  }

  #plan(watched: Watched, ms: number): void {
    watched.cancel = this.#options.timers.after(ms, () => {
      this.#due.add(watched);
      this.#pump();
    });
  }

  #pump(): void {
    for (const watched of this.#due) {
      if (this.#probing >= limits.probesAtOnce) return;
      this.#due.delete(watched);
      void this.#probe(watched);
    }
  }

  async #probe(watched: Watched): Promise<void> {
    const { timers, now, probe, log } = this.#options;
    const { target } = watched;
    const { intervalSeconds, timeoutSeconds } = target.health;
    const startedAt = now();
    const patience = new AbortController();
    let isWanted = true;
    // ENS: a timeout below the interval is ignored and the interval counts.
    const timeout = Math.max(timeoutSeconds, intervalSeconds) * 1000;
    const cancelTimeout = timers.after(timeout, () => patience.abort());
    watched.cancel = () => {
      isWanted = false;
      patience.abort();
    };
    this.#probing += 1;
    const succeeded = await probe(target, patience.signal).catch((error: unknown) => {
      // Probes tell what is wrong with a server by their result: this is a fault of ours.
      log.error({ err: error, key: target.key }, 'a probe could not be made');
      return true;
    });
    this.#probing -= 1;
    cancelTimeout();
    if (isWanted) {
      this.#plan(watched, Math.max(0, intervalSeconds * 1000 - (now() - startedAt)));
      this.#count(watched, succeeded);
    }
    this.#pump();
  }

  #count(watched: Watched, succeeded: boolean): void {
    const { healthyThreshold, unhealthyThreshold } = watched.target.health;
    watched.against = succeeded === watched.healthy ? 0 : watched.against + 1;
    const needed = watched.healthy ? unhealthyThreshold : healthyThreshold;
    if (watched.against >= needed) this.#turn(watched, !watched.healthy);
  }

  #turn(watched: Watched, healthy: boolean): void {
    if (watched.healthy === healthy) return;
    watched.healthy = healthy;
    watched.against = 0;
    this.#options.onChange(watched.target.key, healthy);
  }
}
