import { join } from 'node:path';
import { limits } from '../../limits.ts';

/** Where one engine keeps its files and sockets. */
export interface Paths {
  readonly base: string;
  /** One file per load balancer. */
  readonly sections: string;
  readonly pid: string;
  readonly master: string;
  readonly worker: string;
  readonly log: string;
  /** What the running generation was loaded with. */
  readonly loaded: string;
}

/** @param folder the engine's own @param sockets a folder whose path is short enough for sockets */
export function pathsOf(folder: string, sockets: string): Paths {
  return {
    base: join(folder, 'haproxy.cfg'),
    sections: join(folder, 'load-balancers'),
    pid: join(folder, 'haproxy.pid'),
    master: join(sockets, 'master.sock'),
    worker: join(sockets, 'worker.sock'),
    log: join(folder, 'haproxy.log'),
    loaded: join(folder, 'loaded.json'),
  };
}

export interface BaseOptions {
  readonly workerSocket: string;
  /** Told apart from the one before by this, read back after a reload. */
  readonly generation: number;
  /** Open files that a HAProxy process may have. */
  readonly openFiles: number;
  /** Whom HAProxy becomes once it has bound its ports; undefined = stays who starts it. */
  readonly user: string | undefined;
}

/** Files that HAProxy needs besides its connections' two each: listeners, probes, pipes. */
const reservedFiles = 2_000;

/** The file that holds what all load balancers share. */
export function renderBase(options: BaseOptions): string {
  const connections = Math.max(100, Math.floor((options.openFiles - reservedFiles) / 2));
  return `global
  setenv SLUICE_GENERATION ${options.generation}
  stats socket ${options.workerSocket} mode 600 level admin expose-fd listeners
  stats timeout 1m
  maxconn ${connections}
  hard-stop-after ${limits.hardStopSeconds}s
${options.user === undefined ? '' : `  user ${options.user}\n  group ${options.user}\n`}
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 30s
  timeout queue 5s
  timeout tunnel 1h
  retries 3
  option redispatch 1
  option http-keep-alive
`;
}
