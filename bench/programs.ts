import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { get } from '../test/support/load.ts';
import { until } from '../test/support/wait.ts';

/** A program of somebody else's that a bench compares with. */
export interface Program {
  readonly name: string;
  readonly command: string;
  /** What it is started with, its configuration's file given. */
  readonly args: (config: string) => readonly string[];
  readonly config: string;
  readonly port: number;
}

/**
 * Starts a program in a folder and waits until it answers.
 * @returns what ends it
 * @throws when it ends by itself
 */
export async function startProgram(folder: string, program: Program): Promise<() => void> {
  const path = join(folder, program.name);
  await writeFile(path, program.config);
  const child = spawn(program.command, program.args(path), {
    stdio: 'ignore',
    // A session of its own, as a service has it: the scheduler shares the processor by sessions.
    detached: true,
    // Caddy keeps what it has learnt at home.
    env: { ...process.env, HOME: folder },
  });
  const failed = new Promise<never>((_, reject) => {
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`${program.name} ended with ${path}`)));
  });
  const answers = until(() => get({ host: '127.0.0.1', port: program.port, agent: false }), {
    what: program.name,
  });
  await Promise.race([answers, failed]);
  failed.catch(() => {
    // It ends when the bench is over.
  });
  // Asked, since a killed nginx leaves its workers behind.
  return () => void child.kill('SIGTERM');
}

/** HAProxy, with a configuration written by hand. */
export function haproxy(name: string, config: string, port: number): Program {
  const text = `global
  maxconn 5000
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${config}`;
  return { name, command: 'haproxy', args: (path) => ['-db', '-f', path], config: text, port };
}

/** A server behind a load balancer that answers as fast as there is one. */
export function fastBackend(port: number, host = '127.0.0.1'): Program {
  const config = `
frontend fast
  mode http
  bind ${host}:${port}
  http-request return status 200 content-type text/plain string hello
`;
  return haproxy('backend.cfg', config, port);
}

/** nginx with two workers. */
export function nginx(name: string, sections: string, port: number): Program {
  // Never /dev/null as its pid file: nginx deletes that when it ends.
  const pid = join(tmpdir(), `sluice-bench-${process.pid}-${port}.pid`);
  const config = `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes 2;
pid ${pid};
error_log /dev/null;
events { worker_connections 4096; }
${sections}
`;
  const args = (path: string) => ['-c', path, '-p', tmpdir()];
  return { name, command: 'nginx', args, config, port };
}
