import { call } from '../door.ts';
import { apiTime, type Monitored, type RequestRow, type TrafficRow } from './series.ts';

interface Described {
  readonly LoadBalancerName: string;
  readonly ListenerPortsAndProtocols: readonly {
    readonly ListenerPort: number;
    readonly ListenerProtocol: string;
  }[];
}

export interface LoadBalancerMonitored extends Monitored {
  readonly name: string;
  /** `tcp:80` */
  readonly listeners: readonly string[];
}

/**
 * All that is known of a load balancer's minutes. Each port is asked for on its own, which is how
 * ENS has it.
 * @throws CallFailed
 */
export async function readMonitored(
  LoadBalancerId: string,
  { from, until }: { readonly from: number; readonly until: number },
): Promise<LoadBalancerMonitored> {
  const { body } = await call<Described>('Ens', 'DescribeLoadBalancerAttribute', {
    LoadBalancerId,
  });
  const named = body.ListenerPortsAndProtocols;
  const times = { LoadBalancerId, StartTime: apiTime(from), EndTime: apiTime(until) };
  const ports = [...new Set(named.map(({ ListenerPort }) => String(ListenerPort)))];
  const [requests, ...traffic] = await Promise.all([
    call<{ ServerLoadBalancerMonitorData: readonly RequestRow[] }>(
      'Ens',
      'DescribeServerLoadBalancerListenMonitor',
      times,
    ),
    ...ports.map((VPort) =>
      call<{ LoadBalancerMonitorListenData: readonly TrafficRow[] }>(
        'Ens',
        'DescribeLoadBalancerListenMonitor',
        { ...times, VPort },
      ),
    ),
  ]);
  return {
    name: body.LoadBalancerName || LoadBalancerId,
    listeners: named.map((each) => `${each.ListenerProtocol}:${each.ListenerPort}`),
    from,
    until,
    traffic: traffic.flatMap((each) => each.body.LoadBalancerMonitorListenData),
    requests: requests.body.ServerLoadBalancerMonitorData,
  };
}
