import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beginRun } from './leftovers.ts';

/**
 * `check`: types, style and unit tests, in under a minute. `all`: these and everything under
 * test/, against real engines and clients. Files that are named run instead of all; flags go to
 * `node --test`, such as `--test-name-pattern=drain`. The runner's own counts are the last lines.
 */
const suites: Readonly<Record<string, readonly string[]>> = {
  check: ['src/**/*.test.ts', 'test/{tidy,mutants}.test.ts'],
  all: ['src/**/*.test.ts', 'test/**/*.test.ts'],
};

const root = fileURLToPath(new URL('..', import.meta.url));
/** A test that hangs is a failure, and says so while somebody still looks. */
const testTimeoutMs = 300_000;
/** Two even on one core: tests mostly wait. Eight at most: each may run a HAProxy of its own. */
const concurrency = Math.min(8, Math.max(2, availableParallelism()));

interface Outcome {
  readonly name: string;
  readonly code: number;
  readonly output: string;
}

/** Runs a program of node_modules/.bin to its end and keeps what it prints. */
function run(name: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(`${root}/node_modules/.bin/${name}`, args, { cwd: root });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', (error) => resolve({ name, code: 1, output: `${error.message}\n` }));
    child.on('close', (code) => resolve({ name, code: code ?? 1, output }));
  });
}

const counts = /ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

/**
 * Runs the tests with their output as it comes; resolves with the exit code. A run that leaves
 * something behind on the machine has failed. The runner tells the failures after its counts; the
 * counts are then told once more, so that they always close.
 */
async function runTests(patterns: readonly string[], testFlags: readonly string[]) {
  const files = globSync(patterns, { cwd: root }).sort();
  if (files.length === 0) throw new Error(`no test file matches ${patterns.join(' ')}`);
  const flags = [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${testTimeoutMs}`,
  ];
  const testRun = beginRun();
  const env = {
    ...process.env,
    ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
    ...testRun.environment,
  };
  const child = spawn(process.execPath, [...flags, ...testFlags, ...files], {
    cwd: root,
    env,
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  const counted: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(line);
    if (counts.test(line)) counted.push(line);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const left = await testRun.finish();
  for (const line of left) console.log(`left behind: ${line}`);
  if (code !== 0 || left.length > 0) console.log(`\n${counted.join('\n')}`);
  return code === 0 && left.length > 0 ? 1 : (code ?? 1);
}

const [suite = '', ...further] = process.argv.slice(2);
const named = further.filter((argument) => !argument.startsWith('-'));
const testFlags = further.filter((argument) => argument.startsWith('-'));
const patterns = suites[suite];
if (patterns === undefined) {
  console.error('usage: node scripts/test.ts check|all [test file …] [flags of node --test]');
  process.exit(2);
}
const statics = await Promise.all([
  run('tsc', ['--noEmit']),
  run('tsc', ['--noEmit', '--project', 'src/console']),
  run('biome', ['check', '.']),
]);
for (const { name, code, output } of statics) {
  console.log(code === 0 ? `${name}: ok` : `${name}: failed\n${output}`);
}
const testsCode = await runTests(named.length > 0 ? named : patterns, testFlags);
process.exitCode = statics.some(({ code }) => code !== 0) ? 1 : testsCode;
