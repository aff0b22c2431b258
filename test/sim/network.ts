import type { Timers } from '../../src/clock.ts';
import type { Certificate } from '../../src/elb/types.ts';
import { certificateContext, type LeaseTerms, type SiteReport } from '../../src/fleet/protocol.ts';
import type { Transport } from '../../src/forwarder/transport.ts';
import { forwarderSeal } from '../../src/sealing.ts';
import { type Life, never } from './life.ts';
import type { Machine } from './machine.ts';
import type { Plane } from './plane.ts';
import { Way } from './way.ts';

/** Between one forwarder and one control plane; each direction fails by itself. */
export interface Link {
  readonly machine: string;
  readonly plane: Plane;
  /** Calls of the forwarder: reports, and requests to watch. */
  readonly calls: Way;
  /** Answers to its reports. */
  readonly answers: Way;
  /** Lines of the streams that it watches. */
  readonly lines: Way;
}

interface Parts {
  readonly clock: Timers & { readonly now: () => number };
  readonly random: () => number;
  /** Connections break and answers are lost now and then. */
  readonly loses: () => boolean;
  /** The forwarder's machine, for what only it can read. */
  readonly machine: () => Machine;
}

export function makeLink(machine: string, plane: Plane, { clock, random }: Parts): Link {
  const way = () => new Way(clock, random);
  return { machine, plane, calls: way(), answers: way(), lines: way() };
}

/** What a stream delivers: lines in order, then its end. */
class Stream {
  readonly #items: (string | Error)[] = [];
  #wake: () => void = () => {};

  push(item: string | Error): void {
    this.#items.push(item);
    this.#wake();
  }

  async *lines(signal: AbortSignal): AsyncIterable<string> {
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const item = this.#items.shift();
        if (item === undefined) await new Promise<void>((go) => (this.#wake = go));
        else if (typeof item === 'string') yield item;
        else throw item;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }
}

/** How a forwarder reaches one control plane. */
export function linkTransport(link: Link, parts: Parts): Transport {
  const { plane, calls, answers, lines } = link;
  const { random, machine, clock, loses } = parts;

  const taken = () => takenBy(plane, calls);
  return {
    endpoint: plane.name,
    // What was under way when a connection is dropped may arrive all the same.
    drop: () => {},
    watch: async function* ({ site, ...said }, signal) {
      const { life, fleet } = await unlessAborted(taken(), signal);
      const stream = new Stream();
      const stop = new AbortController();
      const broken = () => stream.push(new Error('connection reset'));
      const ended = () => life.end.reason === 'killed' && broken();
      life.end.addEventListener('abort', ended);
      const deliver = (certificate: Certificate) => sealedFor(machine(), certificate);
      const sent: string[] = [];
      let sending = false;
      const send = async () => {
        sending = true;
        for (let line = sent.shift(); line !== undefined; line = sent.shift()) {
          await lines.pass();
          if (loses() && random() < 0.005) broken();
          stream.push(line);
        }
        sending = false;
      };
      void (async () => {
        const watcher = { name: link.machine, ...said };
        for await (const line of fleet.watchSite(site, stop.signal, deliver, watcher)) {
          sent.push(line);
          if (!sending) void send();
        }
      })();
      try {
        yield* stream.lines(signal);
      } finally {
        life.end.removeEventListener('abort', ended);
        void calls.pass().then(async () => {
          await life.taken();
          stop.abort();
        });
      }
    },

    report: (site, report, signal) => unlessAborted(send(site, report), signal),
  };

  async function send(site: string, report: SiteReport): Promise<LeaseTerms> {
    const copy = JSON.parse(JSON.stringify(report)) as SiteReport;
    const sender = machine();
    const { life: senderLife } = sender;
    const { life, fleet } = await taken();
    if (random() < 0.05) {
      const again = () => void fleet.report(site, link.machine, copy).catch(() => {});
      clock.after(random() * 300, () => void plane.life.taken().then(again));
    }
    const terms = await unlessReset(life, fleet.report(site, link.machine, copy));
    if (copy.applied !== undefined && sender.life === senderLife) {
      sender.knownAt = Math.min(sender.knownAt, clock.now());
    }
    await answers.pass();
    if (loses() && random() < 0.02) throw new Error('the answer was lost');
    return terms;
  }
}

/** The process that takes a call, once it does; a paused one takes it when it goes on. */
async function takenBy(plane: Plane, calls: Way) {
  await calls.pass();
  const { life, fleet } = plane;
  if (life.end.aborted && life.end.reason === 'host gone') await never();
  if (life.end.aborted || fleet === undefined) throw new Error('connection refused');
  await unlessReset(life, life.taken());
  return { life, fleet };
}

/** The promise, unless the caller gives up first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The promise, or a reset of the connection when the process is killed first. */
function unlessReset<T>({ end }: Life, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = () => end.reason === 'killed' && reject(new Error('connection reset'));
    end.addEventListener('abort', ended);
    promise.then(resolve, reject).finally(() => end.removeEventListener('abort', ended));
  });
}

/** What was sealed before: sealing is most of the time that a snapshot takes here. */
const sealedKeys = new Map<string, string>();

function sealedFor({ accessKey }: Machine, { id, chain, notAfter, key }: Certificate) {
  const memory = `${accessKey.accessKeyId} ${accessKey.accessKeySecret} ${id} ${key}`;
  const sealed =
    sealedKeys.get(memory) ?? forwarderSeal(accessKey).seal(key, certificateContext(id));
  sealedKeys.set(memory, sealed);
  return { id, chain, notAfter, key: sealed, sealedFor: accessKey.accessKeyId };
}
