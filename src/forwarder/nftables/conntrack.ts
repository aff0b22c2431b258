import { execFile } from 'node:child_process';
import { limits } from '../../limits.ts';
import { withoutSecrets } from '../../private-process.ts';
import { NftRefused } from './nft.ts';
import { endpointOf, type Service, targetEndpoint } from './service.ts';

/** Flows of one listener by the server that they go to, as `targetEndpoint` writes it. */
export type FlowCounts = ReadonlyMap<string, Flows>;

interface Flows {
  /** All that conntrack has, one-way ones and those that have just ended included. */
  readonly entries: number;
  /** Those that may still carry something. */
  readonly sessions: number;
}

/** All flows, by `flowKey`. */
export type FlowTable = ReadonlyMap<string, FlowCounts>;

type Listener = Pick<Service, 'protocol' | 'address' | 'port'>;

/** The key of a listener in a flow table: `udp 10.0.0.1:53`. */
export function flowKey(listener: Listener): string {
  return `${listener.protocol} ${endpointOf(listener)}`;
}

/** The kernel's table of flows. Readers that come together share a reading. */
export class Conntrack {
  #next: Promise<FlowTable> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  /** Flows as they stand at a moment after the call. */
  read(): Promise<FlowTable> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const reading = readFlows();
      this.#running = reading.catch(() => {});
      return reading;
    });
    return this.#next;
  }

  /** The flows of one listener, however many others there are. */
  async of(listener: Listener): Promise<FlowCounts> {
    const { protocol, address, port } = listener;
    const args = ['-L', '-f', familyOf(address), '-p', protocol];
    args.push('--orig-dst', address, '--orig-port-dst', String(port));
    const found = new Map<string, Map<string, Flows>>();
    count(found, await run(args));
    return found.get(flowKey(listener)) ?? new Map();
  }

  /** Ends the flows of a listener that go to one place; to all places without one. */
  async cut({ protocol, address, port }: Listener, place?: string): Promise<void> {
    const args = ['-D', '-f', familyOf(address), '-p', protocol];
    args.push('--orig-dst', address, '--orig-port-dst', String(port));
    if (place !== undefined) {
      const [, ip = '', to = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(place) ?? [];
      args.push('--reply-src', ip, '--reply-port-src', to);
    }
    const { code, errors } = await run(args);
    // 1 with a count of 0: they have ended meanwhile.
    if (code !== 0 && !/ 0 flow entries/.test(errors)) throw failure(errors);
  }
}

async function readFlows(): Promise<FlowTable> {
  const found = new Map<string, Map<string, Flows>>();
  const lists = await Promise.all(['ipv4', 'ipv6'].map((family) => run(['-L', '-f', family])));
  for (const list of lists) count(found, list);
  return found;
}

/** Adds what a listing has. */
function count(found: Map<string, Map<string, Flows>>, { code, output, errors }: Ended): void {
  if (code !== 0) throw failure(errors);
  for (const line of output.split('\n')) {
    const flow = parseFlow(line);
    if (flow === undefined) continue;
    const places = found.get(flow.key) ?? new Map<string, Flows>();
    const { entries = 0, sessions = 0 } = places.get(flow.place) ?? {};
    places.set(flow.place, {
      entries: entries + 1,
      sessions: sessions + (flow.isOver ? 0 : 1),
    });
    found.set(flow.key, places);
  }
}

/** One line of `conntrack -L`; undefined for what is neither TCP nor UDP. */
export function parseFlow(
  line: string,
): { readonly key: string; readonly place: string; readonly isOver: boolean } | undefined {
  const form =
    /^(tcp|udp) .*?src=\S+ dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) /;
  const [, protocol, address = '', port, ip = '', from] = form.exec(line) ?? [];
  if (protocol === undefined) return undefined;
  const endpoint = targetEndpoint({ ip: address, port: Number(port) });
  return {
    key: `${protocol} ${endpoint}`,
    place: targetEndpoint({ ip, port: Number(from) }),
    isOver: / (TIME_WAIT|CLOSE) /.test(line),
  };
}

function familyOf(address: string): string {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

function failure(errors: string): Error {
  return new NftRefused(`conntrack: ${errors.trim().split('\n').at(-1)?.slice(0, 300)}`);
}

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

function run(args: readonly string[]): Promise<Ended> {
  const options = { env: withoutSecrets(), maxBuffer: limits.flowListBytes };
  return new Promise((resolve, reject) => {
    execFile('conntrack', args, options, (error, output, errors) => {
      if (error === null) return resolve({ code: 0, output, errors });
      if (typeof error.code === 'number') return resolve({ code: error.code, output, errors });
      const isAbsent = error.code === 'ENOENT';
      reject(isAbsent ? new NftRefused('conntrack is not installed') : error);
    });
  });
}
