import { backOff, sleep, systemTimers, type Timers } from '../clock.ts';
import { type SiteReport, unclaimedSites } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import type { Certificates } from './certificates.ts';
import { Counting } from './counting.ts';
import type { Disk } from './disk.ts';
import type { Engine } from './engine.ts';
import { journalSites } from './journal.ts';
import { parseMessage } from './messages.ts';
import { Reconciler } from './reconcile.ts';
import { Replica, type ReplicaOptions } from './replica.ts';
import { StatusLoop } from './status.ts';
import { TrafficLoop } from './traffic.ts';
import type { Transport } from './transport.ts';

export interface AgentOptions {
  /** The site it serves; `*` = every site without a forwarder of its own. */
  readonly site: string;
  readonly engine: Engine;
  /** As the operator reads it: `haproxy 2.6.12`. */
  readonly engineName: string;
  readonly transport: Transport;
  /** Where the journals are. */
  readonly disk: Disk;
  /** Where the engine finds the certificates that the control plane sends. */
  readonly certificates: Certificates;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  readonly timers?: Timers;
  /** 0 to 1, as Math.random gives it. */
  readonly random?: () => number;
}

/** One site as it stands on this forwarder. */
export interface SiteView extends NonNullable<SiteReport['applied']> {
  readonly site: string;
  /** The revision it was told of last, applied or not; undefined = nothing yet. */
  readonly held: number | undefined;
}

/** A running forwarder. */
export interface Agent {
  sites(): readonly SiteView[];
  /** Ends it. Traffic goes on unless told otherwise. */
  close(options: { readonly stopTraffic: boolean }): Promise<void>;
}

