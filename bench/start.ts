import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { get } from '../test/support/load.ts';
import { until } from '../test/support/wait.ts';
import type { Figure } from './figure.ts';
import { median } from './rounds.ts';

const starts = 3;
/** Where the sample's load balancer stands. */
const sample = { host: '127.0.0.1', port: 8000, agent: false } as const;

/** From `npm start` on an empty data folder, packages installed, to the first balanced request. */
export async function benchStart(): Promise<Figure[]> {
  const others = await get(sample).catch(() => undefined);
  if (others !== undefined) throw new Error('somebody answers at 127.0.0.1:8000 already');
  const times: number[] = [];
  for (let i = 0; i < starts; i++) times.push(await startSeconds());
  return [
    {
      name: 'npm start to the first balanced request, s',
      value: median(times),
      aim: '<= 3',
      from: `npm itself included; ${times.map((time) => time.toFixed(2)).join(', ')} s`,
    },
  ];
}

async function startSeconds(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-start-'));
  const root = fileURLToPath(new URL('..', import.meta.url));
  const begun = performance.now();
  const flags = ['--listen', '127.0.0.1:0', '--data', folder, '--metrics', 'off', '--stop-traffic'];
  const child = spawn('npm', ['start', '--', ...flags], { cwd: root, stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    await until(() => get(sample), { timeoutMs: 60_000, what: 'the first balanced request' });
    return (performance.now() - begun) / 1_000;
  } finally {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}
