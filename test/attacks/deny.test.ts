import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RpcClient, RpcError } from '../../src/client.ts';
import { policyDocument } from '../support/documents.ts';
import { keyOf } from '../support/flood.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';

let sluice: Sluice;
let user: RpcClient;
const UserName = 'tenant';

before(async () => {
  sluice = await startSluice({ mode: 'control-plane', flags: [] });
  const { id, secret } = await keyOf(sluice.client, UserName);
  const { endpoint } = sluice;
  user = new RpcClient({ endpoint, accessKeyId: id, accessKeySecret: secret });
  await attach('everything', policyDocument('*'));
});
after(async () => {
  await user.close();
  await sluice.stop();
});

async function attach(PolicyName: string, PolicyDocument: string): Promise<void> {
  await sluice.client.call('Ram', 'CreatePolicy', { PolicyName, PolicyDocument });
  const policy = { PolicyName, PolicyType: 'Custom', UserName };
  await sluice.client.call('Ram', 'AttachPolicyToUser', policy);
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'OK',
    (error) => (error instanceof RpcError ? error.code : String(error)),
  );
}

test('a Deny of certain networks, instances, certificates, or of the freeze, holds', async () => {
  const EnsRegionId = 'hz';
  const site = { EnsRegionId, AddressPool: '127.9.0.0/24' };
  const { body } = await sluice.client.call('Sluice', 'RegisterSite', site);
  const { DefaultNetworkId: NetworkId, DefaultVSwitchId: VSwitchId } = body as Record<
    string,
    string
  >;
  const instance = { EnsRegionId, InstanceId: 'i-1', PrivateIpAddress: '10.0.0.1' };
  await sluice.client.call('Sluice', 'RegisterInstance', instance);
  const denied = [
    `acs:ens:${EnsRegionId}:*:network/${NetworkId}`,
    `acs:ens:${EnsRegionId}:*:vswitch/*`,
    'acs:ens:*:*:instance/i-1',
    'acs:yundun-cert:*:*:certificate/*',
    'acs:sluice:*:*:freeze',
  ];
  const statement = { Effect: 'Deny', Action: '*', Resource: denied };
  await attach('but-not', JSON.stringify({ Version: '1', Statement: [statement] }));
  const calls = [
    ['Ens', 'DescribeNetworkAttribute', { NetworkId }],
    ['Ens', 'DeleteNetwork', { NetworkId }],
    ['Ens', 'DescribeVSwitchAttributes', { VSwitchId }],
    ['Ens', 'CreateVSwitch', { EnsRegionId, CidrBlock: '10.1.0.0/16' }],
    ['Ens', 'StopInstance', { InstanceId: 'i-1' }],
    ['Sluice', 'DeregisterInstance', { InstanceId: 'i-1' }],
    ['Sluice', 'RegisterInstance', instance],
    ['Cas', 'ListUserCertificateOrder', {}],
    ['Sluice', 'SetFreeze', { Frozen: true }],
  ] as const;
  for (const [product, action, parameters] of calls) {
    const code = await codeOf(user.call(product, action, parameters));
    assert.match(code, /NoPermission$/, action);
  }
  // What the Deny does not name goes on.
  assert.equal(await codeOf(user.call('Ens', 'DescribeNetworks', {})), 'OK');
  const created = { EnsRegionId, CidrBlock: '10.0.0.0/8' };
  assert.equal(await codeOf(user.call('Ens', 'CreateNetwork', created)), 'OK');
});

test('a policy that denies what no action can match is refused with the nearest name', async () => {
  const create = (PolicyDocument: string) =>
    sluice.client.call('Ram', 'CreatePolicy', { PolicyName: 'void', PolicyDocument });
  const effect = 'Deny' as const;
  const documents = [
    policyDocument('ens:RemoveBackendServer', { effect }),
    policyDocument('esn:*', { effect }),
    policyDocument('ens:RemoveBackendServers', { effect, resource: 'acs:ens:*:*:network/n-1' }),
  ];
  for (const document of documents) {
    await assert.rejects(create(document), (error) => {
      assert.ok(error instanceof RpcError);
      assert.equal(error.code, 'MalformedPolicyDocument');
      return true;
    });
  }
  await assert.rejects(create(documents[0]!), (error) => {
    const { headers, message } = error as RpcError;
    return `${message} ${headers['x-sluice-detail']}`.includes('ens:RemoveBackendServers');
  });
});
