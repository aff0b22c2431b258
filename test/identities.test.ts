import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { type Action, type Product, ramName } from '../src/api/actions/action.ts';
import { actions } from '../src/api/actions/index.ts';
import { type RpcClient, RpcError } from '../src/client.ts';
import { type Credentials, clientOf } from './support/as.ts';
import { requiredTexts } from './support/bad-values.ts';
import { openConsole } from './support/console.ts';
import { policyDocument, trustDocument } from './support/documents.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';

/** Who may do what, over the whole catalogue, against a running control plane. */

type Parameters = Readonly<Record<string, unknown>>;
type Texts = Readonly<Record<string, string>>;
/** A client of the API, or the console. */
interface Calling {
  call(
    product: Product,
    action: string,
    parameters: Parameters,
    options?: { readonly signal: AbortSignal },
  ): Promise<{ readonly body: unknown }>;
  readonly stream?: RpcClient['stream'];
}

let sluice: Sluice;
let account: string;
const clients: RpcClient[] = [];
/** Every secret that was answered: none may be found anywhere else. */
const secrets: string[] = [];

// biome-ignore lint/suspicious/noExplicitAny: the shape is what tests look at
async function root(product: Product, action: string, of: Parameters = {}): Promise<any> {
  return (await sluice.client.call(product, action, of)).body;
}

function as(of: Credentials): RpcClient {
  const client = clientOf(sluice, of);
  clients.push(client);
  secrets.push(of.AccessKeySecret, ...(of.SecurityToken === undefined ? [] : [of.SecurityToken]));
  return client;
}

/** A new user with the policies named, those of the system, and one custom document. */
async function userWith(UserName: string, system: readonly string[], document?: string) {
  await root('Ram', 'CreateUser', { UserName });
  for (const PolicyName of system) {
    await root('Ram', 'AttachPolicyToUser', { UserName, PolicyType: 'System', PolicyName });
  }
  if (document !== undefined) {
    const PolicyName = `of-${UserName}`;
    await root('Ram', 'CreatePolicy', { PolicyName, PolicyDocument: document });
    await root('Ram', 'AttachPolicyToUser', { UserName, PolicyType: 'Custom', PolicyName });
  }
  const { AccessKey } = await root('Ram', 'CreateAccessKey', { UserName });
  return as(AccessKey);
}

async function outcome(client: Calling, action: Action, parameters: Texts) {
  try {
    return { code: 'OK', status: 200, body: await answer(client, action, parameters) };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return { code: error.code, status: error.status, body: error.body };
  }
}

/** The answer; of a stream its first line, from who can read one. */
async function answer(client: Calling, { product, name, stream }: Action, parameters: Texts) {
  const signal = AbortSignal.timeout(10_000);
  if (stream === undefined || client.stream === undefined)
    return (await client.call(product, name, parameters, { signal })).body;
  for await (const line of client.stream(product, name, parameters, signal))
    return JSON.parse(line);
  return undefined;
}

