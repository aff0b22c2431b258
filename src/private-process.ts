import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { Log } from './log.ts';

/**
 * The environment for programs that are started: without the secrets that this process was given
 * in its own, which whoever runs as the program's user could read in /proc.
 */
export function withoutSecrets(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/SECRET|MASTER_KEY|TOKEN|PASSWORD/.test(name)),
  );
}

/**
 * Ends the program when standard input ends. The shell keeps no end of the program's output, so
 * that the output ends with the program.
 */
const tether = '"$@" & exec >&-; read -r _; kill $! 2>/dev/null';

/**
 * Starts a program that runs until this process ends it, and that ends with this process however
 * that ends: a shell holds the program and reads from a pipe, and the kernel closes the pipe of a
 * process that was killed. Close `stdin` to end the program. The output ends when it has ended by
 * itself; 'close' follows once `stdin` is closed too. A missing program ends at once.
 */
export function spawnTethered(
  program: string,
  args: readonly string[],
): ChildProcessByStdio<Writable, Readable, null> {
  const child = spawn('/bin/sh', ['-c', tether, 'sh', program, ...args], {
    env: withoutSecrets(),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {
    // The shell was killed; nothing was to be written.
  });
  return child;
}

/**
 * Keeps memory, in which secrets stand open, out of core files: of this process and of those that
 * it starts, which inherit it (core(5)).
 */
export function withholdMemory(log: Log): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch (error) {
    // A kernel without it, or another system: the operator may switch core files off.
    log.warn({ reason: String(error) }, 'core files of this process would hold its memory');
  }
}
