import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe as group, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { actions } from '../../api/actions/index.ts';
import { describe } from '../describe.ts';
import { languages } from './index.ts';
import { filled, flatCall, type SampleRequest } from './sample.ts';
import { shellWord } from './text.ts';
import { quote } from './typescript.ts';
import { zip } from './zip.ts';

const actionNamed = (name: string) => describe(actions.find((action) => action.name === name)!);

const removal: SampleRequest = {
  action: actionNamed('RemoveBackendServers'),
  values: {
    LoadBalancerId: 'lb-5example',
    BackendServers: [{ ServerId: 'i-5example', Port: 8080 }, { ServerId: "i-5'other" }],
  },
  endpoint: 'http://127.0.0.1:8080',
  headers: { 'x-sluice-dry-run': 'true' },
};

const creation: SampleRequest = {
  ...removal,
  action: actionNamed('CreateNetwork'),
  values: { EnsRegionId: 'edge-1', CidrBlock: '10.0.0.0/8', Description: '$'.concat('{a} %{b}') },
};

group('the sample of a call is as it is kept in testdata/', () => {
  for (const language of languages) {
    const request = language.offers(removal.action) ? removal : creation;
    test(language.id, () => {
      const kept = new URL(`testdata/${language.id}.txt`, import.meta.url);
      assert.equal(language.source(request), readFileSync(kept, 'utf8'));
    });
  }
});

test('every action has a sample in every language that offers it, and a command line', () => {
  for (const action of actions.map(describe)) {
    const request = { ...removal, action, values: {} };
    const offering = languages.filter((each) => each.offers(action));
    assert.ok(offering.some(({ id }) => id === 'sluice-cli'));
    for (const each of offering) assert.match(each.source(request), /\n$/, each.id);
  }
});

test('what is empty is left out, at any depth, and what the action does not know', () => {
  const values = {
    'x"; rm()': 'y',
    LoadBalancerId: '',
    BackendServers: [{ Weight: 0, ServerId: 'i-1', Ip: '', 'a=1)#': 2 }, { Type: null }],
  };
  assert.deepEqual(filled({ action: removal.action, values }), {
    BackendServers: [{ ServerId: 'i-1', Weight: 0 }],
  });
  assert.deepEqual(filled({ action: removal.action, values: { BackendServers: [] } }), {});
});

test('lists go out as one JSON text, or flattened where the service takes nothing else', () => {
  const values = { CidrBlock: { a: 1 }, EnableIpv6: false, Tag: [{ Key: 'k', Value: 'v' }] };
  assert.deepEqual(flatCall(removal).query, [
    ['LoadBalancerId', 'lb-5example'],
    ['BackendServers', '[{"ServerId":"i-5example","Port":8080},{"ServerId":"i-5\'other"}]'],
  ]);
  const { query } = flatCall({ ...creation, values });
  assert.deepEqual(Object.fromEntries(query), {
    CidrBlock: '{"a":1}',
    EnableIpv6: 'false',
    'Tag.1.Key': 'k',
    'Tag.1.Value': 'v',
  });
});

test('no sample holds a key, and every project has a README and the source', () => {
  for (const language of languages) {
    const request = language.offers(removal.action) ? removal : creation;
    const files = Object.values(language.project(request));
    assert.ok(files.includes(language.project(request)['README.md']!));
    assert.ok(files.some((text) => text.includes(language.source(request))));
    assert.doesNotMatch(files.join('\n'), /access_?key_?(id|secret) *[:=] *['"]/i);
  }
});

test('a text as TypeScript has it is the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(runInNewContext(quote(text)), text);
      assert.doesNotMatch(quote(text), /[\n\r\u2028\u2029]/);
    }),
  );
});

test('a shell word holds no open quote', () => {
  assert.equal(shellWord('a-b.1'), 'a-b.1');
  assert.equal(shellWord("it's $HOME"), "'it'\\''s $HOME'");
  assert.equal(shellWord(''), "''");
  assert.equal(shellWord('a\u0003b\n\u202E'), "$'a\\x03b\\n\\xe2\\x80\\xae'");
});

test('a zip holds the files of the project in one folder', () => {
  const files = unzipSync(zip({ 'src/a.txt': 'é😀', 'README.md': 'b' }, 'sample'));
  assert.deepEqual(Object.keys(files), ['sample/src/a.txt', 'sample/README.md']);
  assert.equal(Buffer.from(files['sample/src/a.txt']!).toString(), 'é😀');
});
