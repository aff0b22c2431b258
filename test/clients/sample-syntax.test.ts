import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { actions } from '../../src/api/actions/index.ts';
import { type ActionDescription, describe } from '../../src/sdk/describe.ts';
import { type Field, fieldsOf } from '../../src/sdk/fields.ts';
import { aliyunCli } from '../../src/sdk/samples/aliyun-cli.ts';
import { csharp, quote as quoteCsharp } from '../../src/sdk/samples/csharp.ts';
import { php, quote as quotePhp } from '../../src/sdk/samples/php.ts';
import { python, quote as quotePython } from '../../src/sdk/samples/python.ts';
import { flatCall } from '../../src/sdk/samples/sample.ts';
import { typescript } from '../../src/sdk/samples/typescript.ts';
import { startEcho } from '../support/echo.ts';
import { rootKey } from '../support/sluice.ts';

/** Samples of every action, as far as each language's own compiler goes without its packages. */

const pythonFile = fileURLToPath(new URL('../../.cache/python/bin/python', import.meta.url));
const descriptions = actions.map(describe).filter((action) => !action.streams);
const endpoint = 'http://127.0.0.1:8080';
let folder: string;
before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sluice-syntax-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function kept(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** A value of the right type for every field, so that every name stands in the code. */
function fullValue({ type, members, name }: Field): unknown {
  const one = members === undefined ? `${name} "1"` : valuesOf(members);
  switch (type) {
    case 'integer':
    case 'number':
      return 7;
    case 'boolean':
      return true;
    case 'list':
      return [one];
    default:
      return one;
  }
}

function valuesOf(fields: readonly Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field.name, fullValue(field)]));
}

const fullRequest = (action: ActionDescription, to: string) => ({
  action,
  values: valuesOf(fieldsOf(action.parameters)),
  endpoint: to,
  headers: { 'x-sluice-dry-run': 'true' },
});

const texts = fc
  .sample(fc.string({ unit: 'binary', maxLength: 30 }), { numRuns: 500, seed: 11 })
  .concat([
    '\'"`\\',
    '\n\r\t\0',
    '$'.concat('{x}#{x}%{x}{$x}$x'),
    '\u2028\u2029\u202e',
    '*/ """ \'\'\'',
    '😀边',
  ])
  .map((text) => text.toWellFormed());

test('Python: every parameter of every action reaches the wire under its own name', async () => {
  const echo = await startEcho();
  try {
    const programs = descriptions.map((action) =>
      python.source(fullRequest(action, echo.endpoint)),
    );
    const runner = kept(
      'all.py',
      `import json, sys
for source in json.load(open(sys.argv[1])):
    space = {'__name__': 'sample'}
    exec(compile(source, 'sample.py', 'exec'), space)
    space['Sample'].main([])
`,
    );
    const env = {
      ...process.env,
      ALIBABA_CLOUD_ACCESS_KEY_ID: rootKey.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
    };
    const sources = kept('all.json', JSON.stringify(programs));
    await promisify(execFile)(pythonFile, ['-B', runner, sources], { env });
    for (const action of descriptions) {
      const sent = Object.keys(echo.calls.get(action.name) ?? {});
      const wanted = flatCall(fullRequest(action, echo.endpoint)).query.map(([name]) => name);
      // A list is one text here and flattened there, as the package has it.
      const top = (names: readonly string[]) => [...new Set(names.map((n) => n.split('.')[0]))];
      assert.deepEqual(top(sent).sort(), top(wanted).sort(), action.name);
    }
  } finally {
    echo.close();
  }
});

test('Python: texts are the same texts', () => {
  const program = kept('texts.py', `import json\nprint(json.dumps([${texts.map(quotePython)}]))\n`);
  assert.deepEqual(
    JSON.parse(execFileSync(pythonFile, ['-B', program], { encoding: 'utf8' })),
    texts,
  );
});

test('PHP: every sample is well formed, and texts are the same texts', () => {
  const sources = descriptions.map((action) => php.source(fullRequest(action, endpoint)));
  const list = kept('sources.json', JSON.stringify(sources));
  // Throws a ParseError where `php -l` would find one.
  const parser = `<?php foreach (json_decode(file_get_contents($argv[1])) as $source) {
    token_get_all($source, TOKEN_PARSE);
}
`;
  execFileSync('php', [kept('parse.php', parser), list], { stdio: 'pipe' });
  const broken = kept('broken.json', JSON.stringify(['<?php class {']));
  assert.throws(() => execFileSync('php', [kept('parse.php', parser), broken], { stdio: 'pipe' }));
  const program = kept('texts.php', `<?php echo json_encode([${texts.map(quotePhp)}]);\n`);
  assert.deepEqual(JSON.parse(execFileSync('php', [program], { encoding: 'utf8' })), texts);
});

test('C#: every sample is well formed, and texts are the same texts', () => {
  const files = descriptions.map((action, index) => {
    // They would all be one class.
    const source = csharp.source(fullRequest(action, endpoint));
    return kept(`${index}.cs`, source.replace('namespace AlibabaCloud', `namespace N${index}`));
  });
  execFileSync('mcs', ['--parse', ...files], { stdio: 'pipe' });
  const program = kept(
    'Texts.cs',
    `class Texts {
  static void Main() {
    foreach (string text in new string[] {${texts.map(quoteCsharp)}}) {
      foreach (char unit in text) System.Console.Write(((int) unit).ToString("x4"));
      System.Console.WriteLine();
    }
  }
}
`,
  );
  const built = path.join(folder, 'Texts.exe');
  execFileSync('mcs', [`-out:${built}`, program], { stdio: 'pipe' });
  const unitsOf = (text: string) =>
    Array.from({ length: text.length }, (_, at) =>
      text.charCodeAt(at).toString(16).padStart(4, '0'),
    ).join('');
  const printed = execFileSync('mono', [built], { encoding: 'utf8' });
  assert.deepEqual(printed.trimEnd().split('\n').length, texts.length);
  assert.deepEqual(printed.split('\n').slice(0, -1), texts.map(unitsOf));
});

test('aliyun CLI: a shell hands it the texts as they are', () => {
  const values = { GroupName: 'it\'s `$HOME` \\ \n "$(id)" 😀', Comments: '--x' };
  const action = descriptions.find(({ name }) => name === 'CreateGroup')!;
  const source = aliyunCli.source({ action, values, endpoint: 'https://[::1]:8443' });
  const script = `aliyun() { printf '%s\\0' "$@"; }\n${source}`;
  const words = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
  assert.deepEqual(words, [
    ...['ram', 'CreateGroup', '--endpoint', '[::1]:8443', '--region', 'cn-hangzhou'],
    ...['--GroupName', values.GroupName, '--Comments=--x'],
  ]);
});

test('TypeScript: the project asks for the versions that are run here', () => {
  const [action] = descriptions;
  const project = typescript.project(fullRequest(action!, endpoint));
  const { dependencies, devDependencies } = JSON.parse(project['package.json']!);
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).version, version, name);
  }
});
