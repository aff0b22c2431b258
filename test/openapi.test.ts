import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { rootKey, type Sluice, startSluice } from './support/sluice.ts';

/** Has schemathesis and a validator; `scripts/setup.sh --test` makes it. */
const tools = fileURLToPath(new URL('../.cache/openapi/bin/', import.meta.url));
const hooks = fileURLToPath(new URL('clients/', import.meta.url));

/** Those whose answers have no end. */
const streams = 'WatchSite|WatchLoadBalancers?$';

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'response_schema_conformance',
  'signature_holds',
].join(',');

let sluice: Sluice;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-openapi-'));
  sluice = await startSluice({ mode: 'control-plane', flags: ['--throttle', 'off'] });
});
after(async () => {
  await sluice?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('openapi.json', () => {
  test('is OpenAPI 3.1', async () => {
    const file = join(folder, 'openapi.json');
    await writeFile(file, await (await fetch(`${sluice.endpoint}/openapi.json`)).text());
    const { code, output } = await run('openapi-spec-validator', ['--schema', '3.1', file]);
    assert.equal(code, 0, output);
  });

  test('calls made from it are answered as it says, and none is a fault', async () => {
    const { code, output } = await run('schemathesis', [
      ...['run', `${sluice.endpoint}/openapi.json`, '--url', sluice.endpoint],
      ...['--exclude-operation-id-regex', streams, '--seed', '7', '--max-examples', '4'],
      ...['--phases', 'examples,fuzzing', '--generation-database', 'none', '--no-color'],
      ...['--checks', checks],
    ]);
    assert.equal(code, 0, output);
  });
});

function run(tool: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const env = {
    ...process.env,
    PYTHONPATH: hooks,
    PYTHONDONTWRITEBYTECODE: '1',
    SCHEMATHESIS_HOOKS: 'signed_requests',
    SLUICE_TEST_KEY: rootKey.accessKeyId,
    SLUICE_TEST_SECRET: rootKey.accessKeySecret,
  };
  return new Promise((resolve, reject) => {
    const options = { env, cwd: folder, maxBuffer: 64 * 1024 * 1024 };
    execFile(join(tools, tool), args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code !== 'number') reject(error);
      else resolve({ code, output: `${stdout}\n${stderr}` });
    });
  });
}
