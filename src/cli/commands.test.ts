import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { z } from 'zod';
import { type Action, defineAction, documentedLimits } from '../api/actions/action.ts';
import { RpcError } from '../client.ts';
import { keepRootAccessKey } from '../root-key.ts';
import { runCommand } from './commands.ts';
import { fakeTerminal, key } from './fake-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
after(() => rmSync(folder, { recursive: true }));

const RemoveThings = defineAction({
  name: 'RemoveThings',
  product: 'Ens',
  access: 'update',
  summary: 'Removes things.',
  description: 'All at once or none.',
  input: z.object({
    LoadBalancerId: z.string().describe('Whose.'),
    Things: z
      .array(z.object({ ServerId: z.string(), Port: z.int().min(0).max(65_535).optional() }))
      .describe('The things.'),
    Names: z.array(z.string()).optional(),
    Mode: z.enum(['soft', 'hard']).default('soft').describe('How.'),
  }),
  output: z.object({}),
  errors: ['LoadBalancerNotFound', 'Missing%s'],
  limits: documentedLimits,
  run: async () => ({}),
});
const WatchThings: Action = {
  ...RemoveThings,
  name: 'WatchThings',
  product: 'Sluice',
  async *stream() {},
};
const actions = [RemoveThings, WatchThings];
const clock = { now: () => 0, sleep: async () => {} };

async function run(argv: readonly string[], terminal = fakeTerminal()) {
  const code = await runCommand(argv, actions, terminal, clock);
  return { code, ...terminal };
}

describe('sluice <Action>', () => {
  test('sends each parameter as the API has it: texts as they are, lists as lists', async () => {
    const { code, calls } = await run([
      ...['RemoveThings', '--LoadBalancerId', 'lb-1', '--Mode=hard'],
      ...['--Things', '[{"ServerId":"i-1","Port":80}]', '--Names', 'a', '--Names', 'b'],
    ]);
    assert.equal(code, 0);
    assert.deepEqual(calls, [
      {
        product: 'Ens',
        action: 'RemoveThings',
        parameters: {
          LoadBalancerId: 'lb-1',
          Things: [{ ServerId: 'i-1', Port: 80 }],
          Names: ['a', 'b'],
          Mode: 'hard',
        },
        headers: {},
      },
    ]);
  });

  test('a list of objects may be given one object a flag', async () => {
    const flags = ['--Things', '{"ServerId":"i-1"}', '--Things', '{"ServerId":"i-2"}'];
    const { calls } = await run(['RemoveThings', ...flags]);
    assert.deepEqual(calls[0]?.parameters.Things, [{ ServerId: 'i-1' }, { ServerId: 'i-2' }]);
  });

  test('the shortcuts and --header travel as headers', async () => {
    const { calls } = await run([
      ...['RemoveThings', '--if-revision', '7', '--dry-run', '--drain-seconds', '0'],
      ...['--confirm-wait', '50', '--header', 'X-Trace=a=b'],
    ]);
    assert.deepEqual(calls[0]?.headers, {
      'x-sluice-if-revision': '7',
      'x-sluice-dry-run': 'true',
      'x-sluice-drain-seconds': '0',
      'x-sluice-confirm-wait': '50',
      'x-trace': 'a=b',
    });
  });

  test('the answer goes to standard output, what its headers say to standard error', async () => {
    const terminal = fakeTerminal(() => ({
      body: { RequestId: 'r' },
      headers: {
        'x-sluice-revision': '1042',
        'x-sluice-applied': '2/3',
        'x-sluice-ignored': 'i-9',
      },
    }));
    const { out, err } = await run(['RemoveThings'], terminal);
    assert.deepEqual(JSON.parse(out()), { RequestId: 'r' });
    assert.equal(err(), 'revision 1042; applied by 2 of 3 forwarders; not attached: i-9\n');
  });

  test('--output table shows single values, then each list', async () => {
    const terminal = fakeTerminal(() => ({
      body: {
        RequestId: 'r',
        LoadBalancerId: 'lb-1',
        BackendServers: { BackendServer: [{ ServerId: 'i-1', Port: 80 }, { ServerId: 'i-22' }] },
      },
      headers: {},
    }));
    const { out } = await run(['RemoveThings', '--output', 'table'], terminal);
    assert.equal(
      out(),
      'LoadBalancerId  lb-1\n\nBackendServer\nServerId  Port\ni-1       80\ni-22\n',
    );
  });

  test('an error prints code, message, request id and advice, and exits 1', async () => {
    const terminal = fakeTerminal(() => {
      throw new RpcError({
        status: 400,
        headers: { 'x-sluice-detail': 'lb-1 is none.' },
        body: { Code: 'Nope', Message: 'No such thing.', RequestId: 'r', Recommend: 'http://x' },
      });
    });
    const { code, out, err } = await run(['RemoveThings'], terminal);
    assert.equal(code, 1);
    assert.equal(out(), '');
    assert.equal(
      err(),
      'Code: Nope\nMessage: No such thing.\nDetail: lb-1 is none.\nRequestId: r\n' +
        'Recommend: http://x\n',
    );
  });

  test('no answer is said in one line, and exits 1', async () => {
    const terminal = fakeTerminal(() => {
      throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:8080'), {
        code: 'ECONNREFUSED',
      });
    });
    const { code, err } = await run(['RemoveThings'], terminal);
    assert.equal(code, 1);
    assert.match(err(), /^sluice: no answer from the API: connect ECONNREFUSED .* npm start/);
  });

  test('a stream is printed line by line', async () => {
    const terminal = fakeTerminal(undefined, ['{"a":1}', '{"a":2}']);
    const { out } = await run(['WatchThings'], terminal);
    assert.equal(out(), '{"a":1}\n{"a":2}\n');
  });

  test('every client is closed, also after an error', async () => {
    const terminal = fakeTerminal(() => {
      throw new Error('boom');
    });
    await assert.rejects(run(['RemoveThings'], terminal), /boom/);
    assert.deepEqual(terminal.open(), 0);
  });
});

