import type { Timers } from '../clock.ts';
import type { Certificate } from '../elb/types.ts';
import { limits } from '../limits.ts';
import { aliveLine, type DeliveredCertificate, type WatchMessage } from './protocol.ts';

/** A message for all watchers, and what is written into it for each of them alone. */
export interface Line {
  /** With its newline. */
  readonly text: string;
  readonly certificates: readonly Certificate[];
}

/** Where a subscriber gets the whole of a site, as fresh as the moment it is asked. */
export interface SnapshotSource {
  readonly site: string;
  snapshot(): Line;
}

/** While frozen, nothing but heartbeats goes out. */
export interface Gate {
  readonly frozen: boolean;
}

/**
 * One watcher's way out: lines wait here until it takes them. A watcher that falls too far behind
 * loses the lines and gets a fresh snapshot of each site instead, so that it costs no memory and
 * still ends where the site is.
 */
export class Subscriber {
  readonly #gate: Gate;
  readonly #timers: Timers;
  readonly #releases = new Set<string>();
  readonly #snapshots = new Set<SnapshotSource>();
  readonly #sources = new Set<SnapshotSource>();
  readonly #deliver: (certificate: Certificate) => DeliveredCertificate | undefined;
  #lines: { readonly site: string; readonly line: Line }[] = [];
  #wake: () => void = () => {};

  /** @param deliver undefined: this watcher does not get the certificate */
  constructor(
    gate: Gate,
    timers: Timers,
    deliver: (certificate: Certificate) => DeliveredCertificate | undefined,
  ) {
    this.#gate = gate;
    this.#timers = timers;
    this.#deliver = deliver;
  }

  /** Begins with a snapshot of the source's site. */
  join(source: SnapshotSource): void {
    this.#sources.add(source);
    this.#releases.delete(source.site);
    this.refresh(source);
  }

  leave(source: SnapshotSource): void {
    this.#sources.delete(source);
    this.#snapshots.delete(source);
    this.#dropLines(source.site);
  }

  /** Says that this watcher does not serve the site. */
  release(site: string): void {
    this.#releases.add(site);
    this.#wake();
  }

  push(site: string, line: Line): void {
    if (this.#lines.length >= limits.feedQueue) {
      this.#lines = [];
      for (const source of this.#sources) this.#snapshots.add(source);
    } else {
      this.#lines.push({ site, line });
    }
    this.#wake();
  }

  /** A snapshot takes the place of the lines that wait: it holds all they would have said. */
  refresh(source: SnapshotSource): void {
    this.#dropLines(source.site);
    this.#snapshots.add(source);
    this.#wake();
  }

  /**
   * The lines in order, until `signal` aborts. It begins with a sign of life, and has another
   * whenever `limits.streamAlive` have passed without a line.
   */
  async *lines(signal: AbortSignal): AsyncIterable<string> {
    const stop = () => this.#wake();
    signal.addEventListener('abort', stop);
    try {
      yield aliveLine;
      while (!signal.aborted) {
        const line = this.#take() ?? (await this.#waitForLine());
        if (line !== undefined) yield line;
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Undefined: woken, with or without a line. */
  #waitForLine(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(limits.streamAlive, () => resolve(aliveLine));
      this.#wake = () => {
        cancel();
        resolve(undefined);
      };
    });
  }

  #take(): string | undefined {
    if (!this.#gate.frozen) {
      for (const site of this.#releases) {
        this.#releases.delete(site);
        return formatLine({ type: 'release', site });
      }
      for (const source of this.#snapshots) {
        this.#snapshots.delete(source);
        this.#dropLines(source.site);
        return this.#addressed(source.snapshot());
      }
    }
    const next = this.#lines.shift();
    return next && this.#addressed(next.line);
  }

  #addressed({ text, certificates }: Line): string {
    const own = certificates.map(this.#deliver).filter((each) => each !== undefined);
    if (own.length === 0) return text;
    return `${text.slice(0, text.lastIndexOf('}'))},"certificates":${JSON.stringify(own)}}\n`;
  }

  #dropLines(site: string): void {
    this.#lines = this.#lines.filter((each) => each.site !== site);
  }
}

export function formatLine(message: WatchMessage): string {
  return `${JSON.stringify(message)}\n`;
}
