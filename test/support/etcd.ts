import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { until } from './wait.ts';

/** A cluster of a test's own. */
export interface Etcd {
  /** `http://127.0.0.1:port` of each member. */
  readonly endpoints: readonly string[];
  /** kill -9, and waits for the end. */
  kill(member?: number): Promise<void>;
  /** Starts a killed member again on its data and ports, and waits for its health. */
  start(member?: number): Promise<void>;
  /** Freezes a member (SIGSTOP) or lets it go on: it keeps its connections and answers nothing. */
  freeze(member: number, frozen: boolean): void;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  process?: ChildProcess;
}

/**
 * Starts etcd on ports of the system's choice in a temporary folder and waits for its health.
 * @param more flags of every member, without their dashes
 */
export async function startEtcd(size = 1, more: readonly string[] = []): Promise<Etcd> {
  const folder = await mkdtemp(join(tmpdir(), 'etcd-'));
  const members: Member[] = [];
  for (let index = 0; index < size; index++) {
    members.push({ name: `m${index}`, clientUrl: await freeUrl(), peerUrl: await freeUrl() });
  }
  const member = (index: number) => members[index] as Member;
  const etcd: Etcd = {
    endpoints: members.map(({ clientUrl }) => clientUrl),
    kill: (index = 0) => end(member(index)),
    start: async (index = 0) => {
      launch(member(index), members, folder, more);
      await healthy(member(index));
    },
    freeze: (index, frozen) => {
      member(index).process?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
    },
    stop: async () => {
      await Promise.all(members.map(end));
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    for (const each of members) launch(each, members, folder, more);
    await Promise.all(members.map(healthy));
  } catch (error) {
    await etcd.stop();
    throw error;
  }
  return etcd;
}

async function freeUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

function launch(
  member: Member,
  members: readonly Member[],
  folder: string,
  more: readonly string[],
): void {
  const { name, clientUrl, peerUrl } = member;
  const cluster = members.map((each) => `${each.name}=${each.peerUrl}`).join(',');
  const flags = {
    name,
    'data-dir': join(folder, name),
    'listen-client-urls': clientUrl,
    'advertise-client-urls': clientUrl,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': cluster,
    'log-level': 'error',
  };
  const own = Object.entries(flags).map(([flag, value]) => `${flag}=${value}`);
  const words = [...own, ...more].map((each) => `--${each}`);
  const child = spawn('etcd', words, { stdio: 'ignore' });
  const killChild = () => child.kill('SIGKILL');
  process.once('exit', killChild);
  child.once('exit', () => process.off('exit', killChild));
  member.process = child;
}

async function healthy({ clientUrl, process: child }: Member): Promise<void> {
  await until(
    async () => {
      if (child?.exitCode !== null) return true;
      const response = await fetch(`${clientUrl}/health`);
      return ((await response.json()) as { health: string }).health === 'true';
    },
    { what: `etcd at ${clientUrl}`, timeoutMs: 30_000 },
  );
  if (child?.exitCode !== null) throw new Error(`etcd at ${clientUrl} ended: ${child?.exitCode}`);
}

async function end({ process: child }: Member): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
