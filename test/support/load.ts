import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** One request as its client saw it: when it began, and who answered. */
export interface Observation {
  /** performance.now() before the first byte was sent. */
  readonly begun: number;
  readonly server: string;
}

/** Requests without end against one address, until stopped. */
export interface Load {
  /** Every answered request so far, and every failure. */
  readonly observations: readonly Observation[];
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  readonly clients: number;
  /** One connection for all requests of a client, or a new one for each. */
  readonly keepAlive: boolean;
  /** By TLS; whoever answers is trusted. */
  readonly tls?: boolean;
}

/** HTTP GET loops; the body of an answer is the name of the server that gave it. */
export function startHttpLoad({ host, port, clients, keepAlive, tls }: LoadOptions): Load {
  return startLoad(clients, () => {
    const kind = tls ? https.Agent : http.Agent;
    const agent = new kind({ keepAlive, maxSockets: 1 });
    return { ask: () => get({ host, port, agent }), close: () => agent.destroy() };
  });
}

/** The same in HTTP/2: each client has one connection for as long as the server leaves it open. */
export function startHttp2Load({ host, port, clients }: Omit<LoadOptions, 'keepAlive'>): Load {
  return startLoad(clients, () => {
    let session: http2.ClientHttp2Session | undefined;
    return {
      ask: async function ask(): Promise<string> {
        if (session === undefined || session.closed || session.destroyed) {
          session = http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false });
          session.on('error', () => {
            // The request has it too.
          });
        }
        const asked = session;
        return get2(asked).catch((error: unknown) => {
          // RFC 9113, 8.7: the server has not begun it, as when it says goodbye to the connection
          // meanwhile. Every client but Node's own sends it again.
          if (asked.closed && String(error).includes('REFUSED_STREAM')) return ask();
          throw error;
        });
      },
      close: () => session?.close(),
    };
  });
}

function startLoad(
  clients: number,
  connect: () => { ask(): Promise<string>; close(): void },
): Load {
  const observations: Observation[] = [];
  const failures: string[] = [];
  let running = true;
  const loop = async () => {
    const { ask, close } = connect();
    while (running) {
      const begun = performance.now();
      try {
        observations.push({ begun, server: await ask() });
      } catch (error) {
        failures.push(`${new Date().toISOString()} ${error}`);
      }
      await turn();
    }
    close();
  };
  const loops = Array.from({ length: clients }, loop);
  return {
    observations,
    failures,
    stop: async () => {
      running = false;
      await Promise.all(loops);
    },
  };
}

/** One GET; the body, or an error for any status but 200. */
export function get(options: http.RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const isTls = options.agent instanceof https.Agent;
    const open = { path: '/', ...options, ...(isTls ? { rejectUnauthorized: false } : {}) };
    const request = (isTls ? https : http).get(open, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`status ${response.statusCode}: ${body.slice(0, 100)}`));
      });
    });
    request.setTimeout(20_000, () => request.destroy(new Error('no answer within 20 s')));
    request.on('error', reject);
  });
}

/** One GET in HTTP/2. */
function get2(session: http2.ClientHttp2Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/' });
    let status = 0;
    let body = '';
    stream.setEncoding('utf8');
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('data', (chunk) => {
      body += chunk;
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (status === 200) resolve(body);
      else reject(new Error(`status ${status}: ${body.slice(0, 100)}`));
    });
  });
}

/** A TCP session to an echo server that names itself in its first line. */
export interface Session {
  readonly server: string;
  /** Sends a line and waits for it to come back. */
  echo(text: string): Promise<void>;
  readonly closed: Promise<void>;
  isOpen(): boolean;
  end(): void;
}

/** Opens a session and waits for the server's name. */
export async function openSession(
  host: string,
  port: number,
  localAddress?: string,
): Promise<Session> {
  const own = localAddress === undefined ? {} : { localAddress };
  const socket = net.connect({ host, port, ...own });
  socket.setNoDelay(true);
  let open = true;
  let buffer = '';
  const waiting: ((line: string | Error) => void)[] = [];
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      open = false;
      for (const waiter of waiting.splice(0)) waiter(new Error('the session was closed'));
      resolve();
    });
  });
  socket.on('error', () => {
    // A reset ends in 'close', which is what sessions are watched by.
  });
  socket.on('data', (chunk) => {
    buffer += chunk;
    for (let end = buffer.indexOf('\n'); end >= 0; end = buffer.indexOf('\n')) {
      waiting.shift()?.(buffer.slice(0, end));
      buffer = buffer.slice(end + 1);
    }
  });
  const line = () =>
    new Promise<string>((resolve, reject) => {
      if (!open) reject(new Error('the session was closed'));
      waiting.push((value) => (value instanceof Error ? reject(value) : resolve(value)));
    });
  const server = await line();
  return {
    server,
    closed,
    isOpen: () => open,
    end: () => socket.destroy(),
    echo: async (text) => {
      const answer = line();
      socket.write(`${text}\n`);
      const back = await answer;
      if (back !== text) throw new Error(`sent ${text}, got ${back}`);
    },
  };
}
