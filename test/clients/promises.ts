import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RpcError } from '../../src/client.ts';
import { startHttpServer, type TestBackend } from '../support/backends.ts';
import { get } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';
import type { OfficialClient, Parameters, ShownRefusal } from './official-client.ts';

/** How one client differs from the others, for its users. */
export interface Traits {
  /** Starts it for an endpoint, `http://host:port`. */
  readonly start: (endpoint: string) => OfficialClient;
  /** SDKs lack DeleteLoadBalancer and release load balancers as instances. */
  readonly deletion: 'DeleteLoadBalancer' | 'ReleaseInstance';
  /** The exception of an error answer. */
  readonly exceptionOf: (code: string) => string;
  /** The exception of an error answer that carries x-acs-retry-after. */
  readonly throttlingException?: string;
  readonly wrongSecretCode: string;
  readonly showsRetryAfter: boolean;
}

/** New connections after a change, each of which could meet a server it should not. */
const requests = 30;

/** Tests what every client must be able to do; called within a `describe` of the client. */
export function provesItsPromises(traits: Traits): void {
  let scene: Scene;
  const cleanups: (() => Promise<void>)[] = [];
  before(async () => {
    scene = await openScene(traits, cleanups);
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });
  provesItsCalls(traits, () => scene);
  provesItsErrors(traits, () => scene);
}

function provesItsCalls(traits: Traits, opened: () => Scene): void {
  test('creates a load balancer whose three servers share the requests', async () => {
    const scene = opened();
    const { added, described, port } = await balance(scene);
    const servers = scene.backends.map((server) => wireServer(server));
    assert.deepEqual(added.BackendServers, { BackendServer: servers });
    assert.deepEqual(
      described.BackendServers,
      servers.map((server) => ({ ...server, Port: String(server.Port) })),
    );
    assert.deepEqual(described.ListenerPorts, [String(port)]);
    assert.equal(described.LoadBalancerStatus, 'Active');
  });

  test('removes two servers in one call, after which only the third answers', async () => {
    const scene = opened();
    const { LoadBalancerId, traffic } = await balance(scene);
    const [first, second, third] = scene.backends;
    const removed = await succeed(scene, 'RemoveBackendServers', {
      LoadBalancerId,
      BackendServers: [{ ServerId: first!.name }, { ServerId: second!.name }],
    });
    assert.deepEqual(await answering(traffic, requests), [third!.name]);
    const left = wireServer(third!);
    assert.deepEqual(removed.BackendServers, { BackendServer: [left] });
    const described = await succeed(scene, 'DescribeLoadBalancerAttribute', { LoadBalancerId });
    assert.deepEqual(described.BackendServers, [{ ...left, Port: String(left.Port) }]);
  });

  test('sets weights, and a server of weight 0 gets no more requests', async () => {
    const scene = opened();
    const { LoadBalancerId, traffic } = await balance(scene);
    const [first, second, third] = scene.backends;
    const set = await succeed(scene, 'SetBackendServers', {
      LoadBalancerId,
      BackendServers: [
        { ServerId: first!.name, Weight: 0 },
        { ServerId: second!.name, Weight: 50 },
      ],
    });
    assert.deepEqual(await answering(traffic, requests), [second!.name, third!.name]);
    assert.deepEqual(set.BackendServers, {
      BackendServer: [wireServer(first!, 0), wireServer(second!, 50), wireServer(third!)],
    });
  });

  test('deletes a load balancer, which is a 404 and takes no connection from then on', async () => {
    const scene = opened();
    const { LoadBalancerId, port, traffic } = await balance(scene);
    await succeed(scene, 'DeleteLoadBalancerListener', { LoadBalancerId, ListenerPort: port });
    await succeed(
      scene,
      traits.deletion,
      traits.deletion === 'ReleaseInstance' ? { InstanceId: LoadBalancerId } : { LoadBalancerId },
    );
    const gone = await refusal(scene, 'DescribeLoadBalancerAttribute', { LoadBalancerId });
    shows(gone, { code: 'LoadBalancerNotFound', status: 404 }, traits);
    await assert.rejects(get(traffic), { code: 'ECONNREFUSED' });
  });
}

function provesItsErrors(traits: Traits, opened: () => Scene): void {
  test('tells a wrong secret as such', async () => {
    const scene = opened();
    const key = { ...rootKey, accessKeySecret: 'NotTheSecretOfThisAccessKey000' };
    const refused = await refusal(scene, 'DescribeLoadBalancers', {}, key);
    shows(refused, { code: traits.wrongSecretCode, status: 400 }, traits);
  });

  test('tells an unknown access key as such', async () => {
    const scene = opened();
    const key = { ...rootKey, accessKeyId: 'LTAI5tNobodyHasThisKey001' };
    const refused = await refusal(scene, 'DescribeLoadBalancers', {}, key);
    shows(refused, { code: 'InvalidAccessKeyId.NotFound', status: 404 }, traits);
  });

  test('tells which parameter is missing', async () => {
    const scene = opened();
    const BackendServers = [{ ServerId: scene.backends[0]!.name }];
    const refused = await refusal(scene, 'RemoveBackendServers', { BackendServers });
    shows(refused, { code: 'MissingLoadBalancerId', status: 400 }, traits);
  });

  test('tells that calls are throttled, and how many ms until the next one fits', async () => {
    const refused = await until(() => callThrottled(opened()), { what: 'a throttled call' });
    shows(refused, { code: 'Throttling.User', status: 400 }, traits, traits.throttlingException);
    if (!traits.showsRetryAfter) return;
    const wait = Number(refused.retryAfterMs);
    assert.ok(wait >= 1 && wait <= 100, `${wait} ms`);
  });
}

