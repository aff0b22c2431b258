import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from './support/ports.ts';
import { rootKey } from './support/sluice.ts';

const mainFile = fileURLToPath(new URL('../src/main.ts', import.meta.url));

interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

describe('the command sluice', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-command-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Runs the command to its end in an empty folder. */
  function sluice(...args: string[]): Promise<Ended> {
    const env = {
      PATH: process.env.PATH,
      ALIBABA_CLOUD_ACCESS_KEY_ID: rootKey.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
    };
    return new Promise((resolve) => {
      execFile(process.execPath, [mainFile, ...args], { cwd: folder, env }, (error, out, err) => {
        resolve({ code: error?.code ?? 0, out, err });
      });
    });
  }

  test('without arguments it tells what it can do', async () => {
    const { code, out } = await sluice();
    assert.equal(code, 0);
    assert.match(out, /^Sluice \d+\.\d+\.\d+\n.* sluice up /s);
  });

  test('version is that of the package', async () => {
    const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(text) as { version: string };
    assert.deepEqual(await sluice('version'), { code: 0, out: `${version}\n`, err: '' });
  });

  test('each command that starts a process has its help', async () => {
    for (const command of ['up', 'control-plane', 'forwarder']) {
      const { code, out, err } = await sluice(command, '--help');
      assert.deepEqual({ code, err }, { code: 0, err: '' });
      assert.match(out, new RegExp(`^sluice ${command} .*--data FOLDER`, 's'));
    }
  });

  test('actions and help print and end well', async () => {
    for (const args of [['actions'], ['help', 'RemoveBackendServers'], ['audit', '--help']]) {
      const { code, out, err } = await sluice(...args);
      assert.deepEqual({ code, err }, { code: 0, err: '' }, args.join(' '));
      assert.match(out, /RemoveBackendServers|sluice audit/);
    }
  });

  test('help of every command is what its own --help prints', async () => {
    const commands = ['up', 'control-plane', 'forwarder', 'stop', 'backup', 'restore', 'keys'];
    for (const command of [...commands, 'drains', 'console', 'audit']) {
      const [asked, own] = await Promise.all([sluice('help', command), sluice(command, '--help')]);
      assert.deepEqual(asked, own, command);
      assert.deepEqual({ code: own.code, err: own.err }, { code: 0, err: '' }, command);
      assert.match(own.out, new RegExp(`sluice ${command}`));
    }
    for (const command of ['help', 'actions', 'version']) {
      assert.match((await sluice('help', command)).out, /^Sluice \d/, command);
    }
  });

  test('each command that calls the API takes its address and whom to trust', async () => {
    for (const command of ['DescribeSites', 'drains', 'console', 'audit export', 'audit verify']) {
      const flags = ['--endpoint', 'https://127.0.0.1:1', '--ca', join(folder, 'none.pem')];
      const { code, err } = await sluice(...command.split(' '), ...flags);
      assert.deepEqual([command, code], [command, 2]);
      assert.match(err, /^sluice: cannot read the authorities to trust: ENOENT/, command);
    }
  });

  test('a setting or action that does not exist is one line and exit 2', async () => {
    assert.deepEqual(await sluice('up', '--lisen', '127.0.0.1:0'), {
      code: 2,
      out: '',
      err: 'sluice: unknown flag --lisen; did you mean --listen?\n',
    });
    const { code, err } = await sluice('RemoveBackendServer');
    assert.equal(code, 2);
    assert.match(err, /^sluice: no command or action RemoveBackendServer: .*RemoveBackendServers/);
  });

  test('a call without an answer is one line and exit 1', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const { code, out, err } = await sluice('DescribeLoadBalancers', '--endpoint', endpoint);
    assert.deepEqual({ code, out }, { code: 1, out: '' });
    assert.match(err, /^sluice: no answer from the API: connect ECONNREFUSED [^\n]*\n$/);
  });

  test('a start that fails says why in its last line and exits 1', async () => {
    const { code, err } = await sluice('control-plane', '--data', mainFile, '--metrics', 'off');
    assert.equal(code, 1);
    assert.match(err, /sluice: [^\n]*(EEXIST|ENOTDIR)[^\n]*\n$/);
  });
});
