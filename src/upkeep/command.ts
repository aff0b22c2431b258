import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasMasterKey, openNextKey, openSeal } from '../api/seal.ts';
import { keepRootAccessKey, resealRootAccessKey } from '../root-key.ts';
import { readStoreSettings } from '../settings.ts';
import { isoSeconds } from '../signing.ts';
import { openStore } from '../store/open.ts';
import { readSnapshot } from '../store/snapshot.ts';
import { type Environment, UsageError } from '../usage.ts';
import { checkBackup, writeBackup } from './backup.ts';
import { restore } from './restore.ts';
import { finish, resealAll } from './rotate.ts';

interface Where {
  readonly dataFolder: string;
  readonly store: string;
}

interface Output {
  write(text: string): void;
  /** Standard error. */
  warn(text: string): void;
}

const usage = {
  keys: 'sluice keys rotate [--control-planes-stopped] [--data FOLDER] [--store STORE]',
  backup: 'sluice backup FILE [--with-master-key] [--data FOLDER] [--store STORE]',
  restore: 'sluice restore FILE [--data FOLDER] [--store STORE]',
} as const;

const switches = { keys: '--control-planes-stopped', backup: '--with-master-key', restore: '' };

/**
 * `sluice keys rotate`, `sluice backup FILE` and `sluice restore FILE`: work on a whole store.
 * @throws UsageError for what is not understood; Error with the reason when nothing was done
 */
export async function runUpkeep(
  command: keyof typeof usage,
  [word = '', ...args]: readonly string[],
  environment: Environment,
  output: Output,
): Promise<void> {
  if (word === '--help') return output.write(`${usage[command]}\n`);
  const isSwitch = (text: string) => text === switches[command];
  const isWrong = command === 'keys' ? word !== 'rotate' : word === '' || word.startsWith('-');
  if (isWrong) throw new UsageError(`usage: ${usage[command]}`);
  const where = readStoreSettings(
    args.filter((text) => !isSwitch(text)),
    environment,
  );
  switch (command) {
    case 'keys':
      return rotate(where, args.some(isSwitch), output);
    case 'backup':
      return backup(where, word, args.some(isSwitch), output);
    case 'restore':
      return restoreFrom(where, word, output);
  }
}

async function rotate(where: Where, areStopped: boolean, output: Output): Promise<void> {
  const { dataFolder, store: spec } = where;
  if (!spec.startsWith('sqlite:') && !areStopped) {
    throw new UsageError(
      'stop every control plane of this store first (traffic goes on), then add ' +
        '--control-planes-stopped',
    );
  }
  if (!(await hasMasterKey(dataFolder))) throw new Error(`there is no master key in ${dataFolder}`);
  const [from, next] = [await openSeal(dataFolder), await openNextKey(dataFolder)];
  const store = await openStore(spec, { dataFolder });
  try {
    const count = await resealAll(store, from, next.seal);
    await resealRootAccessKey(dataFolder, next.seal);
    const left = await next.adopt();
    await finish(store);
    output.write(`${count} records are sealed with the new master key\n`);
    output.warn(`${left}\n`);
  } finally {
    await store.close();
  }
}

async function backup(
  { dataFolder, store }: Where,
  path: string,
  withKey: boolean,
  output: Output,
): Promise<void> {
  const keyFile = join(dataFolder, 'master-key');
  const masterKey = withKey ? await readFile(keyFile, 'utf8') : undefined;
  const keeper = process.env.SLUICE_MASTER_KEY ? 'SLUICE_MASTER_KEY' : keyFile;
  const snapshot = await readSnapshot(store, dataFolder);
  try {
    const { revision } = snapshot;
    const records = await writeBackup(path, snapshot, {
      sluice: 'backup',
      v: 1,
      revision,
      time: isoSeconds(Date.now()),
      ...(masterKey === undefined ? {} : { masterKey: masterKey.trim() }),
    });
    output.write(`${path}: ${records} records as of revision ${revision}\n`);
    output.warn(
      withKey
        ? 'THE MASTER KEY IS IN IT: whoever reads this file can read every secret of the store.\n'
        : 'THE MASTER KEY IS NOT IN IT: without the one in use now it cannot be restored. Keep ' +
            `${keeper} too, in another place.\n`,
    );
  } finally {
    snapshot.close();
  }
}

async function restoreFrom({ dataFolder, store }: Where, path: string, output: Output) {
  const { revision, masterKey } = await checkBackup(path);
  if (!(await hasMasterKey(dataFolder))) {
    if (masterKey === undefined) {
      throw new Error(
        `${path} has no master key: put the one of its time into ${dataFolder} as master-key, ` +
          'or set SLUICE_MASTER_KEY',
      );
    }
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    const keyFile = join(dataFolder, 'master-key');
    await writeFile(keyFile, `${masterKey}\n`, { flag: 'wx', mode: 0o600, flush: true });
  }
  const seal = await openSeal(dataFolder);
  const done = await restore({ path, revision, seal, store, dataFolder });
  if (done.rootAccessKey !== undefined) await keepRootAccessKey(dataFolder, done.rootAccessKey);
  output.write(`what stood at revision ${revision} stands at ${done.revision}\n`);
  if (done.revision > revision) return;
  output.warn(
    'forwarders that know a later revision refuse this one: delete forwarder/journal in their ' +
      'data folders and start them again\n',
  );
}
