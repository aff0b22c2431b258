import { renameSync } from 'node:fs';
import net from 'node:net';
import type { TestContext } from 'node:test';
import { RuntimeSocket } from '../../src/forwarder/haproxy/runtime.ts';

/** What a relay does with a command: an answer of its own, or undefined to pass it on. */
export type Answer = (command: string) => string | undefined;

/**
 * Takes the place of a socket of HAProxy's, which moves to `<path>.real`, until the test ends.
 * @param path of a socket that exists
 */
export async function relayInPlaceOf(t: TestContext, path: string, answer: Answer): Promise<void> {
  renameSync(path, `${path}.real`);
  await relay(t, path, `${path}.real`, answer);
}

/** Listens at `path` and passes commands on to the HAProxy at `to`, one connection for each. */
export async function relay(
  t: TestContext,
  path: string,
  to: string,
  answer: Answer,
): Promise<void> {
  const real = new RuntimeSocket(to);
  const serve = async (client: net.Socket, line: string) => {
    try {
      for (const command of line.trimEnd().split(';')) {
        const text = answer(command) ?? (await real.run([command]))[0] ?? '';
        client.write(text === '' ? '\n' : `${text}\n\n`);
      }
      client.end();
    } catch {
      // HAProxy is away: its client sees the same as without a relay.
      client.destroy();
    }
  };
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    let line = '';
    client.setEncoding('utf8').on('data', (text: string) => {
      line += text;
    });
    client.on('end', () => void serve(client, line));
    client.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
}
