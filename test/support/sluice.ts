import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RpcClient } from '../../src/client.ts';
import { until } from './wait.ts';

export const rootKey = {
  accessKeyId: 'LTAI5tTestRootKey00000001',
  accessKeySecret: 'TestRootSecret0123456789abcdef',
};

export interface SluiceOptions {
  readonly mode?: 'up' | 'control-plane';
  /** Kept after stop() when given: for tests that start again on the same data. */
  readonly dataFolder?: string;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A Sluice process of a test's own. */
export interface Sluice {
  readonly endpoint: string;
  readonly dataFolder: string;
  readonly client: RpcClient;
  readonly process: ChildProcess;
  /** What it has printed, both streams. */
  output(): string;
  /** Ends it with a signal and waits for its exit. HAProxy is not touched. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Stops it and its traffic, and removes a data folder of its own making. */
  stop(): Promise<void>;
}

/** Starts `sluice up` (or control-plane) on a port of the system's choice and waits for ready. */
export async function startSluice(options: SluiceOptions = {}): Promise<Sluice> {
  const dataFolder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), 'sluice-')));
  const flags = ['--listen', '127.0.0.1:0', '--data', dataFolder, '--metrics', 'off'];
  flags.push('--stop-traffic');
  const child = spawn(
    process.execPath,
    [mainFile, options.mode ?? 'up', ...flags, ...(options.flags ?? ['--no-sample'])],
    {
      env: {
        ...process.env,
        SLUICE_ROOT_ACCESS_KEY_ID: rootKey.accessKeyId,
        SLUICE_ROOT_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
        SLUICE_THROTTLE: 'off',
        ...options.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const output = () => lines.join('\n');
  try {
    await until(() => exitOrReady(child, lines), { timeoutMs: 30_000, what: 'ready' });
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`sluice did not become ready:\n${output()}`, { cause: error });
  }
  if (!lines.includes('ready')) throw new Error(`sluice ended before ready:\n${output()}`);
  const endpoint = /listening on (http:\S+)/.exec(output())?.[1];
  if (endpoint === undefined) throw new Error(`no endpoint in:\n${output()}`);
  const kill = (signal: NodeJS.Signals) => end(child, signal);
  return {
    endpoint,
    dataFolder,
    client: new RpcClient({ endpoint, ...rootKey }),
    process: child,
    output,
    kill,
    stop: async () => {
      await kill('SIGTERM');
      if (options.dataFolder === undefined) await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

const mainFile = new URL('../../src/main.ts', import.meta.url).pathname;

function exitOrReady(child: ChildProcess, lines: readonly string[]): boolean {
  return child.exitCode !== null || lines.includes('ready');
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
