import { createHash } from 'node:crypto';
import { specFigures } from '../../elb/specs.ts';
import type { HealthCheck, LoadBalancer, StickySession } from '../../elb/types.ts';
import { certificatePath, handoverSocket, limitsName } from './base.ts';
import type { LeaseLines } from './lease-lines.ts';
import {
  certificateFile,
  cookieToken,
  endpoint,
  hostToken,
  idToken,
  numberToken,
  portToken,
  quoted,
  type SectionRole,
  UnsafeValue,
} from './names.ts';
import { type Carriable, isHttp } from './render.ts';

/**
 * The lines of a listener's `frontend` after its first.
 * @param name what its sections' names begin with
 * @param lease the lines that hold it to a lease
 */
export function frontendLines(
  loadBalancer: LoadBalancer,
  listener: Carriable,
  name: string,
  lease: LeaseLines,
): string[] {
  const { address } = loadBalancer;
  return [
    `mode ${modeOf(listener)}`,
    `bind ${endpoint(address, listener.port)}${tlsWords(listener, name)}`,
    ...(isHttp(listener) ? [`bind ${nextSocket(name)} accept-proxy`] : []),
    ...lease.connection,
    ...limitLines(loadBalancer, listener),
    ...lease.request,
    ...acceptLines(listener, endpoint(address, listener.port).replace(/:\d+$/, '')),
    ...(isHttp(listener) ? nextLines(name) : []),
    // When no probe succeeds, traffic goes to every server that has weight.
    ...(listener.health.enabled
      ? [`use_backend ${name}.open if { nbsrv(${name}.pool) eq 0 }`]
      : []),
    `default_backend ${name}.pool`,
  ];
}

function modeOf(listener: Carriable): 'tcp' | 'http' {
  return isHttp(listener) ? 'http' : 'tcp';
}

/** The file is named by its listener: that it holds another certificate needs no reload. */
function tlsWords({ protocol }: Carriable, name: string): string {
  if (protocol !== 'https') return '';
  return ` ssl crt ${certificatePath(certificateFile(prefixOf(name)))} alpn h2,http/1.1`;
}

/** What a section's name begins with whatever the settings of its listener. */
function prefixOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.'));
}

/**
 * The worker before a reload answers one more request on each connection that is kept alive, so
 * that none is lost on its way. HAProxy takes no more commands about its servers, so it passes the
 * request on to the worker that accepts, as if the client had sent it there.
 */
function nextLines(name: string): string[] {
  return ['option idle-close-on-response', `use_backend ${name}.next if { stopping }`];
}

/** The lines of the `backend` that leads to the worker that accepts. */
export function nextBackendLines(name: string): string[] {
  return [
    'mode http',
    'timeout server 200s',
    `server next ${nextSocket(name)} send-proxy-v2 pool-max-conn 0`,
  ];
}

/** Its name is short, for a socket's path, and the same whatever the listener's settings. */
function nextSocket(name: string): string {
  return handoverSocket(shortDigest(prefixOf(name)));
}

function shortDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * The lines of a `backend` before its servers.
 * @param name what its sections' names begin with
 * @param stick the section that remembers clients
 */
export function backendLines(
  listener: Carriable,
  name: string,
  role: SectionRole,
  stick: string | undefined,
): string[] {
  return [
    `mode ${modeOf(listener)}`,
    ...balanceLines(listener),
    ...(stick === undefined ? [] : [`stick on src table ${stick}`]),
    ...(listener.protocol === 'https' ? cookieLines(listener.sticky, prefixOf(name)) : []),
    ...serveLines(listener),
    ...(role === 'pool' && listener.health.enabled ? probeLines(listener.health) : []),
  ];
}

/**
 * Sticky sessions. HAProxy derives a server's mark from its address and the key below, the one way
 * that servers have one which come while it runs. A mark whose server rests counts for nothing.
 */
function cookieLines(sticky: StickySession | undefined, prefix: string): string[] {
  if (sticky === undefined) return [];
  const life = sticky.kind === 'insert' && `${numberToken(sticky.timeoutSeconds, 1, 86_400)}s`;
  const words =
    sticky.kind === 'insert'
      ? `SERVERID insert indirect httponly secure maxlife ${life}`
      : `${cookieToken(sticky.cookie)} prefix`;
  return [`cookie ${words} nocache dynamic`, `dynamic-cookie-key ${shortDigest(prefix)}`];
}

/** Keywords of a probed server. */
export function probeOptions(health: HealthCheck): string {
  const port = health.port === undefined ? '' : ` port ${portToken(health.port)}`;
  return (
    `check inter ${numberToken(health.intervalSeconds, 1, 50)}s ` +
    `rise ${numberToken(health.healthyThreshold, 1, 10)} ` +
    `fall ${numberToken(health.unhealthyThreshold, 1, 10)}${port}`
  );
}

/**
 * The caps of the specification, counted over all listeners of the load balancer. Only what is let
 * in counts, so that more traffic than that gets no less through. What a worker before a reload
 * passes on came in there: it has no client address yet, and is not counted.
 */
