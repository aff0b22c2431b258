import { KernelHost } from './kernel-host.ts';
import { Client } from './namespace-client.ts';
import { serve, serveHealth } from './namespace-server.ts';

/** What a process in a namespace does when it is asked to: see namespaces.ts. */
const client = new Client();
const host = new KernelHost();

const methods = {
  serve,
  serveHealth,
  udp: client.udp.bind(client),
  udpMany: client.udpMany.bind(client),
  tcp: client.tcp.bind(client),
  tcpMany: client.tcpMany.bind(client),
  openTcp: client.openTcp.bind(client),
  echo: client.echo.bind(client),
  isOpen: client.isOpen.bind(client),
  startLoad: client.startLoad.bind(client),
  stopLoad: client.stopLoad.bind(client),
  open: host.open.bind(host),
  apply: host.apply.bind(host),
  remove: host.remove.bind(host),
  prune: host.prune.bind(host),
  guard: host.guard.bind(host),
  renew: host.renew.bind(host),
  leaseFile: host.leaseFile.bind(host),
  keepRenewing: host.keepRenewing.bind(host),
  drains: host.drains.bind(host),
  health: host.health.bind(host),
  counters: host.counters.bind(host),
  traffic: host.traffic.bind(host),
  lost: host.lost.bind(host),
  probe: host.probe.bind(host),
  close: host.close.bind(host),
};
export type Methods = typeof methods;

interface Call {
  readonly call: number;
  readonly name: keyof Methods;
  readonly args: readonly never[];
}

process.on('message', async ({ call, name, args }: Call) => {
  try {
    const method = methods[name] as (...args: readonly never[]) => unknown;
    process.send!({ call, value: await method(...args) });
  } catch (error) {
    process.send!({ call, error: String((error as Error).stack ?? error) });
  }
});
process.on('disconnect', () => process.exit());