/**
 * Starts a forwarder: from its journal at once, and from then on as the control plane says, for as
 * long as there is one to be reached. Resolves when the journal was read.
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const agent = new SiteAgent({ timers: systemTimers, random: Math.random, ...options });
  await agent.boot();
  return agent;
}

class SiteAgent implements Agent {
  readonly #options: Required<AgentOptions>;
  readonly #abort = new AbortController();
  readonly #reconciler: Reconciler;
  readonly #replicas = new Map<string, Replica>();
  readonly #status: StatusLoop;
  readonly #counting: Counting;
  readonly #traffic: TrafficLoop;
  /** Sites whose journal could not be read and that nobody has described since. */
  readonly #unknown = new Set<string>();
  readonly #startedAt: number;
  #pruned = false;
  #connection: Promise<void> = Promise.resolve();

  constructor(options: Required<AgentOptions>) {
    this.#options = options;
    this.#startedAt = options.now();
    const { engine, timers, random, log } = options;
    const onProgress = (site: string) => this.#replicas.get(site)?.progressed();
    this.#reconciler = new Reconciler({ engine, timers, random, log, onProgress });
    this.#status = new StatusLoop({
      ...options,
      reconciler: this.#reconciler,
      replicas: this.#replicas,
    });
    const siteOf = (id: string) => this.#reconciler.siteOf(id);
    this.#counting = new Counting({ ...options, siteOf });
    this.#traffic = new TrafficLoop(options);
  }

  async boot(): Promise<void> {
    const { site, disk, log } = this.#options;
    let sites: readonly string[] = [site];
    if (site === unclaimedSites) {
      sites = await journalSites(disk).catch((error: unknown) => {
        log.error({ err: error }, 'cannot list the journals');
        return [];
      });
    }
    let read = 0;
    for (const each of sites) {
      const replica = this.#open(each);
      const outcome = await replica.boot();
      if (outcome === 'unreadable') this.#unknown.add(each);
      if (outcome === 'read') read += 1;
    }
    if (read > 0) this.#prune();
    this.#reconciler.start();
    this.#status.start();
    await this.#counting.boot();
    this.#counting.start();
    this.#connection = this.#stayConnected();
  }

  sites(): readonly SiteView[] {
    return Array.from(this.#replicas.values(), (replica) => ({
      site: replica.site,
      held: replica.revision,
      ...replica.applied(),
    }));
  }

  async close({ stopTraffic }: { readonly stopTraffic: boolean }): Promise<void> {
    this.#abort.abort();
    this.#status.close();
    this.#traffic.close();
    await this.#counting.close();
    for (const replica of this.#replicas.values()) replica.close();
    await this.#connection;
    await this.#reconciler.close();
    await this.#options.engine.close({ stopTraffic });
    await this.#options.disk.close();
  }

  #open(site: string): Replica {
    const options: ReplicaOptions = {
      ...this.#options,
      reconciler: this.#reconciler,
      startedAt: this.#startedAt,
    };
    const replica = this.#replicas.get(site) ?? new Replica(site, options);
    this.#replicas.set(site, replica);
    return replica;
  }

  /** Once in the agent's life, and only when it knows all that must stay. */
  #prune(): void {
    if (this.#pruned || this.#unknown.size > 0) return;
    this.#pruned = true;
    void this.#reconciler.prune();
  }

  async #stayConnected(): Promise<void> {
    const { timers, random, log } = this.#options;
    const { signal } = this.#abort;
    let failed = 0;
    while (!signal.aborted) {
      try {
        await this.#connect(() => (failed = 0));
      } catch (error) {
        if (signal.aborted) return;
        const reason = reasonOf(error);
        log.warn({ reason, tries: failed + 1 }, 'the control plane is out of reach or out of step');
      }
      await sleep(timers, backOff(failed++, limits.reconnect, random), signal);
    }
  }

  /**
   * One connection, from its first line to its end.
   * @param onInStep called when both ends were found to hold the same
   */
  async #connect(onInStep: () => void): Promise<void> {
    const { site, transport, timers } = this.#options;
    const connection = new AbortController();
    const close = () => connection.abort(new Error('closed'));
    this.#abort.signal.addEventListener('abort', close);
    const silence = limits.missedHeartbeats * limits.heartbeat;
    const dead = () => connection.abort(new Error(`no line within ${silence} ms`));
    let cancelDead = timers.after(silence, dead);
    let first = true;
    try {
      for await (const line of until(transport.watch(site, connection.signal), connection.signal)) {
        cancelDead();
        cancelDead = timers.after(silence, dead);
        if (first) for (const replica of this.#replicas.values()) replica.reconnected();
        first = false;
        if (await this.#take(line)) onInStep();
      }
    } finally {
      cancelDead();
      // Who watched may have gone meanwhile; the next connection tells of those who still do.
      this.#traffic.forget();
      this.#abort.signal.removeEventListener('abort', close);
      connection.abort();
    }
  }

  async #take(line: string): Promise<boolean> {
    const message = parseMessage(line);
    const { site } = message;
    if (this.#options.site !== unclaimedSites && site !== this.#options.site) {
      throw new Error(`a message of ${site}, which is not served here`);
    }
    if (message.type === 'release') {
      const replica = this.#replicas.get(site);
      this.#replicas.delete(site);
      this.#unknown.delete(site);
      this.#traffic.forget(site);
      await replica?.release();
      return false;
    }
    const inStep = await this.#open(site).take(message, line);
    if (message.type === 'snapshot') this.#unknown.delete(site);
    // By the first heartbeat every site of this forwarder has been described.
    if (message.type === 'heartbeat' && !message.frozen) this.#prune();
    if (message.type === 'heartbeat') this.#traffic.watch(site, message.watched ?? []);
    else this.#status.hurry();
    return inStep;
  }
}

/** The lines of a stream until `signal` aborts, whether or not the stream heeds it. */
async function* until(lines: AsyncIterable<string>, signal: AbortSignal): AsyncIterable<string> {
  const iterator = lines[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a stream that hangs would hang the reconnection too. What it still has to say
    // about its end says nothing about the next one.
    iterator.return?.().catch(() => {});
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
