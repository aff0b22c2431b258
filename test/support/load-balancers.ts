import type { BackendServer, HttpsListener, LoadBalancer } from '../../src/elb/types.ts';

/** A server that stands for itself. */
export function server(serverId: string, weight = 100): BackendServer {
  return { serverId, type: 'ens', ip: '10.0.0.1', port: 80, weight };
}

/** A load balancer with an HTTP listener and the given servers. */
export function loadBalancer(
  id: string,
  servers: readonly string[] = ['i-1', 'i-2'],
  more: Partial<LoadBalancer> = {},
): LoadBalancer {
  return {
    v: 1,
    id,
    account: '1',
    site: 'site-1',
    name: id,
    spec: 'elb.s3.medium',
    loadBalancerType: 'CLB',
    payType: 'PostPaid',
    status: 'Active',
    address: '127.0.0.2',
    ipVersion: 'ipv4',
    networkId: 'n-1',
    vSwitchId: 'vsw-1',
    bandwidth: -1,
    createTime: '2026-11-24T00:00:00Z',
    drainSeconds: 30,
    listeners: [],
    backends: servers.map((each) => server(each)),
    draining: [],
    ...more,
  };
}

/** HTTPS listeners on ports 443, 444, …, each with a certificate. */
export function httpsListeners(...certificateIds: readonly string[]): HttpsListener[] {
  return certificateIds.map((certificateId, index) => ({
    protocol: 'https',
    port: 443 + index,
    running: true,
    createTime: '2026-11-24T00:00:00Z',
    scheduler: 'wrr',
    idleTimeoutSeconds: 15,
    requestTimeoutSeconds: 60,
    certificateId,
    health: {
      enabled: false,
      kind: 'http',
      timeoutSeconds: 5,
      intervalSeconds: 2,
      healthyThreshold: 3,
      unhealthyThreshold: 3,
    },
  }));
}
