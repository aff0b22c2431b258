import net from 'node:net';

/** What a relay does with what it is sent, from the next byte on. */
export type RelayMode =
  | 'pass'
  /** Requests vanish; answers that are under way go on. */
  | 'drop requests'
  | 'drop answers'
  | 'drop both'
  /** Each answer comes seconds late. */
  | 'delay answers'
  /** Every request is answered by status 503. */
  | 'fail';

/** A TCP relay in front of a control plane: what a network or a proxy does to it. */
export interface Relay {
  readonly endpoint: string;
  /** Connections that are open now. */
  readonly connections: number;
  set(mode: RelayMode): void;
  close(): Promise<void>;
}

const lateMs = 5_000;
const failure =
  'HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n' +
  'content-length: 2\r\nconnection: close\r\n\r\n{}';

/** @param target `http://host:port` of the control plane */
export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  let mode: RelayMode = 'pass';
  const open = new Set<net.Socket>();
  const late = new Set<NodeJS.Timeout>();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('data', (bytes) => {
      if (mode === 'fail') client.end(failure);
      else if (mode !== 'drop requests' && mode !== 'drop both') upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (mode === 'pass' || mode === 'drop requests') client.write(bytes);
      if (mode !== 'delay answers') return;
      const timer = setTimeout(() => {
        late.delete(timer);
        if (!client.destroyed) client.write(bytes);
      }, lateMs);
      late.add(timer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    get connections() {
      return open.size;
    },
    set: (next) => {
      mode = next;
      // Streams that were answered before cannot be answered by an error any more.
      if (mode === 'fail') for (const socket of open) socket.destroy();
    },
    close: async () => {
      for (const timer of late) clearTimeout(timer);
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
