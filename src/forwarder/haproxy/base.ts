import { createHash } from 'node:crypto';
import { limits } from '../../limits.ts';
import { numberToken, pathToken } from './names.ts';
import type { Paths } from './paths.ts';

export interface BaseOptions {
  readonly paths: Paths;
  /** Counts loads; read back from the worker that a load brought up. */
  readonly generation: number;
  /** Connections at a time, as `connectionsFor` has it. */
  readonly connections: number;
  /** Seconds after which HAProxy ends a replaced worker by itself: later than the agent does. */
  readonly hardStopSeconds: number;
  /** Whom HAProxy becomes once it has bound its ports; undefined = stays who starts it. */
  readonly user: string | undefined;
}

/** The section that hands client persistence over to the next worker. */
export const peersName = 'sluice';

/**
 * The table that counts what each load balancer's specification caps: connections now, and of the
 * last second the requests (gpc0) and connections (gpc1) that were let in.
 */
export const limitsName = 'sluice.limits';

/** A socket in the handover folder, as HAProxy's files name it. */
export function handoverSocket(name: string): string {
  return `"unix@\${SLUICE_HANDOVER}/${name}.sock"`;
}

/** A certificate's file, as HAProxy's files name it. */
export function certificatePath(file: string): string {
  return `"\${SLUICE_CERTIFICATES}/${file}"`;
}

/** Forward secrecy and authenticated encryption alone; those of TLS 1.3 are all so. */
const ciphers = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].flatMap((cipher) =>
  ['ECDSA', 'RSA'].map((kind) => `ECDHE-${kind}-${cipher}`),
);

/** The file that holds what all load balancers share. */
export function renderBase(options: BaseOptions): string {
  return lines(options).replace('<base>', baseDigest(options));
}

/** Changes when anything of the base file does that does not differ from load to load. */
export function baseDigest(
  options: Pick<BaseOptions, 'paths' | 'hardStopSeconds' | 'user'>,
): string {
  const { paths, hardStopSeconds, user } = options;
  const text = lines({ paths, generation: 0, connections: 100, hardStopSeconds, user });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Connections that the open files allow: two files each, besides those of the listeners and a
 * tenth for probes and pooled connections. HAProxy's own sum reserves a file for every probed
 * server, and refuses to start when that is too many.
 * @param openFiles the system's hard limit
 * @param listening sockets to listen at
 */
export function connectionsFor(openFiles: number, listening: number): number {
  const files = Math.min(openFiles, limits.engineOpenFiles);
  return Math.max(100, Math.floor((files * 0.9 - listening) / 2));
}

function lines(options: BaseOptions): string {
  const { paths, generation, connections, hardStopSeconds, user } = options;
  const socket = pathToken(paths.workerSocket(generation));
  return `global
  setenv SLUICE_GENERATION ${numberToken(generation, 0, Number.MAX_SAFE_INTEGER)}
  setenv SLUICE_BASE <base>
  setenv SLUICE_HANDOVER ${pathToken(paths.handover)}
  setenv SLUICE_CERTIFICATES ${pathToken(paths.certificates)}
${user === undefined ? '' : `  user ${user}\n  group ${user}\n`}\
  unix-bind mode 600${user === undefined ? '' : ` user ${user}`}
  localpeer self
  stats socket ${socket} mode 600 level admin expose-fd listeners
  stats timeout 1m
  stats maxconn 64
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  ssl-default-bind-ciphers ${ciphers.join(':')}
  no strict-limits
  maxconn ${numberToken(connections, 100, limits.engineOpenFiles)}
  hard-stop-after ${numberToken(hardStopSeconds, 1, 2_000_000)}s

defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 30s
  timeout tunnel 1h
  retries 3
  option redispatch 1

backend ${limitsName}
  stick-table type string len 64 size 100k expire 10s store conn_cur,gpc0_rate(1s),gpc1_rate(1s)

peers ${peersName}
  bind ${handoverSocket('peers')}
  server self
`;
}
