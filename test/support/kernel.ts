import type {
  BackendServer,
  DrainingServer,
  LoadBalancer,
  TcpListener,
  UdpListener,
} from '../../src/elb/types.ts';
import { balancer, tcp } from './haproxy.ts';
import { makeNetwork, type Network, type Owner } from './namespaces.ts';

/** A network whose forwarder runs the nftables engine, with servers s-1, s-2 and s-3. */
export interface KernelScene extends Network {
  /** The three servers as a pool has them; their ports come from the listener. */
  readonly servers: readonly BackendServer[];
  readonly servers6: readonly BackendServer[];
  /** A load balancer over them. */
  balancer(parts: Partial<LoadBalancer>): LoadBalancer;
}

/**
 * Servers answer at ports 53 (UDP) and 80 (TCP), of both address families.
 * @param probing really, and not only what `probe` says
 */
export async function kernelScene(t: Owner, probing = false): Promise<KernelScene> {
  const network = makeNetwork(t);
  const { backends, forwarder } = network;
  await Promise.all(
    backends.flatMap((backend, index) =>
      [backend.ip, backend.ip6].flatMap((address) =>
        (['udp', 'tcp'] as const).map((protocol) => {
          const port = protocol === 'udp' ? 53 : 80;
          return backend.ask('serve', { name: `s-${index + 1}`, protocol, address, port });
        }),
      ),
    ),
  );
  await forwarder.ask('open', probing);
  const pool = (ips: readonly string[]): BackendServer[] =>
    ips.map((ip, index) => ({
      serverId: `s-${index + 1}`,
      type: 'ens',
      ip,
      port: 0,
      weight: 100,
    }));
  const servers = pool(backends.map(({ ip }) => ip));
  return {
    ...network,
    servers,
    servers6: pool(backends.map(({ ip6 }) => ip6)),
    balancer: (parts) =>
      balancer('lb-1', { address: network.address, backends: servers, ...parts }),
  };
}

const unprobed = { ...tcp(1).health, enabled: false };

export function udp(port: number, more: Partial<UdpListener> = {}): UdpListener {
  const { running, createTime, scheduler } = tcp(1);
  const own = { establishedTimeoutSeconds: 900, eipTransmit: false, health: unprobed };
  return { running, createTime, scheduler, ...own, protocol: 'udp', port, ...more };
}

/** A TCP listener that nobody probes. */
export function plainTcp(port: number, more: Partial<TcpListener> = {}): TcpListener {
  return tcp(port, { health: unprobed, ...more });
}

/** A server on its way out. */
export function leaving(server: BackendServer, deadline: number): DrainingServer {
  return { ...server, deadline };
}
