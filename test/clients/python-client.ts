import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
  const child = spawn(python, ['-B', file, new URL(endpoint).host], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  // Without a call under way nobody waits for the end but close().
  ended.catch(() => {});
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    call: async (key, action, parameters) => {
      child.stdin.write(`${JSON.stringify({ ...key, action, parameters })}\n`);
      const line = await lines.next();
      if (!line.done) return JSON.parse(line.value) as Outcome;
      await ended;
      throw new Error(`${program} ended (run scripts/setup.sh --test?):\n${complaints}`);
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