describe('mistakes in what was typed', () => {
  const mistakes: readonly [string, RegExp][] = [
    ['RemoveThing', /^no command or action RemoveThing: did you mean RemoveThings\?$/],
    ['dranis', /did you mean drains\?$/],
    ['Frobnicate', /^no command or action Frobnicate: sluice actions lists all$/],
    ['RemoveThings --loadBalancerID x', /did you mean --LoadBalancerId\?$/],
    ['RemoveThings --Things [{', /^--Things is no JSON: /],
    ['RemoveThings --Mode a --Mode b', /^--Mode is given twice$/],
    ['RemoveThings --output yaml', /^--output: "yaml" is not one of json, table$/],
    ['RemoveThings --header x', /^--header: "x" is not NAME=VALUE$/],
    ['RemoveThings --endpoint localhost', /^"localhost" is not an address such as/],
    ['RemoveThings extra', /^unexpected extra$/],
    ['actions extra', /^unexpected extra$/],
  ];
  for (const [line, message] of mistakes) {
    test(`"${line}" is one clear line and no call`, async () => {
      const terminal = fakeTerminal();
      await assert.rejects(run(line.split(' '), terminal), { name: 'UsageError', message });
      assert.deepEqual(terminal.calls, []);
    });
  }
});

describe('where the key and the endpoint come from', () => {
  test('flags and variables first', async () => {
    const terminal = fakeTerminal();
    terminal.environment.ALIBABA_CLOUD_SECURITY_TOKEN = 'token';
    await run(['RemoveThings', '--endpoint', 'https://edge:1'], terminal);
    assert.deepEqual(terminal.connections, [
      { endpoint: 'https://edge:1', ...key, securityToken: 'token' },
    ]);
  });

  test('the data folder of a Sluice on this machine otherwise', async () => {
    const kept = { accessKeyId: 'kept', accessKeySecret: 'kept-secret' };
    await keepRootAccessKey(folder, kept);
    const terminal = fakeTerminal();
    terminal.environment = { SLUICE_DATA: folder, SLUICE_ENDPOINT: 'http://10.0.0.1:80' };
    await run(['RemoveThings'], terminal);
    assert.deepEqual(terminal.connections, [{ endpoint: 'http://10.0.0.1:80', ...kept }]);
  });

  test('none anywhere: a line that says what to set', async () => {
    const terminal = fakeTerminal();
    terminal.environment = { SLUICE_DATA: join(folder, 'absent') };
    await assert.rejects(run(['RemoveThings'], terminal), /no access key: set ALIBABA_CLOUD_/);
  });
});

describe('help', () => {
  test('an action shows parameters, defaults, choices, bounds, errors and an example', async () => {
    for (const argv of [
      ['RemoveThings', '--help'],
      ['help', 'RemoveThings'],
    ]) {
      const { code, out, calls } = await run(argv);
      assert.equal(code, 0);
      assert.deepEqual(calls, []);
      assert.match(out(), /^RemoveThings {2}\(Ens 2017-11-10\)\n/);
      assert.match(out(), /Removes things\. All at once or none\./);
      assert.match(out(), /--LoadBalancerId\s+text\*\s+Whose\./);
      assert.match(out(), /--Mode\s+text\s+How\. One of: soft, hard\. Default: soft\./);
      assert.match(out(), /^ {6}Port\s+integer\s+From 0 to 65535\./m);
      assert.match(out(), /--drain-seconds N/);
      assert.match(out(), /LoadBalancerNotFound, Missing%s/);
      const things = '[{"ServerId":"i-5vb5h5njxiuhn48a"}]';
      const example = `--LoadBalancerId lb-5ovkn1piwqmoqrfjdyhq4 --Things '${things}'`;
      assert.ok(out().endsWith(`Example\n  sluice RemoveThings ${example}\n`), out());
    }
  });

  test('actions lists each with its summary under its product', async () => {
    const { out } = await run(['actions']);
    assert.match(out(), /^Ens 2017-11-10\n {2}RemoveThings {2}Removes things\.\n\nSluice /);
  });
});
