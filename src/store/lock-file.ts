import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Makes this process the only user of a file. The lock names the process and when it started, so
 * that one left by a process that was killed holds nobody up.
 * @returns gives the lock back
 * @throws when a living process holds it
 */
export function lockFile(path: string): () => void {
  const mine = `${process.pid} ${startOf(process.pid)}`;
  try {
    writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const [pid = '', start] = readFileSync(path, 'utf8').split(' ');
    if (start !== undefined && startOf(Number(pid)) === start) {
      throw new Error(`process ${pid} has the store open (${path})`);
    }
    writeFileSync(path, mine, { mode: 0o600 });
  }
  return () => rmSync(path, { force: true });
}

/** When a process started, in clock ticks since boot; 'gone' when it does not run. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, field 2, may hold spaces and brackets; field 22 is counted from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'gone';
  } catch {
    // No such process, or no /proc to ask.
    return 'gone';
  }
}
