import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RpcClient, type Trust } from './client.ts';
import { limits } from './limits.ts';
import { readRootAccessKey } from './root-key.ts';

export interface SampleServer {
  /** Its instance id, and what it answers. */
  readonly name: string;
  readonly ip: string;
  readonly port: number;
}

/** The sample as it stands: what to try, and how to end it. */
export interface Sample {
  readonly nextSteps: string;
  close(): Promise<void>;
}

type RpcCaller = Pick<RpcClient, 'call'>;

const host = '127.0.0.1';
const firstPort = 8001;
const names = ['i-sample-1', 'i-sample-2', 'i-sample-3'];
const site = 'local';
const loadBalancerName = 'sample';
const listenerPort = 8000;

/**
 * Starts three HTTP servers in this process and, through the API alone, a load balancer over
 * them. A sample from an earlier start is taken up as it was left.
 * @throws when the root key is not here, a call fails, or the load balancer does not answer
 */
export async function startSample(
  { endpoint, trust }: { readonly endpoint: string; readonly trust: Trust },
  dataFolder: string,
): Promise<Sample> {
  const key = await readRootAccessKey(dataFolder);
  if (key === undefined) throw new Error(`the root access key is not kept in ${dataFolder}`);
  const { servers, close } = await startSampleServers();
  const client = new RpcClient({ endpoint, ...key, ...trust });
  try {
    const seeded = await seedSample(client, servers);
    await untilAnswering(client, seeded);
    return { nextSteps: nextSteps({ ...seeded, endpoint, dataFolder, ...key }), close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    await client.close();
  }
}

/**
 * Starts the servers at ports 8001 to 8003, or at any free port where one is taken. Each answers
 * its own name to every request.
 */
export async function startSampleServers(): Promise<{
  readonly servers: readonly SampleServer[];
  close(): Promise<void>;
}> {
  const started = await Promise.all(
    names.map((name, index) => startServer(name, firstPort + index)),
  );
  return {
    servers: started.map(({ name, port }) => ({ name, ip: host, port })),
    close: async () => {
      await Promise.all(started.map(({ close }) => close()));
    },
  };
}

async function startServer(name: string, wishedPort: number) {
  const server = http.createServer((_, response) => response.end(`${name}\n`));
  // Longer than the load balancer keeps its own end: it, not the server, closes idle connections.
  server.keepAliveTimeout = 120_000;
  await listen(server, wishedPort).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return listen(server, 0);
  });
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return { name, port, close };
}

function listen(server: http.Server, port: number): Promise<void> {
  return new Promise((done, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      done();
    });
  });
}

interface Seeded {
  readonly loadBalancerId: string;
  readonly address: string;
}

/**
 * Makes the sample's records through the API: instances, load balancer `sample` of site `local`,
 * its servers, a running HTTP listener at port 8000. What an earlier start made is found by name;
 * servers that were removed since stay removed, and ports that have moved are put right.
 */
export async function seedSample(
  client: RpcCaller,
  servers: readonly SampleServer[],
): Promise<Seeded> {
  for (const { name, ip } of servers) {
    await client.call('Sluice', 'RegisterInstance', {
      EnsRegionId: site,
      InstanceId: name,
      InstanceName: name,
      PrivateIpAddress: ip,
      Status: 'Running',
    });
  }
  const loadBalancerId = (await findLoadBalancer(client)) ?? (await createLoadBalancer(client));
  const found = await describe(client, loadBalancerId);
  // The listener comes last, so a load balancer without it is half made.
  if (found.ListenerPorts.includes(String(listenerPort))) {
    await moveServers(client, loadBalancerId, found.BackendServers, servers);
  } else {
    await finish(client, loadBalancerId, servers);
  }
  return { loadBalancerId, address: found.Address };
}

async function findLoadBalancer(client: RpcCaller): Promise<string | undefined> {
  const filter = { EnsRegionId: site, LoadBalancerName: loadBalancerName };
  const { body } = await client.call('Ens', 'DescribeLoadBalancers', filter);
  const list = body as { LoadBalancers: { LoadBalancer: { LoadBalancerId: string }[] } };
  return list.LoadBalancers.LoadBalancer[0]?.LoadBalancerId;
}

async function createLoadBalancer(client: RpcCaller): Promise<string> {
  const { body } = await client.call('Sluice', 'DescribeSites', {});
  const list = body as {
    Sites: { Site: { EnsRegionId: string; DefaultNetworkId: string; DefaultVSwitchId: string }[] };
  };
  const local = list.Sites.Site.find(({ EnsRegionId }) => EnsRegionId === site);
  if (local === undefined) throw new Error(`there is no site ${site}`);
  const created = await client.call('Ens', 'CreateLoadBalancer', {
    EnsRegionId: site,
    LoadBalancerName: loadBalancerName,
    LoadBalancerSpec: 'elb.s3.medium',
    PayType: 'PostPaid',
    NetworkId: local.DefaultNetworkId,
    VSwitchId: local.DefaultVSwitchId,
  });
  return (created.body as { LoadBalancerId: string }).LoadBalancerId;
}

interface Described {
  readonly Address: string;
  readonly ListenerPorts: readonly string[];
  readonly BackendServers: readonly { readonly ServerId: string; readonly Port: string }[];
}

