import { createHash } from 'node:crypto';
import { limits } from '../../limits.ts';
import { numberToken, pathToken } from './names.ts';
import type { Paths } from './paths.ts';

export interface BaseOptions {
  readonly paths: Paths;
  /** Counts loads; read back from the worker that a load brought up. */
  readonly generation: number;
  /** Whom HAProxy becomes once it has bound its ports; undefined = stays who starts it. */
  readonly user: string | undefined;
}

/** The section that hands client persistence over to the next worker. */
export const peersName = 'sluice';

/** A socket in the handover folder, as HAProxy's files name it. */
export function handoverSocket(name: string): string {
  return `"unix@\${SLUICE_HANDOVER}/${name}.sock"`;
}

/**
 * The file that holds what all load balancers share. HAProxy computes `maxconn` itself, from the
 * open files it may have less those that its listeners and probes need.
 */
export function renderBase({ paths, generation, user }: BaseOptions): string {
  const base = sharedLines(paths, generation, user);
  return base.replace('<base>', baseDigest(paths, user));
}

/** Changes when anything of the base file but its generation does. */
export function baseDigest(paths: Paths, user: string | undefined): string {
  const text = sharedLines(paths, 0, user);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function sharedLines(paths: Paths, generation: number, user: string | undefined): string {
  const socket = pathToken(paths.workerSocket(generation));
  return `global
  setenv SLUICE_GENERATION ${numberToken(generation, 0, Number.MAX_SAFE_INTEGER)}
  setenv SLUICE_BASE <base>
  setenv SLUICE_HANDOVER ${pathToken(paths.handover)}
${user === undefined ? '' : `  user ${user}\n  group ${user}\n`}\
  unix-bind mode 600${user === undefined ? '' : ` user ${user}`}
  localpeer self
  stats socket ${socket} mode 600 level admin expose-fd listeners
  stats timeout 1m
  stats maxconn 64
  fd-hard-limit ${limits.engineOpenFiles}
  hard-stop-after ${limits.hardStopSeconds}s
  mworker-max-reloads ${limits.oldWorkers}

defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 30s
  timeout tunnel 1h
  retries 3
  option redispatch 1

peers ${peersName}
  bind ${handoverSocket('peers')}
  server self
`;
}
