import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { get } from '../test/support/load.ts';
import { until } from '../test/support/wait.ts';
import type { Figure } from './figure.ts';

/** From `npm start` on an empty data folder, packages installed, to the first balanced request. */
export async function benchStart(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-start-'));
  const root = fileURLToPath(new URL('..', import.meta.url));
  const begun = performance.now();
  const flags = ['--listen', '127.0.0.1:0', '--data', folder, '--metrics', 'off', '--stop-traffic'];
  const child = spawn('npm', ['start', '--', ...flags], { cwd: root, stdio: 'ignore' });
  try {
    const address = { host: '127.0.0.1', port: 8000, agent: false } as const;
    await until(() => get(address), { timeoutMs: 60_000, what: 'the first balanced request' });
    const seconds = (performance.now() - begun) / 1_000;
    const from = `${seconds.toFixed(2)} s, npm included`;
    return [
      { name: 'npm start to the first balanced request, s', value: seconds, aim: '<= 3', from },
    ];
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) console.table(await benchStart());
