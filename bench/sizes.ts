import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HaproxyEngine, openHaproxyEngine } from '../src/forwarder/haproxy/engine.ts';
import { boundsFrom } from '../src/forwarder/haproxy/old-worker-bounds.ts';
import { pathsOf } from '../src/forwarder/haproxy/paths.ts';
import { RuntimeSocket } from '../src/forwarder/haproxy/runtime.ts';
import { parseProcesses } from '../src/forwarder/haproxy/tables.ts';
import { leaseClock } from '../src/forwarder/lease-clock.ts';
import { attached, balancer, http } from '../test/support/haproxy.ts';
import { silent } from '../test/support/log.ts';
import { type Figure, ms } from './figure.ts';
import { median } from './rounds.ts';

const rounds = 20;
const reloads = 5;

interface Size {
  readonly count: number;
  /** Milliseconds until a new listener is carried, read back: one reload. */
  readonly reload: number;
  /** Milliseconds until a server is out, read back. */
  readonly removal: number;
  /** Of HAProxy's worker, bytes. */
  readonly memory: number;
}

/** What HAProxy and its driver cost with so many load balancers, against the first number. */
export async function benchSizes(counts: readonly number[]): Promise<Figure[]> {
  const sizes: Size[] = [];
  for (const count of counts) sizes.push(await measure(count));
  const [least, ...others] = sizes;
  return others.map(({ count, reload, removal, memory }) => ({
    name: `a removal in the engine, ${count} load balancers / ${least!.count}`,
    value: removal / least!.removal,
    aim: '<= 1.3',
    from:
      `${ms(removal)}, with ${least!.count} ${ms(least!.removal)}; a reload ${ms(reload)}, ` +
      `with ${least!.count} ${ms(least!.reload)}; memory ${mb(memory)}, ${mb(least!.memory)}`,
  }));
}

async function measure(count: number): Promise<Size> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sizes-'));
  const engine = await openHaproxyEngine({
    folder,
    now: Date.now,
    leaseNow: leaseClock,
    certificateOf: () => undefined,
    oldWorkers: boundsFrom({ memoryBytes: undefined, ageMs: 86_400_000 }),
    log: silent,
  });
  try {
    const ids = Array.from({ length: count }, (_, index) => index);
    for (const failures of await Promise.all(ids.map((index) => engine.apply(nth(index, 3))))) {
      if (failures.length > 0) throw new Error(failures[0]!.reason);
    }
    const removals: number[] = [];
    for (let round = 0; round < rounds; round++) {
      removals.push(await timed(engine, nth(0, 2)));
      await engine.apply(nth(0, 3));
    }
    const loads: number[] = [];
    for (let round = 0; round < reloads; round++) {
      loads.push(await timed(engine, nth(count, 3)));
      await engine.remove(nth(count, 3).id);
    }
    const memory = await workerMemory(folder);
    return { count, reload: median(loads), removal: median(removals), memory };
  } finally {
    await engine.close({ stopTraffic: true });
    await rm(folder, { recursive: true, force: true });
  }
}

/** A load balancer with an HTTP listener and some servers, at an address of its own. */
function nth(index: number, servers: number) {
  const address = `127.80.${index >> 8}.${index & 255}`;
  const backends = attached(
    Array.from({ length: servers }, (_, n) => ({ name: `s-${n}`, ip: '127.0.0.1', port: 9 + n })),
  );
  const { health } = http(1);
  const listeners = [http(18_000, { health: { ...health, intervalSeconds: 50 } })];
  return balancer(`lb-${index}`, { address, listeners, backends });
}

async function timed(engine: HaproxyEngine, wanted: ReturnType<typeof nth>): Promise<number> {
  const begun = performance.now();
  const [failure] = await engine.apply(wanted);
  if (failure !== undefined) throw new Error(failure.reason);
  return performance.now() - begun;
}

async function workerMemory(folder: string): Promise<number> {
  const [text = ''] = await new RuntimeSocket(pathsOf(folder).master).run(['show proc']);
  const status = readFileSync(`/proc/${parseProcesses(text).current}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`;
}
