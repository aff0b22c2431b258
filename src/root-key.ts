import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessKeyPair } from './access-key-pair.ts';
import { openSeal } from './api/seal.ts';

const fileName = 'root-access-key.json';
const context = 'root-access-key';

/**
 * The root access key that this data folder keeps (sealed with its master key), so that the
 * command line works on this machine without settings. Undefined when there is none.
 * @throws when the file is there but cannot be opened with the folder's master key
 */
export async function readRootAccessKey(dataFolder: string): Promise<AccessKeyPair | undefined> {
  const path = join(dataFolder, fileName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { accessKeyId, sealed } = JSON.parse(text) as { accessKeyId: string; sealed: string };
  const seal = await openSeal(dataFolder);
  return { accessKeyId, accessKeySecret: seal.open(sealed, context) };
}

/** Keeps a root access key for `readRootAccessKey`; mode 600, replaced whole. */
export async function keepRootAccessKey(dataFolder: string, pair: AccessKeyPair): Promise<void> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const seal = await openSeal(dataFolder);
  const sealed = seal.seal(pair.accessKeySecret, context);
  const path = join(dataFolder, fileName);
  const text = `${JSON.stringify({ v: 1, accessKeyId: pair.accessKeyId, sealed }, null, 2)}\n`;
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
