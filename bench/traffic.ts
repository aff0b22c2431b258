import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { get } from '../test/support/load.ts';
import { buildScene, freePort } from '../test/support/scene.ts';
import { startSluice } from '../test/support/sluice.ts';
import { until } from '../test/support/wait.ts';
import { type Figure, perSecond } from './figure.ts';
import { inTurns, median, medianRatio } from './rounds.ts';
import { runWrk } from './wrk.ts';

const clients = 64;
const seconds = 2;
const rounds = 7;

/** Requests a second through a listener of ours and through a configuration written by hand. */
export async function benchTraffic(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-traffic-'));
  const backendPort = await freePort();
  const handPorts = { http: await freePort(), tcp: await freePort() };
  const processes = [
    await startHaproxy(folder, 'backend', backendConfig(backendPort), backendPort),
    await startHaproxy(folder, 'hand', handConfig(handPorts, backendPort), handPorts.http),
  ];
  const sluice = await startSluice();
  try {
    const backend = { name: 'i-fast', ip: '127.0.0.1', port: backendPort };
    const scene = await buildScene(
      sluice.client,
      [backend],
      [{ protocol: 'HTTP' }, { protocol: 'TCP' }],
    );
    const kinds = ['http', 'tcp'] as const;
    const figures: Figure[] = [];
    for (const [index, kind] of kinds.entries()) {
      const ours = { host: scene.address, port: scene.ports[index]! };
      figures.push(await compare(kind, ours, { host: '127.0.0.1', port: handPorts[kind] }));
    }
    return figures;
  } finally {
    await sluice.stop();
    for (const process of processes) process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

async function compare(kind: string, ours: Target, hand: Target): Promise<Figure> {
  const rates = await inTurns(rounds, {
    hand: () => runWrk({ ...hand, clients, seconds }),
    ours: () => runWrk({ ...ours, clients, seconds }),
  });
  const [own, other] = [median(rates.ours), median(rates.hand)];
  return {
    name: `${kind.toUpperCase()} throughput / hand-written HAProxy configuration`,
    value: medianRatio(rates.ours, rates.hand),
    aim: '>= 0.97',
    from: `${perSecond(own)}, by hand ${perSecond(other)}`,
  };
}

async function startHaproxy(
  folder: string,
  name: string,
  config: string,
  port: number,
): Promise<ChildProcess> {
  const path = join(folder, `${name}.cfg`);
  await writeFile(path, config);
  const child = spawn('haproxy', ['-db', '-f', path], { stdio: 'ignore' });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`haproxy ended with ${path}`);
  });
  const answers = until(() => get({ host: '127.0.0.1', port, agent: false }), {
    what: `haproxy ${name}`,
  });
  await Promise.race([answers, ended]);
  ended.catch(() => {
    // It ends when the bench is over.
  });
  return child;
}

const defaults = `global
  maxconn 5000
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
`;

function backendConfig(port: number): string {
  return `${defaults}
frontend fast
  mode http
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain string hello
`;
}

function handConfig(ports: { readonly http: number; readonly tcp: number }, to: number): string {
  return (['http', 'tcp'] as const)
    .map(
      (mode) => `
listen ${mode}
  mode ${mode}
  bind 127.0.0.1:${ports[mode]}
  server one 127.0.0.1:${to} check
`,
    )
    .reduce((text, section) => text + section, defaults);
}
