import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { actions } from '../src/api/actions/index.ts';

/** The rules of CONTRIBUTING.md that a program can hold. */

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const files = (...patterns: string[]) =>
  globSync(patterns, { cwd: root, exclude: ['test/fixtures/**', '**/testdata/**'] }).sort();

const code = files('{src,test,scripts,bench}/**/*.{ts,tsx}');
const pages = files('*.md', 'docs/**/*.md');
const texts = [...code, ...pages, ...files('scripts/*.{sh,txt}', '.ci/*', '{package,knip}.json')];

/** Every line of `file` that `isWrong`, as `file:line`. */
function linesOf(file: string, isWrong: (line: string) => boolean): string[] {
  return read(file)
    .split('\n')
    .flatMap((line, index) => (isWrong(line) ? [`${file}:${index + 1}`] : []));
}

describe('imports point down only', () => {
  /** May be imported by all; import only one another. */
  const leaves = [
    'limits',
    'audit-limits',
    'reload-limits',
    'signing',
    'clock',
    'log',
    'usage',
    'access-key-pair',
    'sealing',
    'private-process',
  ].map((name) => `src/${name}.ts`);
  /** Those that call the API. */
  const callers = ['src/client.ts', 'src/signed-request.ts'];
  const common = [...leaves, ...callers];
  /** What each folder may import besides itself: files, or folders that end in a slash. */
  const allowed: Readonly<Record<string, readonly string[]>> = {
    'src/ram/': [],
    'src/elb/': [],
    'src/store/': common,
    'src/fleet/': ['src/store/', 'src/elb/', ...common],
    'src/forwarder/': ['src/elb/', 'src/fleet/protocol.ts', 'src/fleet/hash.ts', ...common],
    'src/api/': ['src/ram/', 'src/elb/', 'src/store/', 'src/fleet/', ...common],
    'src/cli/': ['src/api/actions/', 'src/sdk/', 'src/settings.ts', 'src/root-key.ts', ...common],
    'src/upkeep/': [
      ...['src/store/', 'src/api/seal.ts', 'src/settings.ts', 'src/root-key.ts'],
      ...common,
    ],
    'src/web/': ['src/api/', 'src/sdk/', 'src/store/store.ts', ...common],
    'src/sdk/samples/': ['src/sdk/fields.ts', 'src/sdk/describe.ts'],
    'src/sdk/': [
      ...['src/api/actions/', 'src/api/live/messages.ts', 'src/api/call.ts'],
      ...['src/api/errors.ts', 'src/api/answer.ts', 'src/ram/system-policies.ts'],
      ...common,
    ],
    // The policy editor knows RAM's own grammar: what it accepts, the API accepts.
    'src/console/': ['src/sdk/', 'src/ram/', 'src/limits.ts'],
    ...Object.fromEntries(
      callers.map((caller) => [caller, ['src/api/actions/action.ts', ...callers, ...leaves]]),
    ),
    ...Object.fromEntries(leaves.map((leaf) => [leaf, leaves])),
  };
  const pure = ['src/ram/', 'src/elb/'];

  /** Modules that a file names: relative ones as paths from the root. */
  function importsOf(file: string): string[] {
    const names = /(?:from|import)\s*\(?\s*'([^']+)'/g;
    return [...read(file).matchAll(names)].map(([, name = '']) =>
      name.startsWith('.') ? path.join(path.dirname(file), name) : name,
    );
  }
  const isIn = (file: string, place: string) =>
    place.endsWith('/') ? file.startsWith(place) : file === place;

  for (const file of code.filter((name) => !name.endsWith('.test.ts'))) {
    const [place, targets] =
      Object.entries(allowed).find(([each]) => isIn(file, each)) ?? ([] as const);
    if (place === undefined || targets === undefined) continue;
    test(file, () => {
      const wrong = importsOf(file).filter((target) =>
        target.startsWith('src/')
          ? ![place, ...targets].some((each) => isIn(target, each))
          : target.startsWith('test/') || pure.includes(place),
      );
      assert.deepEqual(wrong, []);
    });
  }

  test('what prints samples runs in a browser: of other places it takes types alone', () => {
    const own = ['src/sdk/fields.ts', ...code.filter((name) => /^src\/sdk\/samples\//.test(name))];
    const taken = own
      .filter((file) => !file.endsWith('.test.ts'))
      // Imports come first; further on stands code that is printed.
      .map((file) => read(file).split('\n\n')[0]!)
      .flatMap((text) => [...text.matchAll(/^import (?!type )[^']*'([^']+)'/gm)])
      .map(([, name = '']) => name);
    assert.deepEqual(
      taken.filter((name) => !/^\.\/[\w-]+\.ts$|^\.\.\/fields\.ts$|^fflate$/.test(name)),
      [],
    );
  });

  test('every file of src stands in a folder with a rule, or composes', () => {
    const composing = ['main', 'up', 'forward', 'running', 'bootstrap', 'sample', 'metrics'];
    const places = [
      ...Object.keys(allowed),
      ...[...composing, 'stop', 'settings', 'setting-values', 'root-key'].map(
        (name) => `src/${name}.ts`,
      ),
    ];
    const strays = code.filter(
      (file) =>
        file.startsWith('src/') &&
        !file.endsWith('.test.ts') &&
        !places.some((place) => isIn(file, place)),
    );
    assert.deepEqual(strays, []);
  });
});

test('every bound of limits.ts is held somewhere', () => {
  const files = ['src/limits.ts', 'src/audit-limits.ts', 'src/reload-limits.ts'];
  const text = files.map(read).join('\n');
  const bounds = [...text.matchAll(/^ {2}(\w+):/gm)].map(([, name = '']) => name);
  const users = code.filter((file) => !files.includes(file)).map(read);
  const isUsed = (name: string) =>
    users.some((text) => new RegExp(`\\b(limits|bounds)\\.${name}\\b`).test(text));
  assert.ok(bounds.length > 0);
  assert.deepEqual(
    bounds.filter((name) => !isUsed(name)),
    [],
  );
});

describe('sizes', () => {
  test('no file over 20 KB', () => {
    const sizes = code.map((file) => ({ file, bytes: Buffer.byteLength(read(file)) }));
    assert.deepEqual(
      sizes.filter(({ bytes }) => bytes > 20_480),
      [],
    );
  });

  test('no line over 100 columns', () => {
    const isLong = (line: string) => [...line].length > 100;
    assert.deepEqual(
      [...code, ...files('scripts/*.sh')].flatMap((file) => linesOf(file, isLong)),
      [],
    );
  });

  test('no function over 70 lines', () => {
    const long = code.flatMap((file) =>
      functionsOf(read(file))
        .filter(({ lines }) => lines > 70)
        .map(({ start, lines }) => `${file}:${start}: ${lines} lines`),
    );
    assert.deepEqual(long, []);
  });

  test('the scan for functions sees methods, arrows and long signatures, and no blocks', () => {
    const body = '  go();\n'.repeat(3);
    const lines = (text: string) => functionsOf(text).map((found) => found.lines);
    assert.deepEqual(lines(`function a() {\n${body}}\n`), [5]);
    assert.deepEqual(lines(`async function a(\n  b: string,\n): Promise<void> {\n${body}}\n`), [7]);
    assert.deepEqual(lines(`const a = async (b) => {\n${body}};\n`), [5]);
    assert.deepEqual(lines('class A {\n  async b(): Promise<void> {\n    go();\n  }\n}\n'), [3]);
    assert.deepEqual(lines(`if (\n  a &&\n  b\n) {\n${body}}\nfor (;;) {\n${body}}\n`), []);
    assert.deepEqual(lines(`describe('a', () => {\n${body}});\n`), []);
  });
});

/** Functions of formatted source: where each starts and how long it is, by its indentation. */
function functionsOf(text: string): { readonly start: number; readonly lines: number }[] {
  const lines = text.split('\n');
  const indentOf = (line: string) => line.length - line.trimStart().length;
  const block = /^(if|for|while|switch|catch|do|try|class|interface|describe)\b|^\} (else|catch)/;
  return lines.flatMap((line, index) => {
    if (!/(\)|=>|\): [^=]+) \{$/.test(line)) return [];
    const indent = indentOf(line);
    let start = index;
    // A signature that was broken over lines starts where its indentation was last seen.
    if (/^[)\]}]/.test(line.trimStart())) {
      do start -= 1;
      while (start > 0 && (lines[start] === '' || indentOf(lines[start]!) > indent));
    }
    if (block.test(lines[start]!.trimStart())) return [];
    const length = lines
      .slice(index + 1)
      .findIndex((each) => indentOf(each) === indent && each.trimStart().startsWith('}'));
    return [{ start: start + 1, lines: index - start + length + 2 }];
  });
}

