import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeal, type Seal } from '../sealing.ts';

/**
 * The seal of a data folder: its master key comes from SLUICE_MASTER_KEY (any text of 32
 * characters or more), else from the file `master-key` (mode 600), made when absent.
 */
export async function openSeal(
  dataFolder: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Seal> {
  const given = environment.SLUICE_MASTER_KEY;
  if (given !== undefined && given !== '') {
    if (given.length < 32) throw new Error('SLUICE_MASTER_KEY has fewer than 32 characters');
    return createSeal(createHash('sha256').update(given).digest());
  }
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const path = join(dataFolder, 'master-key');
  const text = (await readIfThere(path)) ?? (await makeKey(dataFolder, path));
  if (!/^[0-9a-f]{64}$/.test(text.trim())) throw new Error(`${path} is no master key`);
  return createSeal(Buffer.from(text.trim(), 'hex'));
}

/** Puts a new key in place whole, or takes the one that another process put there first. */
async function makeKey(dataFolder: string, path: string): Promise<string> {
  const draft = join(dataFolder, `master-key.${randomBytes(8).toString('hex')}`);
  await writeFile(draft, `${randomBytes(32).toString('hex')}\n`, {
    flag: 'wx',
    mode: 0o600,
    flush: true,
  });
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  return readFile(path, 'utf8');
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