/** A Sluice as it comes, three servers, and the client. */
interface Scene {
  readonly sluice: Sluice;
  readonly backends: readonly TestBackend[];
  readonly client: OfficialClient;
}

/** @param cleanups what is to be undone afterwards is added here, also when a later step fails */
async function openScene({ start }: Traits, cleanups: (() => Promise<void>)[]): Promise<Scene> {
  const sluice = await startSluice({
    // The wait is for slow machines: a removal is to be everywhere before its answer.
    environment: { SLUICE_THROTTLE: 'documented', SLUICE_CONFIRM_WAIT: '5000' },
  });
  cleanups.push(() => sluice.stop());
  const names = ['i-first', 'i-second', 'i-third'];
  const backends = await Promise.all(names.map((name) => startHttpServer(name)));
  cleanups.push(...backends.map((each) => () => each.close()));
  for (const { name, ip } of backends) {
    await sluice.client.call('Sluice', 'RegisterInstance', {
      EnsRegionId: 'local',
      InstanceId: name,
      PrivateIpAddress: ip,
    });
  }
  const client = start(sluice.endpoint);
  cleanups.push(() => client.close());
  return { sluice, backends, client };
}

/** A server as Add-, Set- and RemoveBackendServers answer it. */
function wireServer({ name, ip, port }: TestBackend, Weight = 100) {
  return { ServerId: name, Ip: ip, Port: port, Type: 'ens', Weight };
}

/** Where requests go, each on a connection of its own. */
interface Traffic {
  readonly host: string;
  readonly port: number;
  readonly agent: false;
}

/** A load balancer over the three servers with a running HTTP listener, all by the client. */
async function balance(scene: Scene) {
  const { backends } = scene;
  const EnsRegionId = 'local';
  const networks = await succeed(scene, 'DescribeNetworks', { EnsRegionId });
  const { NetworkId } = (networks as unknown as NetworksAnswer).Networks.Network[0]!;
  const vSwitches = await succeed(scene, 'DescribeVSwitches', { NetworkId });
  const { VSwitchId } = (vSwitches as unknown as VSwitchesAnswer).VSwitches.VSwitch[0]!;
  const created = await succeed(scene, 'CreateLoadBalancer', {
    EnsRegionId,
    LoadBalancerSpec: 'elb.s2.medium',
    LoadBalancerName: 'made by a client',
    PayType: 'PostPaid',
    NetworkId,
    VSwitchId,
  });
  const LoadBalancerId = String(created.LoadBalancerId);
  const added = await succeed(scene, 'AddBackendServers', {
    LoadBalancerId,
    BackendServers: backends.map(({ name, port }) => ({ ServerId: name, Port: port })),
  });
  const empty = await succeed(scene, 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  const host = String(empty.Address);
  const port = await freePort(host);
  const listener = { LoadBalancerId, ListenerPort: port };
  await succeed(scene, 'CreateLoadBalancerHTTPListener', { ...listener, HealthCheck: 'off' });
  await succeed(scene, 'StartLoadBalancerListener', { ...listener, ListenerProtocol: 'http' });
  const traffic: Traffic = { host, port, agent: false };
  const names = backends.map(({ name }) => name).sort();
  await until(async () => (await answering(traffic, 6)).join() === names.join(), {
    what: `answers of all servers at ${host}:${port}`,
  });
  const described = await succeed(scene, 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  return { LoadBalancerId, added, described, port, traffic };
}

interface NetworksAnswer {
  readonly Networks: { readonly Network: readonly { readonly NetworkId: string }[] };
}

interface VSwitchesAnswer {
  readonly VSwitches: { readonly VSwitch: readonly { readonly VSwitchId: string }[] };
}

/** Who answers a number of requests, each once, in order of name. */
async function answering(traffic: Traffic, count: number): Promise<string[]> {
  const names = await Promise.all(Array.from({ length: count }, () => get(traffic)));
  return [...new Set(names)].sort();
}

/** Spends the account's calls by other means and calls at once; undefined when one fitted. */
async function callThrottled({ sluice, client }: Scene): Promise<ShownRefusal | undefined> {
  const action = 'DescribeLoadBalancerSpec';
  const burst = Array.from({ length: 20 }, () => sluice.client.call('Ens', action, {}));
  const spent = await Promise.allSettled(burst);
  const { refusal } = await client.call(rootKey, action, {});
  for (const call of spent) {
    if (call.status === 'fulfilled') continue;
    const { headers } = call.reason as RpcError;
    // 10 calls a second: the next one fits within 100 ms.
    assert.match(headers['x-acs-retry-after'] ?? '', /^([1-9]\d?|100)$/);
  }
  return refusal;
}

async function succeed({ client }: Scene, action: string, parameters: Parameters) {
  const { body, refusal } = await client.call(rootKey, action, parameters);
  assert.ok(body, `${action}: ${JSON.stringify(refusal)}`);
  return body;
}

async function refusal(
  { client }: Scene,
  action: string,
  parameters: Parameters,
  key = rootKey,
): Promise<ShownRefusal> {
  const { body, refusal } = await client.call(key, action, parameters);
  assert.ok(refusal, `${action} succeeded: ${JSON.stringify(body)}`);
  return refusal;
}

/** Holds a refusal against what the client's users are to see. */
function shows(
  { type, code, status, requestId, message }: ShownRefusal,
  wanted: { readonly code: string; readonly status: number },
  { exceptionOf }: Traits,
  exception = exceptionOf(wanted.code),
): void {
  assert.deepEqual({ type, code, status }, { type: exception, ...wanted }, message);
  assert.match(requestId ?? '', /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
}
