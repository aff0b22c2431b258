import type {
  BackendServer,
  HttpListener,
  Listener,
  LoadBalancer,
  TcpListener,
} from '../../elb/types.ts';
import { endpoint, numberToken, portToken, quoted, sectionName, serverName } from './names.ts';

/** A listener that HAProxy carries. */
type Carried = TcpListener | HttpListener;

/** One backend section and the servers it should have. */
export interface Pool {
  /** `b_…`: probed servers. `o_…`: the same ones unprobed, for when no probe succeeds. */
  readonly name: string;
  readonly servers: readonly Slot[];
}

/** A server as its section has it. */
export interface Slot {
  readonly name: string;
  readonly address: string;
  readonly weight: number;
  /** No new connections: weight 0. */
  readonly maintenance: boolean;
  /** Keywords of `server` and `add server` after the address. */
  readonly options: string;
}

/** The listeners of a load balancer that should accept connections here, `except` left out. */
export function carried(
  { status, listeners }: LoadBalancer,
  except: ReadonlySet<string> = new Set(),
): Carried[] {
  if (status !== 'Active') return [];
  return listeners.filter(
    (listener): listener is Carried =>
      listener.running &&
      (listener.protocol === 'tcp' || listener.protocol === 'http') &&
      !except.has(listenerName(listener)),
  );
}

/** `tcp:80` */
export function listenerName({ protocol, port }: Listener): string {
  return `${protocol}:${port}`;
}

/** The pools of a load balancer: per listener one, and its unprobed twin when probes are on. */
export function pools(loadBalancer: LoadBalancer, listeners: readonly Carried[]): Pool[] {
  return listeners.flatMap((listener) => {
    const name = sectionName(loadBalancer, listener);
    const slots = (probed: boolean) =>
      loadBalancer.backends.map((server) => slot(listener, server, probed));
    return listener.health.enabled
      ? [
          { name: `b_${name}`, servers: slots(true) },
          { name: `o_${name}`, servers: slots(false) },
        ]
      : [{ name: `b_${name}`, servers: slots(false) }];
  });
}

function slot(listener: Carried, server: BackendServer, probed: boolean): Slot {
  const port = server.port || listener.backendPort || listener.port;
  const proxied = listener.protocol === 'tcp' && listener.eipTransmit;
  const options = [
    ...(proxied ? ['send-proxy-v2'] : []),
    ...(listener.protocol === 'http' ? ['pool-purge-delay 1s'] : []),
    ...(probed ? [probeOptions(listener)] : []),
  ];
  return {
    name: serverName(server),
    address: endpoint(server.ip, port),
    // rr takes servers in turn whatever their weight; a slot that rests keeps a valid weight.
    weight: listener.scheduler === 'rr' || server.weight === 0 ? 1 : server.weight,
    maintenance: server.weight === 0,
    options: options.join(' '),
  };
}

function probeOptions({ health }: Carried): string {
  const port = health.port === undefined ? '' : ` port ${portToken(health.port)}`;
  return (
    `check inter ${numberToken(health.intervalSeconds, 1, 50)}s ` +
    `rise ${numberToken(health.healthyThreshold, 1, 10)} ` +
    `fall ${numberToken(health.unhealthyThreshold, 1, 10)}${port}`
  );
}

/**
 * The sections of one load balancer without their servers. Two load balancers with the same frame
 * differ in nothing that needs a reload.
 */
export function renderFrame(
  loadBalancer: LoadBalancer,
  listeners: readonly Carried[],
  servers: (pool: string) => readonly string[] = () => [],
): string {
  const blocks = listeners.flatMap((listener) => {
    const name = sectionName(loadBalancer, listener);
    const twins = listener.health.enabled ? ['b', 'o'] : ['b'];
    return [
      frontend(loadBalancer, listener, name),
      ...twins.map((twin) => [
        ...backend(loadBalancer, listener, `${twin}_${name}`, `b_${name}`),
        ...servers(`${twin}_${name}`),
      ]),
    ];
  });
  return blocks.map((lines) => `${lines.join('\n  ')}\n`).join('\n');
}

/** The whole file of one load balancer. */
export function render(loadBalancer: LoadBalancer, listeners: readonly Carried[]): string {
  const byName = new Map(pools(loadBalancer, listeners).map((pool) => [pool.name, pool.servers]));
  return renderFrame(loadBalancer, listeners, (pool) => (byName.get(pool) ?? []).map(serverLine));
}

function serverLine({ name, address, weight, maintenance, options }: Slot): string {
  const words = ['server', name, address, 'weight', numberToken(weight, 1, 100), options];
  return [...words.filter(Boolean), ...(maintenance ? ['disabled'] : [])].join(' ');
}

