import net from 'node:net';
import { limits } from '../../limits.ts';

/**
 * Sends commands to a HAProxy socket, all in one connection, and returns their answers in order.
 * @param path the socket of a worker (`stats socket`) or of the master
 * @throws when a command could end another's line, when the socket does not answer in time, or is
 *   not there
 */
export function sendCommands(path: string, commands: readonly string[]): Promise<string[]> {
  const unsafe = commands.find((command) => /[;\n\r]/.test(command));
  if (unsafe !== undefined) throw new Error(`no command for HAProxy: ${JSON.stringify(unsafe)}`);
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(limits.engineCommand, () => {
      socket.destroy(new Error(`HAProxy did not answer within ${limits.engineCommand} ms`));
    });
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(answers(text, commands.length)));
    socket.end(`${commands.join(';')}\n`);
  });
}

/** Each answer ends in an empty line; a table may hold none of its own. */
function answers(text: string, count: number): string[] {
  const parts: string[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line !== '') {
      lines.push(line);
    } else if (parts.length < count) {
      parts.push(lines.join('\n'));
      lines = [];
    }
  }
  return parts;
}
