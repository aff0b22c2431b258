import { writeFileSync } from 'node:fs';
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
