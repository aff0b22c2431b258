import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { XMLParser } from 'fast-xml-parser';
import { startHttpServer } from '../support/backends.ts';
import { v1Request } from '../support/door.ts';
import { buildScene } from '../support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';

/** Lists, which XML does not tell from single elements. */
const lists = [
  'DescribeLoadBalancerAttributeResponse.BackendServers',
  'DescribeLoadBalancerAttributeResponse.ListenerPorts',
  'DescribeLoadBalancerAttributeResponse.ListenerPortsAndProtocols',
  'SetBackendServersResponse.BackendServers.BackendServer',
];

const parser = new XMLParser({
  parseTagValue: false,
  ignoreDeclaration: true,
  isArray: (_name, path) => lists.includes(String(path)),
});

describe('Format=XML', () => {
  let sluice: Sluice;
  const cleanups: (() => Promise<void>)[] = [];
  before(async () => {
    sluice = await startSluice();
    cleanups.push(() => sluice.stop());
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  /** A call signed V1, in a format that no client asks for but the documentation offers. */
  async function call(format: string, action: string, parameters: Record<string, string>) {
    const key = { id: rootKey.accessKeyId, secret: rootKey.accessKeySecret };
    const all = { Format: format, ...parameters };
    const { url } = v1Request(action, all, { key });
    const response = await fetch(`${sluice.endpoint}${url}`, { method: 'POST' });
    const body = await response.text();
    return { body, status: response.status, contentType: response.headers.get('content-type') };
  }

  test('an answer holds the same data as in JSON', async () => {
    const servers = await Promise.all(['i-first', 'i-second'].map((name) => startHttpServer(name)));
    cleanups.push(...servers.map((server) => () => server.close()));
    const { loadBalancerId: LoadBalancerId } = await buildScene(sluice.client, servers, [
      { protocol: 'HTTP', parameters: { Description: '<tom> & "jerry"' } },
    ]);
    const BackendServers = JSON.stringify([{ ServerId: 'i-first', Weight: 1 }]);
    const calls: [string, Record<string, string>][] = [
      ['SetBackendServers', { LoadBalancerId, BackendServers }],
      ['DescribeLoadBalancerAttribute', { LoadBalancerId }],
    ];
    for (const [action, parameters] of calls) {
      const asXml = await call('XML', action, parameters);
      const asJson = await call('JSON', action, parameters);
      assert.deepEqual(
        [asXml.status, asXml.contentType],
        [200, 'text/xml;charset=utf-8'],
        asXml.body,
      );
      const { [`${action}Response`]: fromXml, ...others } = parser.parse(asXml.body);
      assert.deepEqual(others, {}, 'more than one root');
      const fromJson = texts(JSON.parse(asJson.body)) as Record<string, unknown>;
      assert.deepEqual({ ...fromXml, RequestId: '' }, { ...fromJson, RequestId: '' });
    }
  });

  test('an error has the same members as in JSON', async () => {
    const { body, status, contentType } = await call('xml', 'AddBackendServers', {});
    assert.deepEqual([status, contentType], [400, 'text/xml;charset=utf-8'], body);
    const { Error: error } = parser.parse(body);
    assert.equal(error.Code, 'MissingLoadBalancerId');
    assert.deepEqual(Object.keys(error).sort(), [
      'Code',
      'HostId',
      'Message',
      'Recommend',
      'RequestId',
    ]);
  });
});

/** The same data with every number and boolean as text, which is all XML has. */
function texts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(texts);
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, texts(each)]));
}
