import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessKeyPair } from './access-key-pair.ts';
import { openSeal } from './api/seal.ts';
import type { Seal } from './sealing.ts';

const fileName = 'root-access-key.json';
const context = 'root-access-key';

/**
 * The root access key that this data folder keeps (sealed with its master key), so that the
 * command line works on this machine without settings. Undefined when there is none.
 * @throws when the file is there but cannot be opened with the folder's master key
 */
export async function readRootAccessKey(dataFolder: string): Promise<AccessKeyPair | undefined> {
  const kept = await read(dataFolder);
  if (kept === undefined) return undefined;
  const seal = await openSeal(dataFolder);
  return { accessKeyId: kept.accessKeyId, accessKeySecret: seal.open(kept.sealed, context) };
}

/** Whether the data folder keeps a root access key, which it does from the first start on. */
export async function hasRootAccessKey(dataFolder: string): Promise<boolean> {
  return (await read(dataFolder)) !== undefined;
}

interface Kept {
  readonly accessKeyId: string;
  readonly sealed: string;
}

async function read(dataFolder: string): Promise<Kept | undefined> {
  try {
    return JSON.parse(await readFile(join(dataFolder, fileName), 'utf8')) as Kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Keeps a root access key for `readRootAccessKey`; mode 600, replaced whole. */
export async function keepRootAccessKey(dataFolder: string, pair: AccessKeyPair): Promise<void> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await write(dataFolder, pair, await openSeal(dataFolder));
}

/**
 * Seals what `keepRootAccessKey` keeps with another master key, the one that comes to count. What
 * a run that was broken off has sealed with it already stays.
 */
export async function resealRootAccessKey(dataFolder: string, to: Seal): Promise<void> {
  const kept = await read(dataFolder);
  if (kept === undefined) return;
  try {
    to.open(kept.sealed, context);
  } catch {
    // Still under the key that counts.
    const secret = (await openSeal(dataFolder)).open(kept.sealed, context);
    await write(dataFolder, { accessKeyId: kept.accessKeyId, accessKeySecret: secret }, to);
  }
}

async function write(dataFolder: string, pair: AccessKeyPair, seal: Seal): Promise<void> {
  const sealed = seal.seal(pair.accessKeySecret, context);
  const path = join(dataFolder, fileName);
  const text = `${JSON.stringify({ v: 1, accessKeyId: pair.accessKeyId, sealed }, null, 2)}\n`;
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