async function describe(client: RpcCaller, LoadBalancerId: string): Promise<Described> {
  const answer = await client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  return answer.body as Described;
}

async function finish(
  client: RpcCaller,
  LoadBalancerId: string,
  servers: readonly SampleServer[],
): Promise<void> {
  const listener = { LoadBalancerId, ListenerPort: listenerPort };
  const BackendServers = servers.map(({ name, port }) => ({ ServerId: name, Port: port }));
  await client.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
  await client.call('Ens', 'CreateLoadBalancerHTTPListener', { ...listener, HealthCheck: 'on' });
  await client.call('Ens', 'StartLoadBalancerListener', listener);
}

/** Follows servers that came up at another port than last time; adds before it removes. */
async function moveServers(
  client: RpcCaller,
  LoadBalancerId: string,
  attached: Described['BackendServers'],
  servers: readonly SampleServer[],
): Promise<void> {
  const stale = attached.filter(({ ServerId, Port }) =>
    servers.some(({ name, port }) => name === ServerId && String(port) !== Port),
  );
  if (stale.length === 0) return;
  const moved = servers.filter(({ name }) => stale.some(({ ServerId }) => ServerId === name));
  await client.call('Ens', 'AddBackendServers', {
    LoadBalancerId,
    BackendServers: moved.map(({ name, port }) => ({ ServerId: name, Port: port })),
  });
  await client.call('Ens', 'RemoveBackendServers', {
    LoadBalancerId,
    BackendServers: stale.map(({ ServerId, Port }) => ({ ServerId, Port: Number(Port) })),
  });
}

/** Waits for any HTTP answer: also 503 from a sample whose servers were all removed. */
async function untilAnswering(client: RpcCaller, { loadBalancerId, address }: Seeded) {
  const url = `http://${address}:${listenerPort}/`;
  const deadline = performance.now() + limits.sampleAnswer;
  for (;;) {
    try {
      await (await fetch(url, { signal: AbortSignal.timeout(limits.sampleAnswer) })).text();
      return;
    } catch (error) {
      if (performance.now() > deadline) {
        const reasons = await reasonsOf(client, loadBalancerId);
        throw new Error(`${url} does not answer`, { cause: reasons || error });
      }
    }
    await sleep(50);
  }
}

/** Why forwarders do not carry the load balancer, in their own words. */
async function reasonsOf(client: RpcCaller, LoadBalancerId: string): Promise<string> {
  const { body } = await client.call('Sluice', 'DescribeRollouts', { LoadBalancerId });
  const { Rollouts } = body as { Rollouts: { Rollout: { Reasons: readonly string[] }[] } };
  return Rollouts.Rollout.flatMap(({ Reasons }) => Reasons).join('; ');
}

interface Steps extends Seeded {
  readonly endpoint: string;
  readonly dataFolder: string;
  readonly accessKeyId: string;
}

/** What to paste next, with the real ids. */
export function nextSteps(steps: Steps): string {
  const { loadBalancerId, address, endpoint, dataFolder, accessKeyId } = steps;
  const where =
    (endpoint === 'http://127.0.0.1:8080' ? '' : ` --endpoint ${endpoint}`) +
    (dataFolder === resolve('data') ? '' : ` --data ${dataFolder}`);
  const sluice = (words: string) => `  npm run -s sluice -- ${words}${where}`;
  const { host: apiHost, protocol } = new URL(endpoint);
  const plain = protocol === 'http:' ? ' --insecure' : '';
  const one = `--LoadBalancerId ${loadBalancerId}`;
  const server = `--BackendServers '[{"ServerId":"${names[1]}"}]'`;
  return `
Three sample servers stand behind one load balancer. In another terminal, ask it:

  curl http://${address}:${listenerPort}

Take one server out; no new request reaches it once the call has answered. Then see:

${sluice(`RemoveBackendServers ${one} ${server}`)}
${sluice('drains --watch')}
${sluice(`DescribeLoadBalancerAttribute ${one} --output table`)}

Alibaba Cloud's own tools make the same call, with the key that the first start has shown:

  export ALIBABA_CLOUD_ACCESS_KEY_ID=${accessKeyId} ALIBABA_CLOUD_ACCESS_KEY_SECRET=…
  aliyun ens RemoveBackendServers --endpoint ${apiHost}${plain} --region cn-hangzhou \\
    ${one} ${server}

or in Python (pip install alibabacloud-ens20171110==12.1.0):

${pythonStep(apiHost, protocol.replace(':', ''), loadBalancerId)}
`;
}

function pythonStep(endpoint: string, protocol: string, loadBalancerId: string): string {
  return `python3 - <<'EOF'
import os
from alibabacloud_ens20171110 import client, models
from alibabacloud_tea_openapi.models import Config

ens = client.Client(Config(
    access_key_id=os.environ['ALIBABA_CLOUD_ACCESS_KEY_ID'],
    access_key_secret=os.environ['ALIBABA_CLOUD_ACCESS_KEY_SECRET'],
    endpoint='${endpoint}', protocol='${protocol}'))
server = models.RemoveBackendServersRequestBackendServers(server_id='${names[1]}')
answer = ens.remove_backend_servers(models.RemoveBackendServersRequest(
    load_balancer_id='${loadBalancerId}', backend_servers=[server]))
print(answer.headers['x-sluice-applied'], answer.body.backend_servers)
EOF`;
}
