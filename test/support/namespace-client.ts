import dgram from 'node:dgram';
import net from 'node:net';
import { openSession, type Session } from './load.ts';

export interface To {
  readonly address: string;
  readonly port: number;
  /** The client's own address and port. */
  readonly from?: string;
  readonly fromPort?: number;
}

/** Who answered: the server's name and the address that it saw. */
export interface Answered {
  readonly server: string;
  readonly seen: string;
}

interface Observed {
  /** Milliseconds of the machine's clock, before the first packet. */
  readonly begun: number;
  /** After the answer. */
  readonly ended: number;
  /** Undefined: nobody answered. */
  readonly server: string | undefined;
}

/** Traffic from where it runs. */
export class Client {
  readonly #sockets = new Map<string, dgram.Socket>();
  #port = 10_000;
  readonly #sessions = new Map<string, Session>();
  #load: { readonly observed: Observed[]; running: boolean; done: Promise<unknown> } | undefined;

  /**
   * Sends one datagram and waits for the answer to it.
   * @param flow the name of a socket to use again; else a new one is used, and closed
   * @param payload in hex
   * @returns undefined when nothing came
   */
  async udp(to: To & { flow?: string; payload?: string; waitMs?: number }) {
    const { flow, payload = '00', waitMs = 1_000 } = to;
    const socket = (flow === undefined ? undefined : this.#sockets.get(flow)) ?? (await bound(to));
    if (flow !== undefined) this.#sockets.set(flow, socket);
    const answer = new Promise<Answered | undefined>((resolve) => {
      const late = setTimeout(() => done(undefined), waitMs);
      const done = (value: Answered | undefined) => {
        clearTimeout(late);
        socket.off('message', take);
        resolve(value);
      };
      const take = (data: Buffer) => done(answered(String(data)));
      socket.on('message', take);
      socket.send(Buffer.from(payload, 'hex'), to.port, to.address);
    });
    const found = await answer;
    if (flow === undefined) socket.close();
    return found;
  }

  /** One datagram on each of many flows. @returns how many each server answered */
  async udpMany(to: To, count: number): Promise<Record<string, number>> {
    return this.#many(count, 40, async () => (await this.udp(this.#afresh(to)))?.server);
  }

  /** Opens a connection, reads who is there, and ends it with a reset. */
  async tcp({ address, port, from, fromPort }: To): Promise<Answered | string> {
    const socket = net.connect({
      host: address,
      port,
      ...(from === undefined ? {} : { localAddress: from }),
      ...(fromPort === undefined ? {} : { localPort: fromPort }),
    });
    return new Promise((resolve) => {
      socket.setTimeout(5_000, () => socket.destroy(new Error('ETIMEDOUT')));
      socket.on('data', (data) => {
        resolve(answered(String(data).trim()));
        // Else 10,000 connections leave as many ports in TIME_WAIT.
        socket.resetAndDestroy();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on('close', () => resolve('closed'));
    });
  }

  async tcpMany(to: To, count: number): Promise<Record<string, number>> {
    return this.#many(count, 40, async () => {
      const found = await this.tcp(to);
      return typeof found === 'string' ? found : found.server;
    });
  }

  /** Opens a connection that stays. @returns the server's name */
  async openTcp(name: string, { address, port }: To): Promise<string> {
    const session = await openSession(address, port);
    this.#sessions.set(name, session);
    return session.server.split(' ')[0]!;
  }

  /** @returns 'echoed', or why not */
  async echo(name: string): Promise<string> {
    try {
      await this.#sessions.get(name)!.echo('x');
      return 'echoed';
    } catch (error) {
      return String(error);
    }
  }

  async isOpen(name: string): Promise<boolean> {
    return this.#sessions.get(name)!.isOpen();
  }

  /** New flows without end, until stopped. */
  async startLoad(protocol: 'tcp' | 'udp', to: To, clients: number): Promise<void> {
    const load = { observed: [] as Observed[], running: true, done: Promise.resolve<unknown>(0) };
    const loop = async () => {
      while (load.running) {
        const begun = now();
        const found =
          protocol === 'udp'
            ? await this.udp({ ...this.#afresh(to), waitMs: 5_000 })
            : await this.tcp(to);
        const server = typeof found === 'string' ? undefined : found?.server;
        load.observed.push({ begun, ended: now(), server });
      }
    };
    load.done = Promise.all(Array.from({ length: clients }, loop));
    this.#load = load;
  }

  async stopLoad(): Promise<readonly Observed[]> {
    const load = this.#load!;
    load.running = false;
    await load.done;
    return load.observed;
  }

  /** From a port that was not used before: else it would be the flow that it was. */
  #afresh(to: To): To {
    this.#port += 1;
    return { ...to, fromPort: this.#port };
  }

  async #many(
    count: number,
    atOnce: number,
    one: () => Promise<string | undefined>,
  ): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    let left = count;
    const loop = async () => {
      while (left-- > 0) {
        const server = (await one()) ?? 'nobody';
        counts[server] = (counts[server] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
    return counts;
  }
}

function answered(text: string): Answered {
  const [server = '', seen = ''] = text.split(' ');
  return { server, seen };
}

function bound({ address, from, fromPort = 0 }: To): Promise<dgram.Socket> {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  // An answer of the machine that nobody listens comes as an error: that is no answer.
  socket.on('error', () => {});
  return new Promise((resolve) => {
    socket.bind({ port: fromPort, ...(from === undefined ? {} : { address: from }) }, () =>
      resolve(socket),
    );
  });
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
