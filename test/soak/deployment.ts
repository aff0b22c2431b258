import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RpcClient } from '../../src/client.ts';
import { type Etcd, startEtcd } from '../support/etcd.ts';
import { get } from '../support/load.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import {
  rootKey,
  type SluiceProcess,
  startForwarderProcess,
  startSluice,
} from '../support/sluice.ts';
import { until } from '../support/wait.ts';
import {
  clientOf,
  controlPlanes,
  forwarders,
  pool,
  type SoakNetwork,
  serverAddress,
  serverNumbers,
} from './network.ts';
import { serverName, serverPorts } from './servers.ts';

export const site = 'local';

/** Front-end port of each kind of listener. */
export const ports = { http: 80, tcp: 81, udp: 53 } as const;

export type Isolation = 'serve' | 'fence';

/** What the manual says for etcd where sites fence: an election ends before a lease does. */
const quickElections = ['heartbeat-interval=50', 'election-timeout=500'];

/** A process of Sluice that can be killed and started again as it was. */
export interface Member {
  readonly name: string;
  running: SluiceProcess;
  restart(): Promise<void>;
}

export interface Balancer {
  readonly id: string;
  readonly address: string;
}

/** Three etcd members, two control planes, three forwarders, three load balancers. */
export interface Deployment {
  readonly etcd: Etcd;
  readonly planes: readonly Member[];
  /** Callers as root, one for each control plane. */
  readonly clients: readonly RpcClient[];
  /** By number less one. */
  readonly agents: readonly Member[];
  readonly balancers: readonly Balancer[];
  /** The processes of a forwarder's HAProxy. */
  haproxies(forwarder: number): number[];
  /** The master of a forwarder's HAProxy. */
  haproxyMaster(forwarder: number): Promise<number>;
  close(): Promise<void>;
}

/** A call without an answer within this has failed: above the time that etcd takes to elect. */
export const callMs = 15_000;

/** What is shown of the output of an agent when the start fails. Characters. */
const outputKept = 3_000;

/** How long anything may take to come up: the machine may be busy. Milliseconds. */
export const patience = 90_000;

export function forwarderName(number: number): string {
  return `edge-${number}`;
}

/** Starts all of it in the network, whose hub this process is in. */
export async function deploy(network: SoakNetwork, isolation: Isolation): Promise<Deployment> {
  const stops: (() => unknown)[] = [];
  const agents: Member[] = [];
  const close = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    await startServers(network, stops);
    const etcd = await startEtcd(3, isolation === 'fence' ? quickElections : []);
    stops.push(() => etcd.stop());
    const planes = [await startPlane(1, etcd, stops), await startPlane(2, etcd, stops)];
    const clients = planes.map(({ endpoint }) => new RpcClient({ endpoint, ...rootKey }));
    stops.push(() => Promise.all(clients.map((client) => client.close())));
    const [client] = clients as [RpcClient];
    await client.call('Sluice', 'RegisterSite', { EnsRegionId: site, AddressPool: pool });
    await client.call('Sluice', 'SetSiteIsolation', { EnsRegionId: site, Isolation: isolation });
    const endpoint = planes.map((plane) => plane.endpoint).join();
    for (const number of forwarders) {
      agents.push(await startAgent(number, endpoint, client, network, stops));
    }
    if (isolation === 'fence') {
      const fence = async () => (await standingsOf(client)).filter(({ fences }) => fences).length;
      const all = async () => (await fence()) === forwarders.length;
      await until(all, { what: 'all forwarders to fence', timeoutMs: patience });
    }
    for (const number of serverNumbers) {
      const named = { InstanceId: serverName(number), PrivateIpAddress: serverAddress(number) };
      await client.call('Sluice', 'RegisterInstance', { EnsRegionId: site, ...named });
    }
    const balancers: Balancer[] = [];
    for (let count = 0; count < 3; count++) balancers.push(await makeBalancer(client));
    return {
      ...{ etcd, planes, clients, agents, balancers, close },
      haproxies: (forwarder) => haproxiesIn(network.forwarder(forwarder)),
      haproxyMaster: async (forwarder) => {
        const { dataFolder } = agents[forwarder - 1]!.running;
        const file = join(dataFolder, 'forwarder', 'haproxy', 'haproxy.pid');
        return Number(await readFile(file, 'utf8'));
      },
    };
  } catch (error) {
    for (const { name, running } of agents) {
      console.error(`${name} said last:\n${running.output().slice(-outputKept)}`);
    }
    await close();
    throw error;
  }
}

async function startServers({ servers }: SoakNetwork, stops: (() => unknown)[]): Promise<void> {
  const module = fileURLToPath(new URL('servers.ts', import.meta.url));
  const execArgv = ['netns', 'exec', servers, process.execPath];
  const child = fork(module, [], { execPath: 'ip', execArgv });
  stops.push(() => child.kill());
  await once(child, 'message');
}

