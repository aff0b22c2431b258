import { once } from 'node:events';
import net from 'node:net';

/** What came back: a status, 0 when the server hung up without one, and the whole text. */
export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** A kept-alive connection that sends bytes as they are and reads one answer at a time. */
export class Connection {
  readonly #host: string;
  readonly #port: number;
  #socket: net.Socket | undefined;

  constructor(endpoint: string) {
    const { hostname, port } = new URL(endpoint);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** @throws Error when no answer comes within 20 s */
  async ask(bytes: Buffer, isHead: boolean): Promise<Reply> {
    const socket = await this.#open();
    socket.write(bytes);
    const reply = await readReply(socket, isHead);
    if (reply.status === 0 || /\r\nconnection: close\r\n/i.test(reply.text)) this.close();
    return reply;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #open(): Promise<net.Socket> {
    if (this.#socket?.writable === true) return this.#socket;
    this.#socket = await connect(this.#port, this.#host);
    return this.#socket;
  }
}

/** Sends bytes on a connection of their own, says that no more come, and reads to its end. */
export async function throwBytes(endpoint: string, bytes: Buffer): Promise<Reply> {
  const { hostname, port } = new URL(endpoint);
  const socket = await connect(Number(port), hostname);
  socket.end(bytes);
  try {
    return await readReply(socket, false);
  } finally {
    socket.destroy();
  }
}

async function connect(port: number, host: string): Promise<net.Socket> {
  const socket = net.connect({ port, host, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => {
    // A reset is an end too: readReply tells of it as status 0.
  });
  return socket;
}

function readReply(socket: net.Socket, isHead: boolean): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (status: number) => {
      socket.off('data', read).off('close', closed).off('end', closed);
      clearTimeout(timer);
      resolve({ status, text });
    };
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (isHead || text.length >= end + 4 + length) done(Number(text.slice(9, 12)));
    };
    const closed = () => done(/^HTTP\/1\.1 \d{3} /.test(text) ? Number(text.slice(9, 12)) : 0);
    const timer = setTimeout(() => reject(new Error('no answer within 20 s')), 20_000);
    socket.on('data', read).once('close', closed).once('end', closed);
  });
}