function frontend({ address }: LoadBalancer, listener: Carried, name: string): string[] {
  const lines = [
    `frontend f_${name}`,
    `mode ${listener.protocol}`,
    `bind ${endpoint(address, listener.port)}`,
    ...(listener.protocol === 'tcp' ? tcpFrontend(listener) : httpFrontend(listener)),
  ];
  // When no probe succeeds, traffic goes to every server that has weight.
  if (listener.health.enabled) lines.push(`use_backend o_${name} if { nbsrv(b_${name}) eq 0 }`);
  return [...lines, `default_backend b_${name}`];
}

function tcpFrontend({ establishedTimeoutSeconds, scheduler }: TcpListener): string[] {
  return [
    `timeout client ${numberToken(establishedTimeoutSeconds, 10, 900)}s`,
    ...(scheduler === 'tch' ? ['tcp-request connection set-var(sess.port) src_port'] : []),
  ];
}

function httpFrontend(listener: HttpListener): string[] {
  const { idleTimeoutSeconds: idle, requestTimeoutSeconds: request, forwardPort } = listener;
  const port = forwardPort === 443 ? '' : `:${forwardPort}`;
  return [
    `timeout client ${numberToken(Math.max(idle, request), 1, 180)}s`,
    `timeout http-keep-alive ${numberToken(idle, 1, 60)}s`,
    ...(listener.forwardedFor ? ['option forwardfor'] : []),
    ...(forwardPort === undefined
      ? []
      : [
          'http-request redirect code 301 location ' +
            `https://%[req.hdr(host),field(1,:)]${port}%[capture.req.uri]`,
        ]),
  ];
}

function backend(
  loadBalancer: LoadBalancer,
  listener: Carried,
  name: string,
  probedTwin: string,
): string[] {
  return [
    `backend ${name}`,
    `mode ${listener.protocol}`,
    ...balance(listener),
    ...(listener.protocol === 'tcp'
      ? tcpBackend(loadBalancer, listener, name, probedTwin)
      : httpBackend(listener)),
    ...(listener.health.enabled && name === probedTwin ? probes(listener) : []),
  ];
}

/** Algorithms that HAProxy can change servers of while it runs. */
function balance({ scheduler }: Carried): string[] {
  switch (scheduler) {
    case 'wrr':
    case 'rr':
      return ['balance roundrobin'];
    case 'wlc':
      return ['balance leastconn'];
    case 'tch':
      // The service address and port are the same for all, so the client's two tell all four.
      return ['balance hash src,concat(:,sess.port)', 'hash-type consistent'];
    case 'sch':
    case 'qch':
    case 'iqch':
      // TCP and HTTP have no QUIC connection id: the client's address stands for it.
      return ['balance source', 'hash-type consistent'];
  }
}

function tcpBackend(
  { ipVersion }: LoadBalancer,
  listener: TcpListener,
  name: string,
  probedTwin: string,
): string[] {
  const { establishedTimeoutSeconds: established, persistenceTimeoutSeconds: persist } = listener;
  const kind = ipVersion === 'ipv6' ? 'ipv6' : 'ip';
  const own = `stick-table type ${kind} size 100k expire ${numberToken(persist, 0, 3600)}s srvkey name`;
  return [
    `timeout server ${numberToken(established, 10, 900)}s`,
    ...(persist === 0
      ? []
      : name === probedTwin
        ? [own, 'stick on src']
        : [`stick on src table ${probedTwin}`]),
  ];
}

function httpBackend({ requestTimeoutSeconds }: HttpListener): string[] {
  return [
    `timeout server ${numberToken(requestTimeoutSeconds, 1, 180)}s`,
    // A server that closes a kept connection just as it is used again: a request that may be
    // repeated safely is, elsewhere if need be.
    'retry-on conn-failure empty-response',
    'http-request disable-l7-retry unless { method GET HEAD OPTIONS }',
  ];
}

function probes({ health }: Carried): string[] {
  // A timeout below the interval is ignored and the interval counts.
  const timeout = Math.max(health.timeoutSeconds, health.intervalSeconds);
  const lines = [`timeout check ${numberToken(timeout, 1, 300)}s`];
  if (health.kind !== 'http') return lines;
  const host = health.domain === undefined ? '' : ` ver HTTP/1.1 hdr Host ${quoted(health.domain)}`;
  const method = health.method === 'get' ? 'GET' : 'HEAD';
  const classes = [...(health.httpCode ?? 'http_2xx').matchAll(/[2-5](?=xx)/g)].join('');
  return [
    ...lines,
    'option httpchk',
    `http-check send meth ${method} uri ${quoted(health.uri ?? '/')}${host}`,
    `http-check expect rstatus ^[${classes}]..$`,
  ];
}
