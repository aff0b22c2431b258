import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe as group, test } from 'node:test';
import fc from 'fast-check';
import { actions } from '../../src/api/actions/index.ts';
import { describe } from '../../src/sdk/describe.ts';
import type { SampleRequest } from '../../src/sdk/samples/sample.ts';
import { type Echo, startEcho } from '../support/echo.ts';
import { type Programs, toolchains } from '../support/sample-programs.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';

/** Sample code of every language whose tools a machine can have, run against a live server. */

let sluice: Sluice;
let echo: Echo;
let folder: string;
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'sluice-samples-'));
  echo = await startEcho();
  sluice = await startSluice({ mode: 'control-plane' });
  await call('Sluice', 'RegisterSite', { EnsRegionId: 'local', AddressPool: '127.0.0.0/24' });
  for (const number of [1, 2]) {
    await call('Sluice', 'RegisterInstance', {
      EnsRegionId: 'local',
      InstanceId: `i-${number}`,
      PrivateIpAddress: `10.0.0.${number}`,
    });
  }
});
after(async () => {
  echo?.close();
  await sluice?.stop();
  rmSync(folder, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: the shape is what the test looks at
async function call(product: string, action: string, parameters: object): Promise<any> {
  return (await sluice.client.call(product as 'Ens', action, { ...parameters })).body;
}

function request(
  name: string,
  values: Record<string, unknown>,
  options: Partial<SampleRequest> = {},
): SampleRequest {
  const action = describe(actions.find((each) => each.name === name)!);
  return { action, values, endpoint: sluice.endpoint, ...options };
}

/** What would end a text, a line or a comment in one language or another. */
const hostile = [
  ...[`'`, `"`, `"""`, `'''`, '`', '\\', "\\'", '\\"', '\\u0041', '\\\\u0041', '\\x41', '\\101'],
  ...['$' + '{1+1}', '#' + '{1}', '%' + '{1}', '$x', '$$' + '{x}', '%s %d %n', '{{x}}', '{$x}'],
  ...['*/', '//', '/*', '-->', '?>', '#', '--x', '&a=b', '+', ' a  b ', '<b>', '!x', '$(id)', '|;'],
  ...['a\nb', 'a\r\nb', '\t', '\u0001\u007f\u0085', '\u2028\u2029', '\u202e', '\ufeff'],
  ...['边缘负载均衡', 'é', '😀', '👩‍👩‍👧', '\u{10ffff}'],
];
const chance = fc
  .sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { numRuns: 60, seed: 7 })
  // No command line can hold it.
  .filter((text) => !text.includes('\0'));

const echoed = {
  EnsRegionId: hostile.join(''),
  NetworkName: `--${hostile.join('\n')}`,
  Tag: [...hostile, ...chance].map((Value) => ({ Key: Value, Value })),
};

function flattenedTags(got: Readonly<Record<string, string>>) {
  return echoed.Tag.map((_, index) => ({
    Key: got[`Tag.${index + 1}.Key`],
    Value: got[`Tag.${index + 1}.Value`],
  }));
}

/** What the API takes in a text. */
const comments = hostile
  .toReversed()
  .filter((text) => !/[\p{Cc}\p{Bidi_Control}\u200b\u2060-\u2064\ufeff\ufff9-\ufffb]/u.test(text))
  .join('')
  .slice(0, 100);

/** What is asked in each language, by the name of the case. */
function requestsOf(id: string, LoadBalancerId: string) {
  const BackendServers = [{ ServerId: 'i-2', Port: 81, Ip: '', Weight: 0 }];
  const removal = { LoadBalancerId, BackendServers, Unknown: 'x' };
  const dry = { headers: { 'x-sluice-dry-run': 'true' } };
  return {
    dry: request('RemoveBackendServers', removal, dry),
    removal: request('RemoveBackendServers', removal),
    nested: request('RegisterInstance', {
      EnsRegionId: 'local',
      InstanceId: `i-${id}`,
      PrivateIpAddress: '10.0.1.1',
      NetworkInterfaces: [
        { NetworkInterfaceId: `eni-${id}-1`, PrivateIpAddress: '10.0.2.1' },
        { NetworkInterfaceId: `eni-${id}-2`, PrivateIpAddress: '10.0.2.2' },
      ],
    }),
    list: request('LookupEvents', {
      LookupAttribute: [{ Key: 'ResourceName', Value: 'local' }],
    }),
    none: request('DescribeEnsRegions', {}),
    texts: request('CreateGroup', { GroupName: `g-${id}`, Comments: comments }),
    echoed: request('CreateNetwork', echoed, { endpoint: echo.endpoint }),
    refused: request('DeleteNetwork', { NetworkId: 'n-nowhere' }),
  };
}

for (const { language, build } of toolchains) {
  const { id } = language;
  group(`${language.title}: the sample runs, and does what its parameters say`, () => {
    let programs: Programs;
    let LoadBalancerId: string;
    const run = (name: string) => programs.get(name)!();
    before(async () => {
      LoadBalancerId = await emptyLoadBalancer(sluice.client);
      await call('Ens', 'AddBackendServers', {
        LoadBalancerId,
        BackendServers: [{ ServerId: 'i-1' }, { ServerId: 'i-2', Port: 81 }],
      });
      const place = mkdtempSync(path.join(folder, id));
      programs = await build(place, requestsOf(id, LoadBalancerId));
    });

    const attached = async () => {
      const { BackendServers } = await call('Ens', 'DescribeLoadBalancerAttribute', {
        LoadBalancerId,
      });
      return BackendServers.map(({ ServerId }: { ServerId: string }) => ServerId).sort();
    };

    test('RemoveBackendServers as a dry run, by a header: nothing changes', async () => {
      await run('dry');
      assert.deepEqual(await attached(), ['i-1', 'i-2']);
    });

    test('RemoveBackendServers: the server is gone', async () => {
      assert.match(await run('removal'), /i-1/);
      assert.deepEqual(await attached(), ['i-1']);
    });

    test('nested parameters', async () => {
      await run('nested');
      const BackendServers = [1, 2].map((n) => ({ ServerId: `eni-${id}-${n}`, Type: 'eni' }));
      await call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
      assert.deepEqual(await attached(), [`eni-${id}-1`, `eni-${id}-2`, 'i-1']);
    });

    test('a list of conditions', async () => {
      assert.match(await run('list'), /RegisterSite/);
    });

    test('no parameters', async () => {
      assert.match(await run('none'), /"?EnsRegionId"?: *"local"/);
    });

    test('a text of every script and sign is stored as it is', async () => {
      await run('texts');
      const { Group } = await call('Ram', 'GetGroup', { GroupName: `g-${id}` });
      assert.equal(Group.Comments, comments);
    });

    test('hostile texts are the same texts on the wire', async () => {
      await run('echoed');
      const got = echo.calls.get('CreateNetwork')!;
      assert.equal(got.EnsRegionId, echoed.EnsRegionId);
      assert.equal(got.NetworkName, echoed.NetworkName);
      const tags = got.Tag === undefined ? flattenedTags(got) : JSON.parse(got.Tag);
      assert.deepEqual(tags, echoed.Tag);
    });

    test('a refused call says why, and fails', async () => {
      await assert.rejects(run('refused'), ({ code, stderr }) => {
        assert.equal(code, 1);
        assert.match(stderr, /parameter NetworkId is invalid/);
        assert.match(stderr, /docs\/errors\/InvalidNetworkId/);
        return true;
      });
    });
  });
}
