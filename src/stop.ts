import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openForwarderAddresses } from './forward.ts';
import { pathsOf } from './forwarder/haproxy/paths.ts';
import { HaproxyProcess } from './forwarder/haproxy/process.ts';
import { instanceName, lockFolder } from './forwarder/instance.ts';
import { leaseClock } from './forwarder/lease-clock.ts';
import { NftablesEngine } from './forwarder/nftables/engine.ts';
import { Prober } from './forwarder/probes/prober.ts';
import type { Log } from './log.ts';

/** What was ended. */
export interface Stopped {
  /** Process ids of HAProxy masters. */
  readonly processes: readonly number[];
  /** Listeners in the kernel. */
  readonly listeners: number;
  /** Addresses taken from the machine's interfaces. */
  readonly addresses: readonly string[];
}

/**
 * Ends what a Sluice left running when it stopped: HAProxy, its rules in the kernel with their
 * flows, the addresses that it added. Its data folder may be gone; nothing of another Sluice is
 * touched.
 * @param dataFolder absolute
 * @throws Error while a Sluice runs with that folder, or when something could not be ended
 */
export async function stopLeft(
  dataFolder: string,
  addressInterface: string | undefined,
  log: Log,
): Promise<Stopped> {
  const folder = join(dataFolder, 'forwarder');
  const isThere = existsSync(folder);
  const unlock = isThere ? lockFolder(folder) : () => {};
  try {
    const engineFolder = join(folder, 'haproxy');
    const haproxy = new HaproxyProcess(pathsOf(engineFolder), 'haproxy');
    const { pid } = haproxy;
    await haproxy.stop();
    const listeners = await clearKernel(instanceName(folder), log);
    const addresses = await openForwarderAddresses({ folder, addressInterface, log });
    const released = (await addresses?.releaseAll()) ?? [];
    // What was made to look there says nothing.
    if (!isThere) await rm(folder, { recursive: true, force: true });
    return { processes: pid === undefined ? [] : [pid], listeners, addresses: released };
  } finally {
    unlock();
  }
}

/** @returns how many listeners there were */
async function clearKernel(instance: string, log: Log): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-stop-'));
  const startProbes = (onChange: (key: string) => void) => new Prober({ log, onChange });
  const engine = new NftablesEngine({
    folder,
    instance,
    now: Date.now,
    leaseNow: leaseClock,
    log,
    carries: () => true,
    startProbes,
  });
  try {
    return await engine.takeDown();
  } finally {
    await engine.close({ stopTraffic: false });
    await rm(folder, { recursive: true, force: true });
  }
}
