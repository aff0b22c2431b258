import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHaproxyEngine } from '../src/forwarder/haproxy/engine.ts';
import { boundsFrom } from '../src/forwarder/haproxy/old-worker-bounds.ts';
import { leaseClock } from '../src/forwarder/lease-clock.ts';
import { limits } from '../src/limits.ts';
import { attached, balancer, http } from '../test/support/haproxy.ts';
import { silent } from '../test/support/log.ts';
import { freePort } from '../test/support/ports.ts';
import { type Figure, perSecond } from './figure.ts';
import { fastBackend, startProgram } from './programs.ts';
import { inTurns, median, medianRatio } from './rounds.ts';
import { runWrk } from './wrk.ts';

const clients = 64;
const seconds = 2;
const rounds = 9;
const host = '127.0.0.1';

/**
 * Requests a second through a listener whose site is held to a lease, renewed as an agent does,
 * and through one without. The latter runs twice: its ratio is what the machine makes of itself.
 */
export async function benchLease(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-lease-'));
  const engine = await openHaproxyEngine({
    folder: join(folder, 'engine'),
    now: Date.now,
    leaseNow: leaseClock,
    oldWorkers: boundsFrom({ memoryBytes: undefined, ageMs: 86_400_000 }),
    certificateOf: () => undefined,
    log: silent,
  });
  const port = await freePort();
  const stop = await startProgram(folder, fastBackend(port));
  const ends = () => leaseClock() + limits.leaseMs;
  const renewing = setInterval(() => void engine.renew('leased', ends()), limits.leaseRenewMs);
  try {
    const backends = attached([{ name: 'i-fast', ip: host, port }]);
    const carry = async (site: string): Promise<number> => {
      const listener = await freePort();
      const parts = { site, backends, listeners: [http(listener)] };
      const [failure] = await engine.apply(balancer(`lb-${site}`, parts));
      if (failure !== undefined) throw new Error(failure.reason);
      return listener;
    };
    const [leased, plain] = [await carry('leased'), await carry('plain')];
    await engine.guard(new Map([['leased', ends()]]));
    const rates = await inTurns(rounds, {
      plain: () => runWrk({ host, port: plain, clients, seconds }),
      leased: () => runWrk({ host, port: leased, clients, seconds }),
      again: () => runWrk({ host, port: plain, clients, seconds }),
    });
    const noise = medianRatio(rates.again, rates.plain).toFixed(2);
    return [
      {
        name: 'HTTP throughput, site held to a lease / not held',
        value: medianRatio(rates.leased, rates.plain),
        aim: '>= 0.97',
        from:
          `${perSecond(median(rates.leased))}, not held ${perSecond(median(rates.plain))}, ` +
          `not held / itself ${noise}`,
      },
    ];
  } finally {
    clearInterval(renewing);
    stop();
    await engine.close({ stopTraffic: true });
    await rm(folder, { recursive: true, force: true });
  }
}