before(async () => {
  sluice = await startSluice({ mode: 'control-plane' });
  account = (await root('Sts', 'GetCallerIdentity')).AccountId!;
  const pool = (EnsRegionId: string, third: number) =>
    root('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: `127.0.${third}.0/24` });
  await pool('local', 0);
  await pool('edge', 1);
});
after(async () => {
  for (const client of clients) await client.close();
  await sluice?.stop();
});

describe('over every action of the catalogue', () => {
  /** Whom, and which actions it may call all the same. */
  const table: {
    readonly who: string;
    readonly become: () => Promise<Calling>;
    readonly may: (action: Action) => boolean;
  }[] = [
    { who: 'a user without policies', become: () => userWith('nobody', []), may: () => false },
    {
      who: 'a user who may read',
      become: () => userWith('reader', ['ReadOnlyAccess']),
      may: ({ name }) => /^(Describe|List|Get|WatchLoadBalancer)/.test(name),
    },
    {
      who: 'a user with all of ENS',
      become: () => userWith('edge-team', ['AliyunENSFullAccess']),
      // And what the console reads load balancers with.
      may: ({ product, name }) =>
        product === 'Ens' || /^(ListLoadBalancers$|WatchLoadBalancer)/.test(name),
    },
    {
      who: 'an administrator whom a policy denies all',
      become: () =>
        userWith('gone', ['AdministratorAccess'], policyDocument('*', { effect: 'Deny' })),
      may: () => false,
    },
    {
      who: 'a forwarder, of sites that are not its own',
      become: async () => {
        const forwarder = { EnsRegionId: 'edge', ForwarderName: 'edge-1' };
        return as(await root('Sluice', 'RegisterForwarder', forwarder));
      },
      may: () => false,
    },
    {
      who: 'a session that is narrowed to one action of its role',
      become: () => session(policyDocument('ens:RemoveBackendServers')),
      may: ({ name }) => name === 'RemoveBackendServers',
    },
    {
      who: 'a session whose role does not have what its policy allows',
      become: () => session(policyDocument('ram:*')),
      may: () => false,
    },
    {
      who: 'the console of a user without policies',
      become: () => signedIn('nobody-there', []),
      may: () => false,
    },
    {
      who: 'the console of a user who may read',
      become: () => signedIn('reader-there', ['ReadOnlyAccess']),
      may: ({ name }) => /^(Describe|List|Get|WatchLoadBalancer)/.test(name),
    },
  ];

  /** The console as the user sees it who has this name and these policies. */
  async function signedIn(name: string, policies: readonly string[]): Promise<Calling> {
    await userWith(name, policies);
    const { AccessKey } = await root('Ram', 'CreateAccessKey', { UserName: name });
    const { AccessKeyId, AccessKeySecret } = AccessKey;
    const pair = { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret };
    const page = await openConsole(sluice.endpoint, pair);
    secrets.push(AccessKeySecret, page.cookie, page.csrf);
    return page;
  }

  let sessions = 0;
  /** A session of a role that has all of ENS, assumed by a user. */
  async function session(Policy: string): Promise<RpcClient> {
    sessions += 1;
    const RoleName = `role-${sessions}`;
    const UserName = `assumer-${sessions}`;
    const trust = trustDocument(`acs:ram::${account}:user/${UserName}`);
    await root('Ram', 'CreateRole', { RoleName, AssumeRolePolicyDocument: trust });
    const ens = { PolicyType: 'System', PolicyName: 'AliyunENSFullAccess' };
    await root('Ram', 'AttachPolicyToRole', { RoleName, ...ens });
    const user = await userWith(UserName, ['AliyunSTSAssumeRoleAccess']);
    const RoleArn = `acs:ram::${account}:role/${RoleName}`;
    const asked = { RoleArn, RoleSessionName: 'release', Policy };
    const { body } = await user.call('Sts', 'AssumeRole', asked);
    return as((body as { Credentials: Credentials }).Credentials);
  }

  for (const { who, become, may } of table) {
    test(`${who} is denied all else`, async () => {
      const client = await become();
      const denied = actions.filter((action) => !action.forEverybody && !may(action));
      assert.ok(denied.length > 30);
      for (const action of denied) {
        const { code, status, body } = await outcome(client, action, requiredTexts(action));
        assert.equal(code, 'NoPermission', `${action.name}: ${JSON.stringify(body)}`);
        assert.equal(status, action.product === 'Ens' ? 400 : 403, action.name);
        const { AccessDeniedDetail } = body as { AccessDeniedDetail: Texts };
        assert.equal(AccessDeniedDetail.AuthAction, ramName(action));
      }
    });
  }

  test('nothing of all this has left a record of anybody but those who were to be', async () => {
    const { Users } = await root('Ram', 'ListUsers');
    const names = Users.User.map((each: { UserName: string }) => each.UserName);
    const own = ['edge-team', 'gone', 'nobody', 'nobody-there', 'reader', 'reader-there'];
    assert.deepEqual(names, ['assumer-1', 'assumer-2', ...own]);
    const { LoadBalancers } = await root('Ens', 'DescribeLoadBalancers');
    assert.deepEqual(LoadBalancers.LoadBalancer, []);
  });

  test('everybody may ask who they are', async () => {
    const client = await userWith('asker', []);
    const { body } = await client.call('Sts', 'GetCallerIdentity', {});
    const { IdentityType, Arn } = body as Texts;
    assert.deepEqual([IdentityType, Arn], ['RAMUser', `acs:ram::${account}:user/asker`]);
  });
});

describe('what is allowed', () => {
  test('counts from the answer on that gave it, until the one that took it', async () => {
    const client = await userWith('fast', []);
    const policy = { UserName: 'fast', PolicyType: 'System', PolicyName: 'ReadOnlyAccess' };
    const list = actions.find(({ name }) => name === 'ListUsers')!;
    for (let round = 0; round < 20; round++) {
      await root('Ram', 'AttachPolicyToUser', policy);
      assert.equal((await outcome(client, list, {})).code, 'OK');
      await root('Ram', 'DetachPolicyFromUser', policy);
      assert.equal((await outcome(client, list, {})).code, 'NoPermission');
    }
  });

  test('two resources must both be allowed', async () => {
    const own = `acs:ram:*:${account}:user/self`;
    const document = policyDocument('ram:*', { resource: own });
    const client = await userWith('self', [], document);
    const attach = actions.find(({ name }) => name === 'AttachPolicyToUser')!;
    const wanted = { UserName: 'self', PolicyType: 'System', PolicyName: 'AdministratorAccess' };
    assert.equal((await outcome(client, attach, wanted)).code, 'NoPermission');
    const { body } = await client.call('Ram', 'ListAccessKeys', {});
    assert.equal((body as { AccessKeys: { AccessKey: unknown[] } }).AccessKeys.AccessKey.length, 1);
  });
});

describe('of two accounts', () => {
  let other: RpcClient;
  let own: Texts;
  /** The same in form, but nobody's. */
  let none: Texts;
  let store: DatabaseSync;

  before(async () => {
    const made = await root('Sluice', 'CreateAccount', { AccountName: 'B' });
    other = as(made);
    const machine = { EnsRegionId: 'local', InstanceId: 'i-a', PrivateIpAddress: '10.0.0.1' };
    await root('Sluice', 'RegisterInstance', machine);
    const LoadBalancerId = await emptyLoadBalancer(sluice.client);
    await root('Ens', 'AddBackendServers', {
      LoadBalancerId,
      BackendServers: '[{"ServerId":"i-a"}]',
    });
    await root('Ens', 'CreateLoadBalancerTCPListener', { LoadBalancerId, ListenerPort: 80 });
    await root('Ram', 'CreateGroup', { GroupName: 'group-a' });
    await root('Ram', 'CreateUser', { UserName: 'user-a' });
    const { AccessKey } = await root('Ram', 'CreateAccessKey', { UserName: 'user-a' });
    const { AccessKeyId, AccessKeySecret } = AccessKey;
    secrets.push(AccessKeySecret);
    const trust = trustDocument(`acs:ram::${account}:root`);
    await root('Ram', 'CreateRole', { RoleName: 'role-a', AssumeRolePolicyDocument: trust });
    const policy = { PolicyName: 'policy-a', PolicyDocument: policyDocument('*') };
    await root('Ram', 'CreatePolicy', policy);
    const { Sites } = await root('Sluice', 'DescribeSites');
    const { DefaultNetworkId, DefaultVSwitchId } = Sites.Site[0];
    own = {
      ...{ LoadBalancerId, InstanceId: 'i-a', EnsRegionId: 'local', ListenerPort: '80' },
      ...{ NetworkId: DefaultNetworkId, VSwitchId: DefaultVSwitchId },
      ...{ UserName: 'user-a', GroupName: 'group-a', RoleName: 'role-a', PolicyName: 'policy-a' },
      ...{ PolicyType: 'Custom', UserAccessKeyId: AccessKeyId, VersionId: 'v1' },
      ...{ ForwarderName: 'edge-1', RoleArn: `acs:ram::${account}:role/role-a` },
      ...{ PolicyDocument: policyDocument('*') },
      AssumeRolePolicyDocument: trustDocument('acs:ram::1000000000000001:root'),
      ...{ BackendServers: '[{"ServerId":"i-a"}]' },
    };
    none = {
      ...own,
      ...{ LoadBalancerId: 'lb-5none', InstanceId: 'i-none', EnsRegionId: 'nowhere' },
      ...{ NetworkId: 'n-5none', VSwitchId: 'vsw-5none', UserName: 'user-n', GroupName: 'group-n' },
      ...{ RoleName: 'role-n', PolicyName: 'policy-n', UserAccessKeyId: 'LTAI5tNone' },
      ...{ ForwarderName: 'none', RoleArn: `acs:ram::${account}:role/none` },
      ...{ BackendServers: '[{"ServerId":"i-none"}]' },
    };
    store = new DatabaseSync(join(sluice.dataFolder, 'store.db'), { readOnly: true });
  });
  after(() => store?.close());

  const texts = (action: Action, known: Texts): Texts =>
    Object.fromEntries(
      Object.entries({ ...requiredTexts(action), ...known }).filter(
        ([name]) => name in action.input.shape,
      ),
    );

  /** What is the first account's, save what tells of calls. */
  const records = () =>
    store
      .prepare("SELECT key, revision, value FROM kv WHERE key NOT GLOB 'audit*' ORDER BY key")
      .all()
      .filter(({ value }) => String(value).includes(account))
      .map(({ key, revision }) => `${key} ${revision}`);

  test('what one names of the other is answered like what is not there, and stays', async () => {
    const before = records();
    assert.ok(before.length > 8);
    // Their IDs are one space for all accounts: one that is taken is refused.
    const compared = actions.filter(({ name }) => !/^Register(Site|Instance)$/.test(name));
    for (const action of compared) {
      const ofNobody = await outcome(other, action, texts(action, none));
      const ofOther = await outcome(other, action, texts(action, own));
      const told = JSON.stringify([ofNobody.body, ofOther.body]).slice(0, 500);
      assert.equal(ofOther.code, ofNobody.code, `${action.name}: ${told}`);
      assert.equal(ofOther.status, ofNobody.status, action.name);
      const answered = JSON.stringify(ofOther.body);
      // Its own log repeats what it has sent.
      if (/Events|AuditRecords/.test(action.name)) {
        assert.doesNotMatch(answered, new RegExp(`"accountId":"${account}"`, 'i'));
        continue;
      }
      const sent = Object.values(texts(action, own)).join(' ');
      for (const theirs of [account, own.LoadBalancerId!, 'i-a', own.NetworkId!]) {
        const isNew = answered.includes(theirs) && !sent.includes(theirs);
        assert.ok(!isNew, `${action.name} tells ${theirs}: ${answered.slice(0, 500)}`);
      }
    }
    assert.deepEqual(records(), before);
  });

  test('only the first makes further ones, and freezes all', async () => {
    const { Accounts } = await root('Sluice', 'ListAccounts');
    assert.equal(Accounts.Account.length, 1);
    for (const name of ['CreateAccount', 'ListAccounts', 'SetFreeze']) {
      const action = actions.find((each) => each.name === name)!;
      assert.equal((await outcome(other, action, requiredTexts(action))).code, 'NoPermission');
    }
  });

  test('secrets stand nowhere but in the answers that gave them', async () => {
    const { Records } = await root('Sluice', 'DescribeAuditRecords', { MaxResults: 100 });
    const stored = store.prepare('SELECT value FROM kv').all();
    const everything = JSON.stringify([Records, stored, sluice.output()]);
    assert.ok(everything.includes(own.UserAccessKeyId!));
    assert.ok(secrets.length > 10);
    for (const secret of secrets) assert.ok(!everything.includes(secret));
    assert.doesNotMatch(sluice.output(), /"level":(50|60)/);
  });
});