async function folder(stops: (() => unknown)[]): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'soak-'));
  stops.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function startPlane(number: number, etcd: Etcd, stops: (() => unknown)[]) {
  const dataFolder = await folder(stops);
  const members = etcd.endpoints.map((endpoint) => new URL(endpoint).host);
  // Each has another member first, so that both do not depend on one.
  const store = `etcd://${[...members.slice(number), ...members.slice(0, number)]}`;
  const options = {
    mode: 'control-plane',
    dataFolder,
    host: controlPlanes,
    port: 8_080 + number,
    flags: ['--store', store],
  } as const;
  const started = await startSluice(options);
  const plane = {
    name: `control plane ${number}`,
    endpoint: started.endpoint,
    running: started as SluiceProcess,
    restart: async () => {
      plane.running = await startSluice(options);
    },
  };
  stops.push(() => plane.running.stop());
  return plane;
}

async function startAgent(
  number: number,
  endpoint: string,
  client: RpcClient,
  network: SoakNetwork,
  stops: (() => unknown)[],
): Promise<Member> {
  const ForwarderName = forwarderName(number);
  const named = { EnsRegionId: site, ForwarderName };
  const { body } = await client.call('Sluice', 'RegisterForwarder', named);
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const options = {
    endpoint,
    site,
    accessKeyId: AccessKeyId!,
    accessKeySecret: AccessKeySecret!,
    dataFolder: await folder(stops),
    networkNamespace: network.forwarder(number),
  };
  const agent: Member = {
    name: `agent ${number}`,
    running: await startForwarderProcess(options),
    restart: async () => {
      agent.running = await startForwarderProcess(options);
    },
  };
  stops.push(() => agent.running.stop());
  return agent;
}

/** A load balancer over all servers with a listener of each kind, answering at each forwarder. */
async function makeBalancer(client: RpcClient): Promise<Balancer> {
  const LoadBalancerId = await emptyLoadBalancer(client, site);
  await client.call('Ens', 'AddBackendServers', {
    LoadBalancerId,
    BackendServers: serverNumbers.map((number) => ({ ServerId: serverName(number) })),
  });
  for (const [protocol, ListenerPort] of Object.entries(ports)) {
    await client.call('Ens', `CreateLoadBalancer${protocol.toUpperCase()}Listener`, {
      LoadBalancerId,
      ListenerPort,
      BackendServerPort: serverPorts[protocol as keyof typeof ports],
      ...(protocol === 'http' ? { HealthCheck: 'on' } : {}),
    });
    const started = { LoadBalancerId, ListenerPort, ListenerProtocol: protocol };
    await client.call('Ens', 'StartLoadBalancerListener', started);
  }
  const described = await client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  const { Address } = described.body as { Address: string };
  for (const number of forwarders) {
    await until(() => isServed(Address, number), {
      what: `an answer of ${LoadBalancerId} through forwarder ${number}`,
      timeoutMs: patience,
    });
  }
  return { id: LoadBalancerId, address: Address };
}

/** A forwarder at the site, as a control plane shows it. */
export interface Standing {
  readonly forwarder: string;
  /** It has reported within the last seconds. */
  readonly live: boolean;
  /** Empty: it has no place at the site yet. */
  readonly state: string;
  readonly fences: boolean;
}

/** Every forwarder. @throws as the call does, also when there is no answer in 15 seconds */
export async function standingsOf(client: RpcClient): Promise<readonly Standing[]> {
  const signal = AbortSignal.timeout(callMs);
  const { body } = await client.call('Sluice', 'DescribeForwarders', {}, { signal });
  return (body as Described).Forwarders.Forwarder.map(({ ForwarderName, Live, Sites }) => {
    const at = Sites.Site.find(({ EnsRegionId }) => EnsRegionId === site);
    const { State: state = '', Fences: fences = false } = at ?? {};
    return { forwarder: ForwarderName, live: Live, state, fences };
  });
}

interface Described {
  readonly Forwarders: {
    readonly Forwarder: readonly {
      readonly ForwarderName: string;
      readonly Live: boolean;
      readonly Sites: {
        readonly Site: readonly {
          readonly EnsRegionId: string;
          readonly State: string;
          readonly Fences: boolean;
        }[];
      };
    }[];
  };
}

/** True when a load balancer answers through a forwarder. */
export async function isServed(host: string, forwarder: number): Promise<boolean> {
  const localAddress = clientOf(forwarder);
  await get({ host, port: ports.http, localAddress, agent: false });
  return true;
}

function haproxiesIn(namespace: string): number[] {
  const listed = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
  return listed
    .split('\n')
    .filter(Boolean)
    .map(Number)
    .filter((pid) => nameOf(pid) === 'haproxy');
}

function nameOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}
