import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { OfficialClient, Outcome } from './official-client.ts';

/** Has Alibaba Cloud's SDKs; `scripts/setup.sh --test` makes it. */
const python = fileURLToPath(new URL('../../.cache/python/bin/python', import.meta.url));

/**
 * Starts a Python program of this folder that speaks JSON lines (lines.py).
 * @param endpoint `http://host:port`
 */
export function startPythonClient(program: string, endpoint: string): OfficialClient {
  const file = fileURLToPath(new URL(program, import.meta.url));
  // -B: no compiled files beside the sources.
  const child = spawn(python, ['-B', file, new URL(endpoint).host]);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(`exit code ${code}`));
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  // A program that is gone takes no line; `ended` says why.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    call: async (key, action, parameters) => {
      child.stdin.write(`${JSON.stringify({ ...key, action, parameters })}\n`);
      const line = await Promise.race([lines.next(), ended]);
      if (typeof line === 'object' && !line.done) return JSON.parse(line.value) as Outcome;
      const reason = `${await ended}\n${complaints}`;
      throw new Error(`${program} has ended (scripts/setup.sh --test brings its SDKs): ${reason}`);
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
