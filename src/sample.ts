import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RpcClient, type Trust } from './client.ts';
import { portOwner } from './forwarder/port-owner.ts';
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
const firstListenerPort = 8000;

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
    const seeded = await untilServed(client, await seedSample(client, servers, freePort));
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

function listen(server: http.Server, port: number, at = host): Promise<void> {
  return new Promise((done, reject) => {
    server.once('error', reject);
    server.listen({ port, host: at, exclusive: true }, () => {
      server.off('error', reject);
      done();
    });
  });
}

interface Seeded {
  readonly loadBalancerId: string;
  readonly address: string;
  /** Where its HTTP listener is. */
  readonly port: number;
  /** Why that is no port 8000; undefined: it is. */
  readonly moved?: string;
}

/** A port to listen at, and why it is not the first choice. */
type Port = Pick<Seeded, 'port' | 'moved'>;

/**
 * Makes the sample's records through the API: instances, load balancer `sample` of site `local`,
 * its servers, a running HTTP listener at port 8000 or another. What an earlier start made is found
 * by name; servers that were removed since stay removed, and ports that have moved are put right.
 * @param choosePort called for a listener that is made now
 */
export async function seedSample(
  client: RpcCaller,
  servers: readonly SampleServer[],
  choosePort: (address: string) => Promise<Port>,
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
  const address = found.Address;
  // The listener comes last, so a load balancer without it is half made.
  const [listening] = found.ListenerPorts;
  if (listening !== undefined) {
    await moveServers(client, loadBalancerId, found.BackendServers, servers);
    return { loadBalancerId, address, port: Number(listening) };
  }
  const BackendServers = servers.map(({ name, port }) => ({ ServerId: name, Port: port }));
  const batch = { LoadBalancerId: loadBalancerId, BackendServers };
  await client.call('Ens', 'AddBackendServers', batch);
  const chosen = await choosePort(address);
  await listenAt(client, loadBalancerId, chosen.port);
  return { loadBalancerId, address, ...chosen };
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

async function listenAt(client: RpcCaller, LoadBalancerId: string, port: number) {
  const listener = { LoadBalancerId, ListenerPort: port };
  await client.call('Ens', 'CreateLoadBalancerHTTPListener', { ...listener, HealthCheck: 'on' });
  await client.call('Ens', 'StartLoadBalancerListener', listener);
}

/** Port 8000 of an address, or any free one where another program has that. */
async function freePort(address: string): Promise<Port> {
  if (await isFree(address, firstListenerPort)) return { port: firstListenerPort };
  const owner = portOwner(address, firstListenerPort) ?? 'another program';
  const server = http.createServer();
  await listen(server, 0, address);
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return { port, moved: `${address}:${firstListenerPort} belongs to ${owner}` };
}

async function isFree(address: string, port: number): Promise<boolean> {
  const server = http.createServer();
  try {
    await listen(server, port, address);
  } catch (error) {
    // An address that only a forwarder elsewhere has says nothing about the port.
    return (error as NodeJS.ErrnoException).code !== 'EADDRINUSE';
  }
  await new Promise((done) => server.close(done));
  return true;
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

/**
 * Waits until its listener is carried and answers: also with 503, when its servers were all
 * removed. What answers there must be Sluice: a program that took the port meanwhile makes the
 * forwarder say so, and then the listener moves to another port.
 * @throws when neither comes about in time
 */
async function untilServed(client: RpcCaller, seeded: Seeded): Promise<Seeded> {
  const { loadBalancerId, address, port } = seeded;
  const url = `http://${address}:${port}/`;
  const deadline = performance.now() + limits.sampleAnswer;
  let last: unknown;
  while (performance.now() < deadline) {
    const { isApplied, reasons } = await rolloutOf(client, loadBalancerId);
    const taken = reasons.find((reason) => reason.includes(`cannot listen at ${address}:${port}:`));
    if (taken !== undefined && seeded.moved === undefined) {
      return untilServed(client, await moveListener(client, seeded));
    }
    last = reasons.join('; ');
    try {
      if (isApplied) {
        await (await fetch(url, { signal: AbortSignal.timeout(limits.sampleAnswer) })).text();
        return seeded;
      }
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`${url} does not answer`, { cause: last });
}

async function moveListener(client: RpcCaller, seeded: Seeded): Promise<Seeded> {
  const { loadBalancerId: LoadBalancerId, address, port: ListenerPort } = seeded;
  const owner = portOwner(address, ListenerPort) ?? 'another program';
  const { port } = await freePort(address);
  await listenAt(client, LoadBalancerId, port);
  await client.call('Ens', 'DeleteLoadBalancerListener', { LoadBalancerId, ListenerPort });
  return { ...seeded, port, moved: `${address}:${ListenerPort} belongs to ${owner}` };
}

/** Whether forwarders carry the load balancer, and why not, in their own words. */
async function rolloutOf(client: RpcCaller, LoadBalancerId: string) {
  const { body } = await client.call('Sluice', 'DescribeRollouts', { LoadBalancerId });
  const { Applied, Live, Rollouts } = body as {
    Applied: number;
    Live: number;
    Rollouts: { Rollout: { Reasons: readonly string[] }[] };
  };
  return {
    isApplied: Live > 0 && Applied === Live,
    reasons: Rollouts.Rollout.flatMap(({ Reasons }) => Reasons),
  };
}

interface Steps extends Seeded {
  readonly endpoint: string;
  readonly dataFolder: string;
  readonly accessKeyId: string;
}

/** What to paste next, with the real ids. */
export function nextSteps(steps: Steps): string {
  const { loadBalancerId, address, port, moved, endpoint, dataFolder, accessKeyId } = steps;
  const note = moved === undefined ? '' : `\n${moved}: the load balancer is at port ${port}.\n`;
  const where =
    (endpoint === 'http://127.0.0.1:8080' ? '' : ` --endpoint ${endpoint}`) +
    (dataFolder === resolve('data') ? '' : ` --data ${dataFolder}`);
  const sluice = (words: string) => `  npm run -s sluice -- ${words}${where}`;
  const { host: apiHost, protocol } = new URL(endpoint);
  const plain = protocol === 'http:' ? ' --insecure' : '';
  const one = `--LoadBalancerId ${loadBalancerId}`;
  const server = `--BackendServers '[{"ServerId":"${names[1]}"}]'`;
  return `
Three sample servers are behind one load balancer. In another terminal, request it:
${note}
  curl http://${address}:${port}

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
