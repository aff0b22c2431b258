import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildScene, freePort } from '../test/support/scene.ts';
import { startSluice } from '../test/support/sluice.ts';
import { type Figure, perSecond } from './figure.ts';
import { fastBackend, nginx, type Program, startProgram } from './programs.ts';
import { inTurns, median, medianRatio } from './rounds.ts';
import { runWrk } from './wrk.ts';

const clients = 64;
const seconds = 2;
const rounds = 5;

type Kind = 'http' | 'tcp';

/** Where a peer listens; a peer without a kind does not do it. */
type Ports = Readonly<Partial<Record<Kind, number>>>;

interface Peer {
  readonly name: string;
  /** HTTP throughput of ours against its, as the design has it. */
  readonly aim: string;
  readonly program: (ports: Required<Ports>, to: number) => Program;
  readonly kinds: readonly Kind[];
}

const peers: readonly Peer[] = [
  { name: 'nginx', aim: '>= 1', program: nginxPeer, kinds: ['http', 'tcp'] },
  { name: 'Envoy', aim: '>= 2.5', program: envoy, kinds: ['http', 'tcp'] },
  { name: 'Caddy', aim: '>= 2', program: caddy, kinds: ['http'] },
];

/** Requests a second through listeners of ours and through other load balancers, in one run. */
export async function benchPeers(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-peers-'));
  const port = await freePort();
  const ends: (() => void)[] = [];
  const sluice = await startSluice();
  try {
    ends.push(await startProgram(folder, fastBackend(port)));
    const places = new Map<string, Required<Ports>>();
    for (const { name, program } of peers) {
      const ports = { http: await freePort(), tcp: await freePort() };
      places.set(name, ports);
      ends.push(await startProgram(folder, program(ports, port)));
    }
    const backend = { name: 'i-fast', ip: '127.0.0.1', port };
    const kinds = ['http', 'tcp'] as const;
    const listeners = [{ protocol: 'HTTP' }, { protocol: 'TCP' }] as const;
    const scene = await buildScene(sluice.client, [backend], listeners);
    const figures: Figure[] = [];
    for (const [index, kind] of kinds.entries()) {
      const ours = { host: scene.address, port: scene.ports[index]! };
      const theirs = peers.filter((peer) => peer.kinds.includes(kind));
      figures.push(...(await compare(kind, ours, theirs, places)));
    }
    return figures;
  } finally {
    await sluice.stop();
    for (const end of ends) end();
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(
  kind: Kind,
  ours: { readonly host: string; readonly port: number },
  theirs: readonly Peer[],
  places: ReadonlyMap<string, Required<Ports>>,
): Promise<Figure[]> {
  const measures = theirs.map(({ name }) => {
    const target = { host: '127.0.0.1', port: places.get(name)![kind] };
    return [name, () => runWrk({ ...target, clients, seconds })] as const;
  });
  const rates: Record<string, number[]> = await inTurns(rounds, {
    ours: () => runWrk({ ...ours, clients, seconds }),
    ...Object.fromEntries(measures),
  });
  return theirs.map(({ name, aim }) => ({
    name: `${kind.toUpperCase()} throughput / ${name}`,
    value: medianRatio(rates.ours!, rates[name]!),
    aim: kind === 'http' ? aim : '>= 1',
    from: `${perSecond(median(rates.ours!))}, ${name} ${perSecond(median(rates[name]!))}`,
  }));
}

/** Connections to servers are kept, as a careful operator has it. */
function nginxPeer(ports: Required<Ports>, to: number): Program {
  const sections = `http {
  access_log off;
  keepalive_requests 1000000;
  upstream backend { server 127.0.0.1:${to}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${ports.http};
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
stream {
  server { listen 127.0.0.1:${ports.tcp}; proxy_pass 127.0.0.1:${to}; }
}`;
  return nginx('nginx.conf', sections, ports.http);
}

function envoy(ports: Required<Ports>, to: number): Program {
  const type = 'type.googleapis.com/envoy.extensions.filters';
  const listen = (port: number) => ({
    socket_address: { address: '127.0.0.1', port_value: port },
  });
  const router = { '@type': `${type}.http.router.v3.Router` };
  const http = {
    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'http',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'backend' } }],
        },
      ],
    },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: router }],
  };
  const tcp = {
    '@type': `${type}.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'tcp',
    cluster: 'backend',
  };
  const chain = (name: string, typed_config: object) => [{ filters: [{ name, typed_config }] }];
  const listeners = [
    { name: 'http', address: listen(ports.http), filter_chains: chain('http', http) },
    { name: 'tcp', address: listen(ports.tcp), filter_chains: chain('tcp', tcp) },
  ];
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: listen(to) } }] }];
  const backend = {
    name: 'backend',
    connect_timeout: '5s',
    load_assignment: { cluster_name: 'backend', endpoints },
  };
  const config = JSON.stringify({ static_resources: { listeners, clusters: [backend] } });
  const args = (path: string) => ['-c', path, '--log-level', 'off', '--concurrency', '2'];
  return { name: 'envoy.json', command: installed('envoy'), args, config, port: ports.http };
}

function caddy(ports: Required<Ports>, to: number): Program {
  const config = `{
  admin off
  auto_https off
}
http://127.0.0.1:${ports.http} {
  reverse_proxy 127.0.0.1:${to}
}
`;
  const args = (path: string) => ['run', '--config', path, '--adapter', 'caddyfile'];
  return { name: 'Caddyfile', command: installed('caddy'), args, config, port: ports.http };
}

/** A program that the setup script has installed for benches. */
function installed(name: string): string {
  return join(import.meta.dirname, '..', '.cache', 'bench', 'bin', name);
}
