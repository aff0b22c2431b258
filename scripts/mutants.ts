import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutant, mutate, readMutants, root } from '../test/support/mutants.ts';
import { beginRun } from './leftovers.ts';

/**
 * Applies each mutant of test/mutants to a copy of the tree, one at a time, runs the tests that
 * must notice, and prints which did. Words name mutants to run instead of all. Ends with 1 when
 * one survives or does not apply any more, or when its tests fail without it.
 */

/** A mutant may make a test wait for what never comes. */
const testTimeoutMs = 60_000;
/** Brought by scripts/setup.sh, not by the repository. */
const installed = ['node_modules', '.cache', 'dist'];

interface Outcome {
  readonly code: number;
  /** Names of the tests that failed. */
  readonly failed: readonly string[];
}

/** A copy of the files as they are now, committed or not. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'sluice-mutants-'));
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  for (const file of files) {
    if (file !== '' && existsSync(join(root, file))) cpSync(join(root, file), join(copy, file));
  }
  for (const name of installed) symlinkSync(join(root, name), join(copy, name));
  return copy;
}

async function runTests(copy: string, { tests, pattern }: Mutant): Promise<Outcome> {
  const flags = ['--test', '--test-reporter=tap', `--test-timeout=${testTimeoutMs}`];
  if (pattern !== undefined) flags.push(`--test-name-pattern=${pattern}`);
  const child = spawn(process.execPath, [...flags, ...tests], {
    cwd: copy,
    env: { ...process.env, ...testRun.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const interrupt = () => child.kill('SIGKILL');
  stopping.signal.addEventListener('abort', interrupt);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  stopping.signal.throwIfAborted();
  const failed = [...output.matchAll(/^ *not ok \d+ - (.+)$/gm)].map(([, name = '']) => name);
  return { code: code ?? 1, failed };
}

/** @returns what is wrong; undefined when a test noticed */
async function judge(copy: string, mutant: Mutant): Promise<string | undefined> {
  const path = join(copy, mutant.file);
  const source = readFileSync(path, 'utf8');
  let changed: string;
  try {
    changed = mutate(source, mutant);
  } catch (error) {
    return `does not apply: ${(error as Error).message}`;
  }
  writeFileSync(path, changed);
  try {
    const { code, failed } = await runTests(copy, mutant);
    if (code === 0) return `SURVIVED ${mutant.tests.join(' ')}`;
    console.log(`${mutant.name}: killed by ${failed[0] ?? mutant.tests.join(' ')}`);
    return undefined;
  } finally {
    writeFileSync(path, source);
  }
}

/** Ends the run with what it has started and copied. */
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => stopping.abort(new Error(`ended by ${signal}`)));
}
const names = process.argv.slice(2);
const all = readMutants();
const unknown = names.find((name) => !all.some((mutant) => mutant.name === name));
if (unknown !== undefined) {
  console.error(`there is no mutant ${unknown} in test/mutants`);
  process.exit(2);
}
const mutants = all.filter(({ name }) => names.length === 0 || names.includes(name));
/** A mutant may leave behind what the tests would have ended. */
const testRun = beginRun();
const copy = copyTree();
/** Results of tests without a mutant: a test that fails anyway notices nothing. */
const sound = new Map<string, Outcome>();
let wrong = 0;
try {
  for (const mutant of mutants) {
    const key = JSON.stringify([mutant.tests, mutant.pattern]);
    const without = sound.get(key) ?? (await runTests(copy, mutant));
    sound.set(key, without);
    const fault =
      without.code === 0
        ? await judge(copy, mutant)
        : `its tests fail without it: ${without.failed.join(', ')}`;
    if (fault === undefined) continue;
    wrong += 1;
    console.log(`${mutant.name}: ${fault} (${mutant.promise})`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
  await testRun.finish();
}
console.log(`${mutants.length} mutants, ${mutants.length - wrong} killed, ${wrong} not`);
process.exitCode = wrong === 0 ? 0 : 1;
