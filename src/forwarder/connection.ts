import type { Timers } from '../clock.ts';
import { aliveLine, type SiteReport, unclaimedSites } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { reasonOf } from '../log.ts';
import type { Failure } from './selector.ts';
import { isAnswer, type Transport, type WatchRequest } from './transport.ts';

export interface ConnectionOptions {
  readonly transport: Transport;
  readonly request: WatchRequest;
  readonly timers: Timers;
  /** The control plane said something for the first time. */
  readonly onBegun: () => void;
  /** A line waits to be taken. */
  readonly onLine: () => void;
  /** A report was answered in time, and so was the last one that the store had to take. */
  readonly onAnswered: () => void;
  /** Nothing was amiss for `limits.steadyConnection`. */
  readonly onSteady: () => void;
  /** Not after `close`. */
  readonly onFailed: (failure: Failure, reason: string) => void;
}

interface PendingReport {
  leftMs: number;
  readonly abort: AbortController;
}

/**
 * One connection to one control plane: its stream and the reports that go to it. It measures
 * silence by what is read, whatever the agent does meanwhile, and in steps of a timer: while this
 * process is stopped or busy no step passes, so its own pause is not taken for the other's.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #abort = new AbortController();
  readonly #lines: string[] = [];
  readonly #reports = new Set<PendingReport>();
  /** A site that reports may name. */
  #reportedSite: string | undefined;
  /** The last report that the store had to take has failed. */
  #isStoreDoubted = false;
  #hasBegun = false;
  #isReading = true;
  #readOn: () => void = () => {};
  #cancelStep: () => void;
  /** Since something was read, since a message was, since a report began, since all is well. */
  #silentMs = 0;
  #idleMs = 0;
  #unreportedMs = 0;
  #steadyMs = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { site } = options.request;
    if (site !== unclaimedSites) this.#reportedSite = site;
    this.#cancelStep = this.#scheduleStep();
    void this.#read();
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The next line that waits, if one does. */
  take(): string | undefined {
    const line = this.#lines.shift();
    if (this.#lines.length < limits.streamLines) this.#readOn();
    return line;
  }

  /** @throws the transport's errors; Error when no answer comes in time, or it was closed */
  async report(site: string, report: SiteReport) {
    const { transport } = this.#options;
    this.#unreportedMs = 0;
    const extra = JSON.stringify(report).length / limits.reportCharactersPerMs;
    const abort = new AbortController();
    const pending = { leftMs: limits.reportTimeout + extra, abort };
    this.#reports.add(pending);
    if (this.#abort.signal.aborted) abort.abort(this.#abort.signal.reason);
    try {
      const answer = await unlessAborted(
        transport.report(site, report, abort.signal),
        abort.signal,
      );
      this.#reportedSite = site;
      this.#reportAnswered(report);
      return answer;
    } catch (error) {
      this.#reportFailed(report, error);
      throw error;
    } finally {
      this.#reports.delete(pending);
    }
  }

  /** Ends it, once; reports under way fail. */
  close(reason: string): void {
    if (this.#abort.signal.aborted) return;
    const error = new Error(`the connection was closed: ${reason}`);
    this.#abort.abort(error);
    for (const { abort } of this.#reports) abort.abort(error);
    this.#cancelStep();
    this.#readOn();
    this.#options.transport.drop();
  }

  /** What it says makes no sense to the agent. */
  fail(reason: string): void {
    this.#fail('lost', reason);
  }

  async #read(): Promise<void> {
    const { transport, request } = this.#options;
    const { signal } = this.#abort;
    const noteRead = () => {
      this.#silentMs = 0;
    };
    try {
      for await (const line of transport.watch(request, signal, noteRead)) {
        if (signal.aborted) return;
        noteRead();
        this.#begin();
        if (line.trimEnd() === aliveLine.trimEnd()) continue;
        this.#idleMs = 0;
        this.#lines.push(line);
        this.#options.onLine();
        if (this.#lines.length >= limits.streamLines) await this.#full();
      }
      this.#fail(this.#hasBegun ? 'lost' : 'unreachable', 'the stream ended');
    } catch (error) {
      const failure = this.#hasBegun ? 'lost' : isAnswer(error) ? 'refused' : 'unreachable';
      this.#fail(failure, reasonOf(error));
    }
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#options.onBegun();
  }

  /** Resolves when there is room. Meanwhile nothing is read, so silence is not the other's. */
  async #full(): Promise<void> {
    this.#isReading = false;
    await new Promise<void>((resolve) => (this.#readOn = resolve));
    this.#isReading = true;
  }

  #scheduleStep(): () => void {
    return this.#options.timers.after(limits.streamStep, () => {
      this.#cancelStep = this.#scheduleStep();
      this.#step(limits.streamStep);
    });
  }

  #step(ms: number): void {
    for (const pending of this.#reports) {
      pending.leftMs -= ms;
      if (pending.leftMs > 0) continue;
      pending.abort.abort(new Error(`a report had no answer within ${limits.reportTimeout} ms`));
    }
    if (this.#isReading) this.#listen(ms);
    if (!this.#hasBegun || this.#abort.signal.aborted) return;
    this.#steadyMs += ms;
    if (this.#steadyMs % limits.steadyConnection === 0) this.#options.onSteady();
    this.#unreportedMs += ms;
    if (this.#unreportedMs < limits.reportEvery || this.#reportedSite === undefined) return;
    // What comes of it counts like any other report's outcome.
    this.report(this.#reportedSite, {}).catch(() => {});
  }

  #listen(ms: number): void {
    this.#silentMs += ms;
    if (this.#silentMs >= limits.streamSilence) {
      const reason = `nothing was read for ${limits.streamSilence} ms`;
      this.#fail(this.#hasBegun ? 'lost' : 'unreachable', reason);
    }
    // The forwarder of all unclaimed sites may have none.
    if (this.#options.request.site === unclaimedSites) return;
    this.#idleMs += ms;
    const most = limits.missedHeartbeats * limits.heartbeat;
    if (this.#idleMs >= most) this.#fail('lost', `no message within ${most} ms`);
  }

  /** A control plane answers a report of nothing without its store: that proves little. */
  #reportAnswered(report: SiteReport): void {
    if (this.#abort.signal.aborted) return;
    if (isStored(report)) this.#isStoreDoubted = false;
    if (!this.#isStoreDoubted) this.#options.onAnswered();
  }

  #reportFailed(report: SiteReport, error: unknown): void {
    if (this.#abort.signal.aborted) return;
    // One that refuses a report is alive, and another would refuse it too.
    if (isAnswer(error, 4)) {
      this.#reportAnswered(report);
      return;
    }
    if (isStored(report)) this.#isStoreDoubted = true;
    this.#steadyMs = 0;
    // Until the stream has begun it alone counts.
    if (this.#hasBegun) this.#options.onFailed('unanswered', reasonOf(error));
  }

  #fail(failure: Failure, reason: string): void {
    if (!this.#abort.signal.aborted) this.#options.onFailed(failure, reason);
  }
}

/** True for a report that the store of the control plane has to take. */
function isStored({ traffic: _, ...rest }: SiteReport): boolean {
  return Object.keys(rest).length > 0;
}

/** Whatever becomes of the promise, once `signal` aborts it is over. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
