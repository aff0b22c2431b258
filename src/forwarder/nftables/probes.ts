import type { ProbeTarget } from '../probes/prober.ts';
import type { Server, Service } from './service.ts';

/** Who probes for this engine. */
export interface Probes {
  /** From now on these are probed, and no others of this load balancer. */
  want(loadBalancerId: string, targets: readonly ProbeTarget[]): void;
  /** True until the first failures in a row. */
  isHealthy(key: string): boolean;
  close(): void;
}

/** Makes the prober. @param onChange called with the key of a target that fails or recovers */
export type StartProbes = (onChange: (key: string) => void) => Probes;

/** `lb-5… udp:53 i-1.ens.10.0.0.1.53`: the load balancer first. */
export function probeKey(service: Service, server: Server): string {
  return `${service.loadBalancerId} ${service.listener} ${server.name}`;
}

/** The servers of a listener that are to be probed: those with weight. */
export function probeTargets(service: Service): ProbeTarget[] {
  const { health } = service.settings;
  if (!health.enabled) return [];
  return service.servers
    .filter(({ weight }) => weight > 0)
    .map((server) => ({
      key: probeKey(service, server),
      address: server.ip,
      port: health.port ?? server.port,
      health,
    }));
}
