import type { BackendServer, LoadBalancer, TcpListener, UdpListener } from '../../elb/types.ts';
import { addressToken, idToken, portToken, serverName, UnsafeValue } from '../haproxy/names.ts';
import type { Family, Target } from './rules.ts';

/** A kind of listener that nftables can carry. */
export type KernelListener = TcpListener | UdpListener;

/** An attached server, or one whose flows may end on their own. */
export interface Server extends Target {
  readonly backend: BackendServer;
  /** One-to-one with what tells two entries of a pool apart. */
  readonly name: string;
  readonly weight: number;
}

/** A listener with its servers, its values checked. */
export interface Service {
  readonly loadBalancerId: string;
  /** `udp:53` */
  readonly listener: string;
  /** Its chain: `svc.lb-5….udp-53`. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp';
  readonly settings: KernelListener;
  readonly servers: readonly Server[];
  readonly draining: readonly (Server & { readonly deadline: number })[];
  /** Servers of the other address family, which cannot be reached from this address. */
  readonly outOfReach: readonly string[];
}

/**
 * The running TCP and UDP listeners of a load balancer while it is Active.
 * @throws UnsafeValue when a value could be read as something else than what it is
 */
export function servicesOf(loadBalancer: LoadBalancer): Service[] {
  if (loadBalancer.status !== 'Active') return [];
  return loadBalancer.listeners
    .filter((listener) => listener.running)
    .filter((listener) => listener.protocol === 'tcp' || listener.protocol === 'udp')
    .map((listener) => serviceOf(loadBalancer, listener));
}

function serviceOf(loadBalancer: LoadBalancer, settings: KernelListener): Service {
  const { protocol } = settings;
  const address = addressToken(loadBalancer.address);
  const family = familyOf(address);
  const port = Number(portToken(settings.port));
  const server = (backend: BackendServer): Server => ({
    backend,
    name: serverName(backend),
    ip: addressToken(backend.ip),
    port: Number(portToken(backend.port || settings.backendPort || settings.port)),
    weight: weightOf(backend.weight),
  });
  const isInReach = ({ ip }: Target) => familyOf(ip) === family;
  const servers = loadBalancer.backends.map(server);
  const draining = loadBalancer.draining
    .map(({ deadline, ...backend }) => ({ ...server(backend), deadline }))
    .filter(isInReach);
  return {
    loadBalancerId: loadBalancer.id,
    listener: `${protocol}:${port}`,
    name: `svc.${idToken(loadBalancer.id)}.${protocol}-${port}`,
    address,
    port,
    family,
    protocol,
    settings,
    servers: servers.filter(isInReach),
    draining,
    outOfReach: servers.filter((each) => !isInReach(each)).map(({ ip }) => ip),
  };
}

/** The load balancer that a chain is of; undefined: not a chain of a listener. */
export function ownerOf(chain: string): string | undefined {
  return /^svc\.([A-Za-z0-9-]+)\.(?:tcp|udp)-\d+$/.exec(chain)?.[1];
}

/**
 * The servers that new flows go to: those with weight whose probes succeed; when none does, all
 * that have weight.
 */
export function openServers(
  { servers }: Service,
  isHealthy: (server: Server) => boolean,
): readonly Server[] {
  const weighted = servers.filter(({ weight }) => weight > 0);
  const healthy = weighted.filter(isHealthy);
  return healthy.length > 0 ? healthy : weighted;
}

/** `10.0.0.1:53` or `[fd00::1]:53` */
export function endpointOf({ address, port }: Pick<Service, 'address' | 'port'>): string {
  return targetEndpoint({ ip: address, port });
}

export function targetEndpoint({ ip, port }: Target): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

function familyOf(address: string): Family {
  return address.includes(':') ? 'ip6' : 'ip';
}

function weightOf(weight: number): number {
  if (Number.isInteger(weight) && weight >= 0 && weight <= 100) return weight;
  throw new UnsafeValue(weight, 'weight');
}