function limitLines({ id, spec }: LoadBalancer, listener: Carriable): string[] {
  const figures = specFigures.get(spec);
  if (figures === undefined) return [];
  const most = (figure: number) => numberToken(figure, 1, 1_000_000);
  const connections = `sc0_conn_cur gt ${most(figures.connections)}`;
  const fresh = `sc0_gpc1_rate gt ${most(figures.newConnections)}`;
  return [
    `tcp-request connection track-sc0 str(${idToken(id)}) table ${limitsName} if { src -m found }`,
    `tcp-request connection reject if { ${connections} } || { ${fresh} }`,
    'tcp-request connection sc-inc-gpc1(0)',
    ...(!isHttp(listener)
      ? []
      : [
          `http-request deny deny_status 503 if { sc0_gpc0_rate gt ${most(figures.queries)} }`,
          'http-request sc-inc-gpc0(0)',
        ]),
  ];
}

function acceptLines(listener: Carriable, host: string): string[] {
  if (listener.protocol === 'tcp') {
    return [
      `timeout client ${numberToken(listener.establishedTimeoutSeconds, 10, 900)}s`,
      // Else the bytes of a session count when it ends, hours later.
      'option contstats',
      ...(listener.scheduler === 'tch'
        ? ['tcp-request connection set-var(sess.port) src_port']
        : []),
    ];
  }
  const { idleTimeoutSeconds: idle, requestTimeoutSeconds: request } = listener;
  return [
    `timeout client ${numberToken(Math.max(idle, request), 1, 180)}s`,
    `timeout http-keep-alive ${numberToken(idle, 1, 60)}s`,
    ...(listener.forwardPort === undefined ? [] : redirectLines(host, listener.forwardPort)),
  ];
}

/** Every request goes to https, at the host that it named. */
function redirectLines(host: string, forwardPort: number): string[] {
  const port = forwardPort === 443 ? '' : `:${portToken(forwardPort)}`;
  const to = (name: string) =>
    `http-request redirect code 301 location https://${name}${port}%[pathq]`;
  return [`${to('%[req.hdr(host),regsub(:[0-9]+$,)]')} if { req.hdr(host) -m found }`, to(host)];
}

/** Algorithms whose servers HAProxy can change while it runs. */
function balanceLines({ scheduler }: Carriable): string[] {
  switch (scheduler) {
    case 'wrr':
    case 'rr':
      return ['balance roundrobin'];
    case 'wlc':
      return ['balance leastconn'];
    case 'tch':
      // A listener has one address and port, so the client's two tell all four apart.
      return ['balance hash src,concat(:,sess.port)', 'hash-type consistent sdbm avalanche'];
    case 'sch':
    case 'qch':
    case 'iqch':
      // TCP and HTTP have no QUIC connection id: the client's address stands for it.
      return ['balance source', 'hash-type consistent sdbm avalanche'];
    default:
      throw new UnsafeValue(scheduler satisfies never, 'scheduler');
  }
}

function serveLines(listener: Carriable): string[] {
  if (listener.protocol === 'tcp') {
    const seconds = numberToken(listener.establishedTimeoutSeconds, 10, 900);
    // Once both sides have spoken, HAProxy counts by `tunnel` alone.
    return [`timeout server ${seconds}s`, `timeout tunnel ${seconds}s`];
  }
  return [
    `timeout server ${numberToken(listener.requestTimeoutSeconds, 1, 180)}s`,
    ...(listener.protocol === 'http' && listener.forwardedFor ? ['option forwardfor'] : []),
    // A server may close a kept connection just as it is used again: a request that is safe to
    // repeat is repeated, elsewhere if need be.
    'retry-on conn-failure empty-response',
    'http-request disable-l7-retry unless { method GET HEAD OPTIONS }',
  ];
}

function probeLines(health: HealthCheck): string[] {
  // ENS: a timeout below the interval is ignored and the interval counts.
  const timeout = Math.max(health.timeoutSeconds, health.intervalSeconds);
  const lines = [`timeout check ${numberToken(timeout, 1, 300)}s`];
  if (health.kind !== 'http') return lines;
  const method = health.method === 'get' ? 'GET' : 'HEAD';
  const host =
    health.domain === undefined ? '' : ` ver HTTP/1.1 hdr Host ${hostToken(health.domain)}`;
  return [
    ...lines,
    'option httpchk',
    `http-check send meth ${method} uri ${quoted(health.uri ?? '/')}${host}`,
    `http-check expect status ${statusRanges(health.httpCode ?? 'http_2xx')}`,
  ];
}

/** `http_2xx,http_3xx` -> `200-299,300-399` */
function statusRanges(classes: string): string {
  const digits = classes.split(',').map((name) => /^http_([1-5])xx$/.exec(name.trim())?.[1]);
  return digits
    .map((digit) => numberToken(Number(digit ?? Number.NaN), 1, 5))
    .map((digit) => `${digit}00-${digit}99`)
    .join(',');
}
