import type { Timers } from '../clock.ts';
import type { LeaseTerms, SiteReport } from '../fleet/protocol.ts';
import { type Log, reasonOf } from '../log.ts';
import { Connection } from './connection.ts';
import { type ConnectionEvent, firstSelection, type Selection, select } from './selector.ts';
import type { Reporter, Transport, WatchRequest } from './transport.ts';

export interface FailoverOptions {
  /** In the order to try them; at least one. */
  readonly controlPlanes: readonly Transport[];
  readonly timers: Timers;
  /** 0 to 1, as Math.random gives it. */
  readonly random: () => number;
  readonly log: Log;
}

/** What follows a stream of lines over all connections. */
export interface Follower {
  /** A control plane has answered: reports can go to it. */
  begin(): void;
  /** One at a time. @throws when only a fresh stream helps */
  take(line: string): Promise<void>;
  /** The connection that had begun is over. */
  end(): void;
}

type Event = ConnectionEvent extends infer E
  ? E extends E
    ? Omit<E, 'connection'>
    : never
  : never;

/**
 * Keeps a forwarder connected to one of its control planes: the stream and the reports go to the
 * same one, and leave it together. `select` decides which and when.
 */
export class Failover implements Reporter {
  readonly #options: FailoverOptions;
  #selection: Selection = firstSelection;
  #connection: Connection | undefined;
  /** The endpoint that was followed last, and why it no longer is. */
  #followed: string | undefined;
  #reason = '';
  #wake: () => void = () => {};
  #cancelOpening: () => void = () => {};
  #cancelLeaving: () => void = () => {};

  constructor(options: FailoverOptions) {
    this.#options = options;
  }

  /**
   * Follows a site, or all that `*` stands for, until `signal` aborts. To be called once.
   * @param request what the next connection begins with
   */
  async follow(
    request: () => WatchRequest,
    signal: AbortSignal,
    follower: Follower,
  ): Promise<void> {
    const close = () => {
      this.#leave(follower, 'the forwarder ends');
      this.#wake();
    };
    signal.addEventListener('abort', close);
    this.#openLater(request, follower);
    while (!signal.aborted) {
      const connection = this.#connection;
      const line = connection?.take();
      if (line === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      try {
        await follower.take(line);
      } catch (error) {
        connection?.fail(reasonOf(error));
      }
    }
  }

  /** @throws Error when no control plane is connected, or it does not answer in time */
  async report(site: string, report: SiteReport): Promise<LeaseTerms> {
    if (this.#connection === undefined) throw new Error('no control plane is connected');
    return this.#connection.report(site, report);
  }

  #openLater(request: () => WatchRequest, follower: Follower): void {
    const { timers } = this.#options;
    this.#cancelOpening = timers.after(this.#selection.waitMs, () => this.#open(request, follower));
  }

  #open(request: () => WatchRequest, follower: Follower): void {
    const { controlPlanes, timers } = this.#options;
    const { connection: number, endpoint } = this.#selection;
    const transport = controlPlanes[endpoint]!;
    const happened = (event: Event) => {
      const before = this.#selection;
      const of = { ...event, connection: number } as ConnectionEvent;
      this.#selection = select(before, of, controlPlanes.length, this.#options.random);
      if (this.#selection.connection !== before.connection) {
        this.#logFailure(transport.endpoint);
        this.#leave(follower, this.#reason);
        this.#openLater(request, follower);
      } else if (this.#selection.leaveMs !== before.leaveMs) {
        this.#cancelLeaving();
        const { leaveMs } = this.#selection;
        if (leaveMs === undefined) return;
        this.#cancelLeaving = timers.after(leaveMs, () => happened({ kind: 'expired' }));
      }
    };
    this.#connection = new Connection({
      transport,
      request: request(),
      timers,
      onBegun: () => {
        this.#logBegin(transport.endpoint);
        follower.begin();
      },
      onLine: () => this.#wake(),
      onAnswered: () => happened({ kind: 'answered' }),
      onSteady: () => happened({ kind: 'steady' }),
      onFailed: (failure, reason) => {
        this.#reason = reason;
        happened({ kind: 'failed', failure });
      },
    });
  }

  #leave(follower: Follower, reason: string): void {
    this.#cancelOpening();
    this.#cancelLeaving();
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    connection.close(reason);
    if (connection.hasBegun) follower.end();
  }

  #logBegin(endpoint: string): void {
    const { log } = this.#options;
    const before = this.#followed;
    this.#followed = endpoint;
    if (before === undefined) log.info({ endpoint }, 'follows a control plane');
    else if (before === endpoint) log.info({ endpoint }, 'follows its control plane again');
    else log.warn({ endpoint, before, reason: this.#reason }, 'follows another control plane');
  }

  /** Less and less often in a row of failures, so that an outage does not fill the log. */
  #logFailure(endpoint: string): void {
    const { failures } = this.#selection;
    const reason = this.#reason;
    if (!this.#connection?.hasBegun && !Number.isInteger(Math.log2(failures))) return;
    this.#options.log.warn({ endpoint, reason, failures }, 'the control plane failed');
  }
}
