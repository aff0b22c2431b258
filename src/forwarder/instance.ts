import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * The name of the Sluice that has a forwarder folder, for what it leaves in the kernel: the same
 * for each start on one data folder, another for every other. 8 hexadecimal digits.
 * @param folder absolute, `<data folder>/forwarder`
 */
export function instanceName(folder: string): string {
  return createHash('sha256').update(folder).digest('hex').slice(0, 8);
}

/**
 * Takes a forwarder's folder for this process; the kernel lets go of it when the process ends,
 * however it ends.
 * @returns lets go of it
 * @throws Error when another process has it
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new Error(`a Sluice runs with ${folder}`, { cause: error });
  }
  return () => lock.close();
}
