import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What ends by itself may take this long: a HAProxy that stops, a browser. Milliseconds. */
const usualGraceMs = 10_000;
/** Files that language runtimes keep for their next start, whoever started them. */
const caches = /^(node-compile-cache|hsperfdata_\w+)$/;

/** One run of the tests, and what is its own on this machine. */
export interface TestRun {
  /** For every process of the run; each passes it on to those that it starts. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Waits until nothing of the run is left, for a while. Ends and removes what is.
   * @returns one line for each thing that was left
   */
  finish(): Promise<readonly string[]>;
}

/**
 * Begins a run. Its processes carry a mark in their environment, its files are in one temporary
 * folder, its namespaces have its name: what others do on the machine meanwhile is not taken for
 * its own. Tables of nft and addresses of lo carry no mark: those that are new since the beginning
 * count, unless another Sluice runs beside it.
 */
export function beginRun(graceMs = usualGraceMs): TestRun {
  const id = `slt-${randomBytes(3).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), `${id}-`));
  // HAProxy's workers are of another user and reach their sockets in it.
  chmodSync(folder, 0o755);
  const before = new Set(shared());
  const left = () => [
    ...processes(id).map(({ pid, command }) => `process ${pid}: ${command}`),
    ...namespaces(id).map((name) => `network namespace ${name}`),
    ...entries(folder).map((name) => `temporary ${join(folder, name)}`),
    ...(hasNeighbour(id) ? [] : shared().filter((name) => !before.has(name))),
  ];
  return {
    environment: { SLUICE_TEST_RUN: id, TMPDIR: folder },
    async finish() {
      const deadline = performance.now() + graceMs;
      while (left().length > 0 && performance.now() < deadline) await delay(100);
      const found = left();
      for (const { pid } of processes(id)) end(pid);
      for (const name of namespaces(id)) run('ip', 'netns', 'del', name);
      removeFolder(folder);
      return found;
    },
  };
}

/** Processes whose environment has the mark of a run. A zombie has none, and is its parent's. */
function processes(id: string): { readonly pid: number; readonly command: string }[] {
  const mark = `SLUICE_TEST_RUN=${id}`;
  return pids().flatMap((pid) => {
    if (!readProc(pid, 'environ').split('\0').includes(mark)) return [];
    return [{ pid, command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim().slice(0, 200) }];
  });
}

/** Whether a Sluice that is not of this run shares our network namespace. */
function hasNeighbour(id: string): boolean {
  const own = new Set(processes(id).map(({ pid }) => pid));
  const here = networkOf('self');
  return pids().some((pid) => {
    const words = readProc(pid, 'cmdline').split('\0');
    const isSluice =
      words.some((word) => word.endsWith('src/main.ts')) ||
      (words[0] === 'nft' && words[1] === 'monitor');
    return isSluice && !own.has(pid) && networkOf(pid) === here;
  });
}

function namespaces(id: string): string[] {
  return run('ip', 'netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(`${id}-`));
}

function entries(folder: string): string[] {
  return readdirSync(folder).filter((name) => !caches.test(name));
}

/** Tables of nft and addresses of lo in this network namespace. */
function shared(): string[] {
  const tables = run('nft', 'list', 'tables').split('\n');
  const addresses = [...run('ip', '-o', 'addr', 'show', 'dev', 'lo').matchAll(/ inet6? (\S+)/g)];
  return [
    ...tables.filter((line) => line !== '').map((line) => `nft ${line}`),
    ...addresses.map(([, address]) => `address ${address} on lo`),
  ];
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It has ended meanwhile, or is another user's: none of ours.
    return '';
  }
}

function networkOf(pid: number | 'self'): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    // As above.
    return '';
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    // A file system that is still mounted in it: the line that names it is enough.
    console.error(`${folder} stays: ${String(error)}`);
  }
}

/** What a program prints; nothing where it is missing or may not run, as for other users. */
function run(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
