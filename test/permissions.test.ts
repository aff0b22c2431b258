import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RpcClient, RpcError } from '../src/client.ts';
import { policyDocument } from './support/documents.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';

/** What a user of a real Sluice may do, from its policy to the answer on the wire. */
describe('a user with a policy', () => {
  let sluice: Sluice;
  let amy: RpcClient;
  let own: string;
  let other: string;

  const root = async (name: string, parameters: Readonly<Record<string, unknown>>) =>
    (await sluice.client.call('Ram', name, parameters)).body as Record<string, never>;

  before(async () => {
    sluice = await startSluice();
    own = await emptyLoadBalancer(sluice.client);
    other = await emptyLoadBalancer(sluice.client);
    await root('CreateUser', { UserName: 'amy' });
    const { AccessKey } = (await root('CreateAccessKey', { UserName: 'amy' })) as Record<
      string,
      Record<string, string>
    >;
    amy = new RpcClient({
      endpoint: sluice.endpoint,
      accessKeyId: AccessKey!.AccessKeyId!,
      accessKeySecret: AccessKey!.AccessKeySecret!,
    });
    const resource = `acs:ens:local:*:loadbalancer/${own}`;
    const actions = ['ens:*LoadBalancer*', 'ens:*BackendServers', 'sluice:WatchLoadBalancer'];
    await root('CreatePolicy', {
      PolicyName: 'own',
      PolicyDocument: policyDocument(actions, { resource }),
    });
    const policy = { PolicyName: 'own', PolicyType: 'Custom', UserName: 'amy' };
    await root('AttachPolicyToUser', policy);
  });
  after(async () => {
    await amy?.close();
    await sluice?.stop();
  });

  const rename = (LoadBalancerId: string, LoadBalancerName: string, headers = {}) =>
    amy.call(
      'Ens',
      'ModifyLoadBalancerAttribute',
      { LoadBalancerId, LoadBalancerName },
      { headers },
    );
  const nameOf = async (LoadBalancerId: string) => {
    const { body } = await sluice.client.call('Ens', 'DescribeLoadBalancerAttribute', {
      LoadBalancerId,
    });
    return (body as { LoadBalancerName: string }).LoadBalancerName;
  };

  async function denied(call: Promise<unknown>): Promise<RpcError> {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof RpcError, String(error));
    assert.equal(error.code, 'NoPermission');
    return error;
  }

  test('changes the one load balancer that it names, and no other', async () => {
    await rename(own, 'renamed');
    assert.equal(await nameOf(own), 'renamed');
    const before = await nameOf(other);
    const error = await denied(rename(other, 'taken'));
    assert.equal(error.status, 400);
    assert.equal(await nameOf(other), before);
    await denied(amy.call('Ens', 'DescribeLoadBalancers', {}));
  });

  test('watches the one load balancer that it names, and no other', async () => {
    const watch = async (name: string, parameters: Readonly<Record<string, string>>) => {
      const abort = new AbortController();
      for await (const line of amy.stream('Sluice', name, parameters, abort.signal)) {
        return JSON.parse(line) as { readonly Type: string };
      }
      throw new Error('no line came');
    };
    assert.equal((await watch('WatchLoadBalancer', { LoadBalancerId: own })).Type, 'state');
    const error = await denied(watch('WatchLoadBalancer', { LoadBalancerId: other }));
    assert.equal(error.status, 403);
    await denied(watch('WatchLoadBalancers', {}));
  });

  test('may not even dry run what it may not do', async () => {
    const dryRun = { 'x-sluice-dry-run': '1' };
    await rename(own, 'tried', dryRun);
    assert.equal(await nameOf(own), 'renamed');
    await denied(rename(other, 'tried', dryRun));
  });

  test('is denied with a message that says what was asked', async () => {
    const { body } = await denied(rename(other, 'taken'));
    const { AccessDeniedDetail } = body as { AccessDeniedDetail: Record<string, string> };
    const { EncodedDiagnosticMessage } = AccessDeniedDetail;
    const decoded = await root('DecodeDiagnosticMessage', { EncodedDiagnosticMessage });
    const { AuthResource, AuthPrincipal } = decoded.DecodedDiagnosticMessage!;
    assert.match(AuthResource, new RegExp(`^acs:ens:local:\\d+:loadbalancer/${other}$`));
    const { AuthPrincipalDisplayName } = AuthPrincipal as Record<string, string>;
    assert.equal(AuthPrincipalDisplayName, AccessDeniedDetail.AuthPrincipalDisplayName);
  });

  test('is explained as it is decided, before and after its policy is detached', async () => {
    const effect = async () => {
      const { body } = await sluice.client.call('Sluice', 'ExplainAuthorization', {
        UserName: 'amy',
        ActionName: 'ens:ModifyLoadBalancerAttribute',
        Resource: `acs:ens:*:1:loadbalancer/${own}`,
      });
      return (body as { Effect: string }).Effect;
    };
    assert.equal(await effect(), 'Allow');
    const policy = { PolicyName: 'own', PolicyType: 'Custom', UserName: 'amy' };
    await root('DetachPolicyFromUser', policy);
    assert.equal(await effect(), 'ImplicitDeny');
    await denied(rename(own, 'late'));
    const asked = { UserName: 'amy', ActionName: 'ens:DescribeInstances' };
    const error = await denied(amy.call('Sluice', 'ExplainAuthorization', asked));
    assert.equal(error.status, 403);
  });
});
