import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
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

/** The master key that is to come, and what puts it in the place of the one that counts now. */
export interface NextKey {
  readonly seal: Seal;
  /** What is left for the operator to do, in a sentence. */
  adopt(): Promise<string>;
}

/**
 * The next master key of a data folder: SLUICE_NEW_MASTER_KEY where SLUICE_MASTER_KEY counts, else
 * a fresh one in the file `master-key.next`, found there again by a run after one that broke off.
 */
export async function openNextKey(
  dataFolder: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<NextKey> {
  const { SLUICE_MASTER_KEY: current, SLUICE_NEW_MASTER_KEY: given } = environment;
  if (current !== undefined && current !== '') {
    if (given === undefined || given === '' || given === current) {
      throw new Error('SLUICE_MASTER_KEY counts here: set SLUICE_NEW_MASTER_KEY to the next one');
    }
    const seal = await openSeal(dataFolder, { SLUICE_MASTER_KEY: given });
    return { seal, adopt: async () => 'start control planes with the new SLUICE_MASTER_KEY' };
  }
  const [path, next] = [join(dataFolder, 'master-key'), join(dataFolder, 'master-key.next')];
  const text = (await readIfThere(next)) ?? (await makeKey(dataFolder, next));
  return {
    seal: createSeal(Buffer.from(text.trim(), 'hex')),
    adopt: async () => {
      const previous = join(dataFolder, 'master-key.previous');
      await rm(previous, { force: true });
      await link(path, previous);
      await rename(next, path);
      return `${previous} still opens backups made until now: move it to them, or delete it`;
    },
  };
}

/** Whether openSeal would find a master key, and not make one. */
export async function hasMasterKey(
  dataFolder: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  if (environment.SLUICE_MASTER_KEY) return true;
  return (await readIfThere(join(dataFolder, 'master-key'))) !== undefined;
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
