import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/support/ports.ts';
import { buildScene } from '../test/support/scene.ts';
import { startSluice } from '../test/support/sluice.ts';
import { type Figure, perSecond } from './figure.ts';
import { fastBackend, haproxy, type Program, startProgram } from './programs.ts';
import { inTurns, median, medianRatio } from './rounds.ts';
import { runWrk } from './wrk.ts';

const clients = 64;
const seconds = 2;
const rounds = 9;

/**
 * Requests a second through a listener of ours and through a configuration written by hand. The
 * latter runs twice: what it makes of itself tells how much of a difference is the machine's.
 */
export async function benchTraffic(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-traffic-'));
  const port = await freePort();
  const hands = [
    { http: await freePort(), tcp: await freePort() },
    { http: await freePort(), tcp: await freePort() },
  ] as const;
  const ends: (() => void)[] = [];
  const sluice = await startSluice();
  try {
    const programs = hands.map((ports, index) => byHand(`hand-${index}.cfg`, ports, port));
    for (const program of [fastBackend(port), ...programs]) {
      ends.push(await startProgram(folder, program));
    }
    const backend = { name: 'i-fast', ip: '127.0.0.1', port };
    const listeners = [{ protocol: 'HTTP' }, { protocol: 'TCP' }] as const;
    const scene = await buildScene(sluice.client, [backend], listeners);
    const figures: Figure[] = [];
    for (const [index, kind] of (['http', 'tcp'] as const).entries()) {
      const ours = { host: scene.address, port: scene.ports[index]! };
      const [hand, again] = hands.map((ports) => ({ host: '127.0.0.1', port: ports[kind] }));
      figures.push(await compare(kind, ours, hand!, again!));
    }
    return figures;
  } finally {
    await sluice.stop();
    for (const end of ends) end();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

async function compare(kind: string, ours: Target, hand: Target, again: Target): Promise<Figure> {
  const rates = await inTurns(rounds, {
    hand: () => runWrk({ ...hand, clients, seconds }),
    ours: () => runWrk({ ...ours, clients, seconds }),
    again: () => runWrk({ ...again, clients, seconds }),
  });
  const [own, other] = [median(rates.ours), median(rates.hand)];
  const noise = medianRatio(rates.again, rates.hand).toFixed(2);
  return {
    name: `${kind.toUpperCase()} throughput / hand-written HAProxy configuration`,
    value: medianRatio(rates.ours, rates.hand),
    aim: '>= 0.97',
    from: `${perSecond(own)}, by hand ${perSecond(other)}, by hand / itself ${noise}`,
  };
}

function byHand(
  name: string,
  ports: { readonly http: number; readonly tcp: number },
  to: number,
): Program {
  const sections = (['http', 'tcp'] as const).map(
    (mode) => `
listen ${mode}
  mode ${mode}
  bind 127.0.0.1:${ports[mode]}
  server one 127.0.0.1:${to} check
`,
  );
  return haproxy(name, sections.join(''), ports.http);
}
