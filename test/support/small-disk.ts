import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of a test's own, in memory, that can be filled up. */
export interface SmallDisk {
  readonly path: string;
  /** Takes what room is left, to the last byte. May be called again when room has come free. */
  fill(): void;
  /** Gives the room back. */
  free(): void;
  remove(): Promise<void>;
}

/** Mounts one; for root alone. @throws when the system does not let us mount */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', path]);
  } catch (error) {
    await rm(path, { recursive: true });
    throw error;
  }
  const ballast = join(path, 'ballast');
  return {
    path,
    fill: () => {
      for (const bytes of [1_048_576, 4_096, 1]) appendUntilFull(ballast, bytes);
    },
    free: () => rmSync(ballast, { force: true }),
    remove: async () => {
      // Lazily: a process that is still ending may hold a file open.
      execFileSync('umount', ['--lazy', path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

function appendUntilFull(file: string, bytes: number): void {
  const chunk = Buffer.alloc(bytes);
  const descriptor = openSync(file, 'a');
  try {
    for (;;) writeSync(descriptor, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(descriptor);
  }
}
