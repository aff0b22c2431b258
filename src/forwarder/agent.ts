import { backOff, sleep, systemTimers, type Timers } from '../clock.ts';
import { type SiteReport, unclaimedSites } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import type { Certificates } from './certificates.ts';
import { Counting } from './counting.ts';
import type { Disk } from './disk.ts';
import type { Engine } from './engine.ts';
import { Failover } from './failover.ts';
import { journalSites } from './journal.ts';
import { Leases } from './leases.ts';
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
  /** In the order to try them; at least one. */
  readonly controlPlanes: readonly Transport[];
  /** Where the journals are. */
  readonly disk: Disk;
  /** Where the engine finds the certificates that the control plane sends. */
  readonly certificates: Certificates;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The clock of leases, milliseconds: it counts while the machine is suspended. */
  readonly leaseNow: () => number;
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
  readonly #failover: Failover;
  readonly #reconciler: Reconciler;
  readonly #replicas = new Map<string, Replica>();
  readonly #status: StatusLoop;
  readonly #counting: Counting;
  readonly #traffic: TrafficLoop;
  /** Sites whose journal could not be read and that nobody has described since. */
  readonly #unknown = new Set<string>();
  readonly #leases: Leases;
  /**
   * Sites that this forwarder has given up -> the sequence of the goodbye that a control plane has
   * noted; infinite until one has.
   */
  readonly #given = new Map<string, number>();
  /** The sequence of the stream's request. */
  #stream = 0;
  #pruned = false;
  #closing = false;
  #connection: Promise<void> = Promise.resolve();

  constructor(options: Required<AgentOptions>) {
    this.#options = options;
    const { engine, timers, random, log } = options;
    const onChange = (site: string) => this.#replicas.get(site)?.leaseChanged();
    this.#leases = new Leases({ ...options, onChange });
    this.#failover = new Failover(options);
    const reporting = { ...options, transport: this.#failover };
    const onProgress = (site: string) => this.#replicas.get(site)?.progressed();
    this.#reconciler = new Reconciler({ engine, timers, random, log, onProgress });
    this.#status = new StatusLoop({
      ...options,
      reconciler: this.#reconciler,
      replicas: this.#replicas,
    });
    const siteOf = (id: string) => this.#reconciler.siteOf(id);
    this.#counting = new Counting({ ...reporting, siteOf });
    this.#traffic = new TrafficLoop(reporting);
  }

  async boot(): Promise<void> {
    const { site, disk, log } = this.#options;
    await this.#leases.boot();
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
    const { keeps: keepsLeases } = this.#leases;
    const request = () => {
      const said = this.#leases.next();
      this.#stream = said.sequence;
      return { site, keepsLeases, ...said };
    };
    this.#connection = this.#failover.follow(request, this.#abort.signal, {
      begin: () => {
        for (const replica of this.#replicas.values()) replica.reconnected();
      },
      take: (line) => this.#take(line),
      // Who watched may have gone meanwhile; the next connection tells of those who still do.
      end: () => this.#traffic.forget(),
    });
  }

  sites(): readonly SiteView[] {
    return Array.from(this.#replicas.values(), (replica) => ({
      site: replica.site,
      held: replica.revision,
      ...replica.applied(),
    }));
  }

  async close({ stopTraffic }: { readonly stopTraffic: boolean }): Promise<void> {
    this.#closing = true;
    this.#status.close();
    this.#traffic.close();
    await this.#counting.close();
    for (const replica of this.#replicas.values()) replica.close();
    await this.#reconciler.close();
    if (stopTraffic) await this.#sayGoodbyeToAll();
    this.#abort.abort();
    await this.#connection;
    await this.#options.engine.close({ stopTraffic });
    await this.#options.disk.close();
  }

  #open(site: string): Replica {
    const options: ReplicaOptions = {
      ...this.#options,
      transport: this.#failover,
      reconciler: this.#reconciler,
      leases: this.#leases,
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

  async #take(line: string): Promise<void> {
    if (this.#closing) return;
    const message = parseMessage(line);
    const { site } = message;
    if (this.#options.site !== unclaimedSites && site !== this.#options.site) {
      throw new Error(`a message of ${site}, which is not served here`);
    }
    if (message.type === 'release') return this.#release(site);
    if (!this.#mayServe(site)) return;
    await this.#open(site).take(message, line);
    if (message.type === 'snapshot') this.#unknown.delete(site);
    // By the first heartbeat every site of this forwarder has been described.
    if (message.type === 'heartbeat' && !message.frozen) this.#prune();
    if (message.type === 'heartbeat') this.#traffic.watch(site, message.watched ?? []);
    else this.#status.hurry();
  }

  /**
   * A site that was given up is served again by a stream that begins after the goodbye: what an
   * earlier stream sends may have been sent before a control plane noted it.
   * @throws when a new stream is needed
   */
  #mayServe(site: string): boolean {
    const goodbye = this.#given.get(site) ?? 0;
    if (goodbye === Number.POSITIVE_INFINITY) return false;
    if (goodbye > this.#stream) throw new Error(`${site} is served again by a new stream`);
    this.#given.delete(site);
    return true;
  }

  /** Gives a site up, and says so once nothing here serves it. */
  #release(site: string): void {
    if (this.#given.get(site) === Number.POSITIVE_INFINITY) return;
    this.#given.set(site, Number.POSITIVE_INFINITY);
    const replica = this.#replicas.get(site);
    this.#replicas.delete(site);
    this.#unknown.delete(site);
    this.#traffic.forget(site);
    void this.#leave(site, replica);
  }

  /** Until a control plane has taken note it stays counted, and is not served here. */
  async #leave(site: string, replica: Replica | undefined): Promise<void> {
    const { timers, random, log } = this.#options;
    const { signal } = this.#abort;
    const released = replica?.release();
    for (let failed = 0; !signal.aborted; failed++) {
      try {
        await replica?.forget();
        await released;
        await this.#leases.release(site);
        const goodbye = this.#leases.next();
        await this.#failover.report(site, { goodbye });
        this.#given.set(site, goodbye.sequence);
        return;
      } catch (error) {
        if (failed === 0) log.warn({ site, reason: reasonOf(error) }, 'cannot leave, trying again');
        await sleep(timers, backOff(failed, limits.reportRetry, random), signal);
      }
    }
  }

  /** Stops serving, and says so where that is possible at once: else it stays counted. */
  async #sayGoodbyeToAll(): Promise<void> {
    const { engine, log } = this.#options;
    try {
      await engine.prune(new Set());
      for (const replica of this.#replicas.values()) await replica.sayGoodbye();
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'no control plane knows that this forwarder stops');
    }
  }
}
