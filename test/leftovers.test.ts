import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { beginRun } from '../scripts/leftovers.ts';
import { until } from './support/wait.ts';

const program = ['-e', 'setInterval(() => {}, 1000)'];

test('a run of the tests names what is left of it, and nothing of others', async (t) => {
  const run = beginRun(0);
  const { SLUICE_TEST_RUN: id = '', TMPDIR: folder = '' } = run.environment;
  const start = (env: NodeJS.ProcessEnv) => {
    const child = spawn(process.execPath, program, { env, detached: true, stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  const [own, other] = [start({ ...process.env, ...run.environment }), start(process.env)];
  writeFileSync(join(folder, 'forgotten'), '');
  const namespace = `${id}-forgotten`;
  execFileSync('ip', ['netns', 'add', namespace]);
  const found = await run.finish();
  assert.deepEqual(found, [
    `process ${own.pid}: ${process.execPath} ${program.join(' ')}`,
    `network namespace ${namespace}`,
    `temporary ${join(folder, 'forgotten')}`,
  ]);
  await until(() => own.signalCode === 'SIGKILL', { what: 'the end of what was left' });
  assert.equal(other.exitCode, null);
  assert.ok(!existsSync(folder));
  assert.ok(!execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).includes(namespace));
});

test('a run that leaves nothing names nothing', async () => {
  assert.deepEqual(await beginRun(0).finish(), []);
});
