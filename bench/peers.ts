import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../test/support/certificates.ts';
import { freePort } from '../test/support/ports.ts';
import { buildScene } from '../test/support/scene.ts';
import { startSluice } from '../test/support/sluice.ts';
import { type Figure, perSecond } from './figure.ts';
import { fastBackend, nginx, type Program, startProgram } from './programs.ts';
import { inTurns, median, medianRatio } from './rounds.ts';
import { runWrk } from './wrk.ts';

const clients = 64;
const seconds = 2;
const rounds = 5;

const kinds = ['http', 'https', 'tcp'] as const;
type Kind = (typeof kinds)[number];

/** Where a peer listens. */
type Ports = Readonly<Record<Kind, number>>;

/** What all of them show their clients: paths of PEM files. */
interface Shown {
  readonly cert: string;
  readonly key: string;
}

interface Peer {
  readonly name: string;
  /** Of our HTTP throughput against its. */
  readonly aim: string;
  readonly program: (ports: Ports, to: number, shown: Shown) => Program;
  readonly kinds: readonly Kind[];
}

const peers: readonly Peer[] = [
  { name: 'nginx', aim: '>= 1', program: nginxPeer, kinds },
  { name: 'Envoy', aim: '>= 2.5', program: envoy, kinds },
  { name: 'Caddy', aim: '>= 2', program: caddy, kinds: ['http', 'https'] },
];

/** Requests a second through listeners of ours and through other load balancers, in one run. */
export async function benchPeers(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-peers-'));
  const port = await freePort();
  const ends: (() => void)[] = [];
  const sluice = await startSluice();
  try {
    const pem = makeCertificate({ name: 'localhost' });
    const shown = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    await writeFile(shown.cert, pem.cert);
    await writeFile(shown.key, pem.key);
    ends.push(await startProgram(folder, fastBackend(port)));
    const places = new Map<string, Ports>();
    for (const { name, program } of peers) {
      const ports = { http: await freePort(), https: await freePort(), tcp: await freePort() };
      places.set(name, ports);
      ends.push(await startProgram(folder, program(ports, port, shown)));
    }
    const uploaded = { Cert: pem.cert, Key: pem.key };
    const { body } = await sluice.client.call('Cas', 'UploadUserCertificate', uploaded);
    const ServerCertificateId = String((body as { CertId: number }).CertId);
    const scene = await buildScene(
      sluice.client,
      [{ name: 'i-fast', ip: '127.0.0.1', port }],
      [
        { protocol: 'HTTP' },
        { protocol: 'HTTPS', parameters: { ServerCertificateId } },
        { protocol: 'TCP' },
      ],
    );
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
  places: ReadonlyMap<string, Ports>,
): Promise<Figure[]> {
  const load = { clients, seconds, isSecure: kind === 'https' };
  const measures = theirs.map(({ name }) => {
    const target = { host: '127.0.0.1', port: places.get(name)![kind] };
    return [name, () => runWrk({ ...target, ...load })] as const;
  });
  const rates: Record<string, number[]> = await inTurns(rounds, {
    ours: () => runWrk({ ...ours, ...load }),
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
function nginxPeer(ports: Ports, to: number, { cert, key }: Shown): Program {
  const sections = `http {
  access_log off;
  keepalive_requests 1000000;
  upstream backend { server 127.0.0.1:${to}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${ports.http};
    listen 127.0.0.1:${ports.https} ssl;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
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

function envoy(ports: Ports, to: number, { cert, key }: Shown): Program {
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
  const pems = [{ certificate_chain: { filename: cert }, private_key: { filename: key } }];
  const transport = 'type.googleapis.com/envoy.extensions.transport_sockets';
  const tls = {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${transport}.tls.v3.DownstreamTlsContext`,
      common_tls_context: { tls_certificates: pems },
    },
  };
  const chain = (name: string, typed_config: object) => [{ filters: [{ name, typed_config }] }];
  const listeners = [
    { name: 'http', address: listen(ports.http), filter_chains: chain('http', http) },
    {
      name: 'https',
      address: listen(ports.https),
      filter_chains: chain('http', http).map((each) => ({ ...each, transport_socket: tls })),
    },
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

function caddy(ports: Ports, to: number, { cert, key }: Shown): Program {
  const config = `{
  admin off
  auto_https off
}
http://127.0.0.1:${ports.http} {
  reverse_proxy 127.0.0.1:${to}
}
https://127.0.0.1:${ports.https}, https://localhost:${ports.https} {
  tls ${cert} ${key}
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
