import { rmSync } from 'node:fs';
import type { RpcAnswer } from '../../src/client.ts';
import { type Edge, makeEdge } from './edge.ts';
import { serve } from './namespace-server.ts';
import { enterNamespace } from './namespaces.ts';
import { freePort } from './ports.ts';
import { emptyLoadBalancer } from './scene.ts';
import { type Sluice, type SluiceProcess, startForwarderProcess, startSluice } from './sluice.ts';
import { until } from './wait.ts';

/** A forwarder in a namespace of its own, and clients that reach the load balancer through it. */
export interface Post {
  readonly name: string;
  readonly edge: Edge;
  readonly clients: ReturnType<typeof enterNamespace>;
  forwarder: SluiceProcess;
}

/** The servers behind the load balancer; `removed` comes and goes. */
export const servers = ['kept', 'removed'] as const;

const EnsRegionId = 'local';

/**
 * One control plane on SQLite and two forwarders of one site, each in a network namespace. Their
 * clients open new TCP connections without end, and note who answered and when.
 */
export class SilentFleet {
  plane!: Sluice;
  readonly posts: Post[] = [];
  #address = '';
  readonly #port = 80;
  #loadBalancerId = '';
  #serverPorts = new Map<string, number>();

  async start(isolation: 'serve' | 'fence'): Promise<void> {
    const edges = [makeEdge(), makeEdge()] as const;
    const [{ here, pool }] = edges;
    this.plane = await startSluice({ mode: 'control-plane', host: '0.0.0.0' });
    const { client } = this.plane;
    await client.call('Sluice', 'RegisterSite', {
      EnsRegionId,
      AddressPool: pool,
      Isolation: isolation,
    });
    for (const name of servers) {
      const port = await freePort(here);
      await serve({ name, protocol: 'tcp', address: here, port });
      this.#serverPorts.set(name, port);
      const machine = { EnsRegionId, InstanceId: name, PrivateIpAddress: here };
      await client.call('Sluice', 'RegisterInstance', machine);
    }
    for (const [index, edge] of edges.entries()) {
      // Every forwarder reaches the servers, whichever link their address is of.
      if (index > 0) edge.run('ip', 'route', 'add', `${here}/32`, 'via', edge.here);
      edge.run('nft', 'add table inet cut');
      edge.run('nft', 'add chain inet cut out { type filter hook output priority 0; }');
      edge.run('nft', 'add chain inet cut in { type filter hook input priority 0; }');
      this.posts.push(await this.#post(`edge-${index + 1}`, edge));
    }
    await this.#balance();
  }

  async stop(): Promise<void> {
    for (const { forwarder, clients, edge } of this.posts) {
      forwarder.process.kill('SIGCONT');
      await forwarder.stop();
      rmSync(forwarder.dataFolder, { recursive: true, force: true });
      clients.end();
      edge.end();
    }
    if (this.plane === undefined) return;
    this.plane.process.kill('SIGCONT');
    await this.plane.stop();
    rmSync(this.plane.dataFolder, { recursive: true, force: true });
  }

  async change(action: 'AddBackendServers' | 'RemoveBackendServers'): Promise<RpcAnswer> {
    const server = { ServerId: 'removed', Port: this.#serverPorts.get('removed')! };
    return this.plane.client.call('Ens', action, {
      LoadBalancerId: this.#loadBalancerId,
      BackendServers: [server],
    });
  }

  /** Begins to connect through every forwarder. */
  async load(): Promise<void> {
    const to = { address: this.#address, port: this.#port };
    for (const { clients } of this.posts) await clients.ask('startLoad', 'tcp', to, 2);
  }

  /**
   * Ends that.
   * @returns forwarder -> connections begun after `since` (Unix milliseconds): how many reached
   *   the removed server, and how many another
   */
  async observed(since: number): Promise<ReadonlyMap<string, { stale: number; right: number }>> {
    const found = new Map<string, { stale: number; right: number }>();
    for (const { name, clients } of this.posts) {
      const later = (await clients.ask('stopLoad')).filter(({ begun }) => begun > since);
      const count = (server: string) => later.filter((each) => each.server === server).length;
      found.set(name, { stale: count('removed'), right: count('kept') });
    }
    return found;
  }

  /** Every forwarder reports, and connections reach both servers through each. */
  async settled(): Promise<void> {
    await until(
      async () => {
        const { headers } = await this.change('AddBackendServers');
        if (headers['x-sluice-applied'] !== '2/2') return false;
        const to = { address: this.#address, port: this.#port };
        for (const { clients } of this.posts) {
          const counts = await clients.ask('tcpMany', to, 20);
          if (!servers.every((name) => (counts[name] ?? 0) > 0)) return false;
        }
        return true;
      },
      { what: 'both forwarders and both servers', timeoutMs: 60_000 },
    );
  }

  /** True once the engines of both forwarders hold their lease. */
  async fences(): Promise<boolean> {
    const { body } = await this.plane.client.call('Sluice', 'DescribeForwarders', {});
    return JSON.stringify(body).split('"Fences":true').length - 1 === this.posts.length;
  }

  /** Drops what a forwarder sends to the control plane (`out`), or gets from there (`in`). */
  cut({ edge }: Post, ...directions: ('in' | 'out')[]): void {
    const { port } = new URL(this.plane.endpoint);
    for (const chain of directions) {
      const end = chain === 'out' ? 'dport' : 'sport';
      edge.run('nft', `add rule inet cut ${chain} tcp ${end} ${port} drop`);
    }
  }

  mend({ edge }: Post): void {
    edge.run('nft', 'flush table inet cut');
  }

  /** Starts the control plane again that has ended, on the data and the port that it had. */
  restartPlane(dataFolder: string, port: number): Promise<Sluice> {
    return startSluice({ mode: 'control-plane', host: '0.0.0.0', dataFolder, port });
  }

  /** Starts a forwarder again that has ended, on the data that it had. */
  async restart(post: Post): Promise<void> {
    post.forwarder = await this.#launch(post.name, post.edge, post.forwarder.dataFolder);
  }

  async #post(name: string, edge: Edge): Promise<Post> {
    const forwarder = await this.#launch(name, edge);
    return { name, edge, clients: enterNamespace(edge.namespace), forwarder };
  }

  async #launch(name: string, edge: Edge, dataFolder?: string): Promise<SluiceProcess> {
    const { client, endpoint } = this.plane;
    const named = { EnsRegionId, ForwarderName: name };
    const { body } = await client.call('Sluice', 'RegisterForwarder', named);
    const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
    return startForwarderProcess({
      endpoint: `http://${edge.here}:${new URL(endpoint).port}`,
      site: EnsRegionId,
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
      networkNamespace: edge.namespace,
      ...(dataFolder === undefined ? {} : { dataFolder }),
    });
  }

  async #balance(): Promise<void> {
    const { client } = this.plane;
    this.#loadBalancerId = await emptyLoadBalancer(client);
    const { LoadBalancerId } = { LoadBalancerId: this.#loadBalancerId };
    const BackendServers = servers.map((name) => ({
      ServerId: name,
      Port: this.#serverPorts.get(name)!,
    }));
    await client.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers });
    const listener = { LoadBalancerId, ListenerPort: this.#port };
    await client.call('Ens', 'CreateLoadBalancerTCPListener', listener);
    const protocol = { ListenerProtocol: 'tcp' };
    await client.call('Ens', 'StartLoadBalancerListener', { ...listener, ...protocol });
    const { body } = await client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
    this.#address = (body as { Address: string }).Address;
    await this.settled();
  }
}
