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

/** One master key for control planes that share a store. */
export const masterKey = 'a master key for tests, longer than 32 characters';

export interface SluiceOptions {
  readonly mode?: 'up' | 'control-plane';
  /** Kept after stop() when given: for tests that start again on the same data. */
  readonly dataFolder?: string;
  /** A port to listen on; absent: any. */
  readonly port?: number;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A network namespace to run in; absent: this process's. */
  readonly networkNamespace?: string;
  /** As a user has it: a stop leaves the traffic. The test ends it. */
  readonly leavesTraffic?: boolean;
  /** Where to listen: 127.0.0.1 unless said. */
  readonly host?: string;
  /** PEM of the authority whose certificate its door shows. */
  readonly ca?: string;
}

/** A process of the command `sluice`. */
export interface SluiceProcess {
  readonly process: ChildProcess;
  readonly dataFolder: string;
  /** What it has printed, both streams. */
  output(): string;
  /** Ends it with a signal and waits for its exit. HAProxy is not touched by SIGKILL. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Stops it and its traffic, and removes a data folder of its own making. */
  stop(): Promise<void>;
}

/** A Sluice of a test's own, with its API. */
export interface Sluice extends SluiceProcess {
  readonly endpoint: string;
  readonly client: RpcClient;
}

/** Starts `sluice up` (or control-plane) on a port of the system's choice and waits for ready. */
export async function startSluice(options: SluiceOptions = {}): Promise<Sluice> {
  const started = await startCommand(
    options.mode ?? 'up',
    [
      '--listen',
      `${options.host ?? '127.0.0.1'}:${options.port ?? 0}`,
      ...(options.host === undefined ? [] : ['--insecure-listen']),
      ...(options.flags ?? ['--no-sample']),
    ],
    options,
  );
  const endpoint = /listening on (https?:\S+)/.exec(started.output())?.[1];
  if (endpoint === undefined) throw new Error(`no endpoint in:\n${started.output()}`);
  const client = new RpcClient({
    endpoint,
    ...rootKey,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  return {
    ...started,
    endpoint,
    client,
    stop: async () => {
      await client.close();
      await started.stop();
    },
  };
}

export interface ForwarderProcessOptions {
  readonly endpoint: string;
  readonly site: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly dataFolder?: string;
  /** A network namespace to run in; absent: this process's. */
  readonly networkNamespace?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts `sluice forwarder` and waits for ready. */
export function startForwarderProcess(options: ForwarderProcessOptions): Promise<SluiceProcess> {
  const { endpoint, site, accessKeyId, accessKeySecret, dataFolder, networkNamespace } = options;
  return startCommand('forwarder', ['--endpoint', endpoint, '--site', site], {
    ...(dataFolder === undefined ? {} : { dataFolder }),
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
    environment: {
      ...options.environment,
      ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret,
    },
  });
}

async function startCommand(
  command: string,
  flags: readonly string[],
  options: Pick<SluiceOptions, 'dataFolder' | 'environment' | 'networkNamespace' | 'leavesTraffic'>,
): Promise<SluiceProcess> {
  const dataFolder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), 'sluice-')));
  const metrics = command === 'forwarder' ? [] : ['--metrics', 'off'];
  const ends = options.leavesTraffic ? [] : ['--stop-traffic'];
  const common = ['--data', dataFolder, ...metrics, ...ends];
  const inside = options.networkNamespace;
  const words = [process.execPath, mainFile, command, ...common, ...flags];
  const [file, ...args] = inside === undefined ? words : ['ip', 'netns', 'exec', inside, ...words];
  const child = spawn(file!, args, {
    env: {
      ...process.env,
      SLUICE_ROOT_ACCESS_KEY_ID: rootKey.accessKeyId,
      SLUICE_ROOT_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
      SLUICE_MASTER_KEY: masterKey,
      SLUICE_THROTTLE: 'off',
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test that fails half-way leaves no process behind.
  const orphan = () => child.kill('SIGKILL');
  process.once('exit', orphan);
  child.once('exit', () => process.off('exit', orphan));
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const output = () => lines.join('\n');
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  try {
    await until(() => ended() || lines.includes('ready'), { timeoutMs: 30_000, what: 'ready' });
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`sluice ${command} did not become ready:\n${output()}`, { cause: error });
  }
  if (!lines.includes('ready')) {
    throw new Error(`sluice ${command} ended before ready:\n${output()}`);
  }
  const kill = async (signal: NodeJS.Signals) => {
    if (ended()) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  const stop = async () => {
    await kill('SIGTERM');
    if (options.dataFolder === undefined) await rm(dataFolder, { recursive: true, force: true });
  };
  return { process: child, dataFolder, output, kill, stop };
}

const mainFile = new URL('../../src/main.ts', import.meta.url).pathname;