describe('nothing dead, nothing unfinished', () => {
  test('every file is imported, every export is used', () => {
    const knip = path.join(root, 'node_modules/.bin/knip');
    try {
      execFileSync(knip, ['--no-progress'], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      assert.fail(`${stdout}${stderr}`);
    }
  });

  test('no test is left out or singled out', () => {
    const marks = /\b(test|it|describe)\.(only|skip|todo)\b|\{ *(only|skip|todo): *true/;
    assert.deepEqual(
      code.flatMap((file) => linesOf(file, (line) => marks.test(line))),
      [],
    );
  });

  test('no work is left for later', () => {
    const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
    assert.deepEqual(
      texts.flatMap((file) => linesOf(file, (line) => marks.test(line))),
      [],
    );
  });

  test('no path of one machine, no name of a package registry', () => {
    const folders = ['work', 'root', 'home', 'Users'].join('|');
    const hosts = ['registry.npmjs', 'npmmirror', 'pypi', 'pythonhosted', 'proxy.golang'].join('|');
    const marks = new RegExp(`(^|[\\s'"\`(=:])/(${folders})/\\w|\\b(${hosts})\\.(org|com|io)\\b`);
    assert.deepEqual(
      texts.flatMap((file) => linesOf(file, (line) => marks.test(line))),
      [],
    );
  });
});

describe('documents', () => {
  /** Rows of a table in docs/compatibility.md: action and how far it is served. */
  const rows = [...read('docs/compatibility.md').matchAll(/^\| (\w+) \| (\w+) \|/gm)]
    .map(([, action = '', served = '']) => ({ action, served }))
    .filter(({ served }) => ['full', 'partial', 'absent'].includes(served));

  test('docs/compatibility.md lists every action of the catalogue as served', () => {
    const listed = rows.filter(({ served }) => served !== 'absent').map(({ action }) => action);
    assert.deepEqual(listed.sort(), actions.map(({ name }) => name).sort());
  });

  test('docs/compatibility.md lists no action twice', () => {
    const names = rows.map(({ action }) => action);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
  });

  describe('docs/compatibility.md tells what shows the effect of each parameter', () => {
    const page = read('docs/compatibility.md').split('## What shows the effect')[1] ?? '';
    const [ofListeners = '', ofOthers = ''] = page.split('Of the other actions');
    const cells = (text: string) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .map((line) => line.split('|').map((cell) => cell.trim()))
        .map(([, name = '', ...rest]) => [name, rest] as const);
    const family = actions.filter(
      ({ name, product }) => product === 'Ens' && /LoadBalancer|Listener|BackendServers/.test(name),
    );
    const kinds = ['TCP', 'UDP', 'HTTP', 'HTTPS'];

    // Monitoring shows what traffic was: its parameters have no effect on any.
    for (const { name, input } of family.filter((each) => !/Monitor/.test(each.name))) {
      test(name, () => {
        const [, kind = ''] =
          /^(?:Create|Set)LoadBalancer([A-Z]+)Listener(?:Attribute)?$/.exec(name) ?? [];
        const shown = kinds.includes(kind)
          ? cells(ofListeners).filter(([, rest]) => rest[kinds.indexOf(kind)] !== '')
          : cells(ofOthers.split('\n## ')[0] ?? '');
        const named = shown.map(([parameter]) => parameter);
        const absent = Object.keys(input.shape).filter((each) => !named.includes(each));
        assert.deepEqual(absent, []);
      });
    }

    test('every test that it names exists', () => {
      const stems = cells(ofListeners)
        .slice(1)
        .flatMap(([, rest]) => rest.join(', ').split(', '))
        .filter((stem) => stem !== '' && !['probes', 'kept and shown'].includes(stem));
      const paths = [...ofOthers.matchAll(/`([\w/-]+\.test\.ts)`/g)].map(([, name = '']) => name);
      const missing = [
        ...stems.filter(
          (stem) =>
            !existsSync(path.join(root, `test/engine/${stem}.test.ts`)) &&
            !existsSync(path.join(root, `test/engine/${stem}.ts`)),
        ),
        ...paths.filter((name) => !existsSync(path.join(root, name))),
      ];
      assert.deepEqual(missing, []);
    });
  });

  test('CHANGELOG.md has a section for what is not released', () => {
    assert.match(read('CHANGELOG.md'), /^## Unreleased$/m);
  });

  test('every link to a file of the repository has its file', () => {
    const dead = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^):#]+)(#[^)]*)?\)/g)]
        .map(([, target = '']) => path.join(path.dirname(page), target))
        .filter((target) => !existsSync(path.join(root, target)))
        .map((target) => `${page}: ${target}`),
    );
    assert.deepEqual(dead, []);
  });

  test('every npm script that a page names exists', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm (?:run (?:-s )?)([\w:]+)/g)].map(([, name = '']) => name),
    );
    assert.deepEqual(
      named.filter((name) => scripts[name] === undefined),
      [],
    );
  });
});
