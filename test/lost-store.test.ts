import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { masterKey, rootKey, startSluice } from './support/sluice.ts';

const mainFile = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A data folder of a control plane that was killed after it had answered changes. */
async function killed(t: TestContext): Promise<string> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'lost-'));
  t.after(() => rmSync(dataFolder, { recursive: true }));
  const sluice = await startSluice({ mode: 'control-plane', dataFolder });
  const site = { EnsRegionId: 'local', AddressPool: '127.0.0.0/24' };
  await sluice.client.call('Sluice', 'RegisterSite', site);
  await sluice.kill('SIGKILL');
  await sluice.stop();
  return dataFolder;
}

/** How a start on the folder ends, which must not be `ready`. */
function startAgain(dataFolder: string) {
  const args = ['control-plane', '--data', dataFolder, '--listen', '127.0.0.1:0'];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [mainFile, ...args, '--metrics', 'off', '--log-level', 'silent'],
    {
      encoding: 'utf8',
      env: {
        ...process.env,
        SLUICE_MASTER_KEY: masterKey,
        SLUICE_ROOT_ACCESS_KEY_ID: rootKey.accessKeyId,
        SLUICE_ROOT_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
      },
      timeout: 60_000,
    },
  );
  return { status, stdout, stderr };
}

const losses = {
  'its file': { isLost: (name: string) => name === 'store.db', says: /store\.db is gone/ },
  'its log': { isLost: (name: string) => name === 'store.db-wal', says: /store\.db-wal is gone/ },
  'all of its files': {
    isLost: (name: string) => name.startsWith('store.db'),
    says: /the store is empty, and .* has the root access key/,
  },
};

for (const [what, { isLost, says }] of Object.entries(losses)) {
  test(`a control plane does not start without ${what}, and says what to do`, async (t) => {
    const dataFolder = await killed(t);
    for (const name of readdirSync(dataFolder).filter(isLost)) rmSync(join(dataFolder, name));
    const { status, stdout, stderr } = startAgain(dataFolder);
    assert.match(stderr, says);
    assert.match(stderr, /^sluice: [^\n]*restore a backup[^\n]*\n$/);
    assert.equal(stdout, '');
    assert.equal(status, 1);
  });
}
