import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RpcClient, type Trust } from './client.ts';
import { withAddresses } from './forwarder/addressed-engine.ts';
import { type Addresses, openAddresses } from './forwarder/addresses.ts';
import { createAgent } from './forwarder/agent.ts';
import { Certificates } from './forwarder/certificates.ts';
import { folderDisk } from './forwarder/disk.ts';
import { openHaproxyEngine } from './forwarder/haproxy/engine.ts';
import { boundsFrom } from './forwarder/haproxy/old-worker-bounds.ts';
import { instanceName, lockFolder } from './forwarder/instance.ts';
import { leaseClock } from './forwarder/lease-clock.ts';
import { NftablesEngine } from './forwarder/nftables/engine.ts';
import { isKernels, type L4 } from './forwarder/plan.ts';
import { Prober } from './forwarder/probes/prober.ts';
import { RoutedEngine } from './forwarder/routed-engine.ts';
import { rpcTransport } from './forwarder/transport.ts';
import { limits } from './limits.ts';
import type { Log } from './log.ts';
import { withholdMemory } from './private-process.ts';
import { createLog, type Running } from './running.ts';
import type { ForwarderSettings, OldWorkerSettings } from './settings.ts';

export interface ForwarderOptions {
  /** Control planes, in the order to try them. */
  readonly endpoints: readonly string[];
  readonly site: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Where its journal and its engine's files are. */
  readonly folder: string;
  readonly l4: L4;
  /** Where load balancers' addresses are put; undefined = nowhere. */
  readonly addressInterface: string | undefined;
  readonly oldWorkers: OldWorkerSettings;
  /** Which control planes it takes for such. */
  readonly trust: Trust;
  readonly log: Log;
}

/** Starts a forwarder: the engine as it was left, then whatever the control plane says. */
export async function startForwarder(options: ForwarderOptions) {
  const { endpoints, site, folder, log, trust, accessKeyId, accessKeySecret } = options;
  const key = { accessKeyId, accessKeySecret };
  const certificates = new Certificates(key);
  const unlock = lockFolder(folder);
  const addresses = await openForwarderAddresses(options);
  const carrying = await openEngine(options, certificates);
  const engine = addresses === undefined ? carrying : withAddresses(carrying, addresses);
  const connectTimeoutMs = limits.streamSilence;
  const clients = endpoints.map(
    (endpoint) => new RpcClient({ endpoint, connectTimeoutMs, ...key, ...trust }),
  );
  const agent = await createAgent({
    site,
    engine,
    engineName: `${haproxyVersion()}, nftables`,
    controlPlanes: clients.map((client) => rpcTransport(client)),
    disk: folderDisk(join(folder, 'journal')),
    certificates,
    now: Date.now,
    leaseNow: leaseClock,
    log,
  });
  return {
    async close(how: { readonly stopTraffic: boolean }): Promise<void> {
      await agent.close(how);
      for (const client of clients) await client.close();
      unlock();
    },
  };
}

/** HAProxy and the kernel as one engine: UDP is always the kernel's, TCP where it is told so. */
async function openEngine(
  options: ForwarderOptions,
  certificates: Certificates,
): Promise<RoutedEngine> {
  const { folder, l4, log, oldWorkers } = options;
  const now = Date.now;
  const leaseNow = leaseClock;
  const haproxy = await openHaproxyEngine({
    folder: join(folder, 'haproxy'),
    leaseNow,
    certificateOf: (id) => certificates.find(id),
    oldWorkers: boundsFrom(oldWorkers),
    now,
    log,
  });
  const startProbes = (onChange: (key: string) => void) => new Prober({ log, onChange });
  const kernel = new NftablesEngine({
    folder: join(folder, 'nftables'),
    instance: instanceName(folder),
    now,
    leaseNow,
    log,
    carries: (listener) => isKernels(listener, l4),
    startProbes,
  });
  return new RoutedEngine([
    { engine: haproxy, takes: (listener) => !isKernels(listener, l4) },
    // It holds the leases of all.
    { engine: kernel, takes: () => true },
  ]);
}

/** They come first: an engine that starts on the files of an earlier life listens at them. */
export async function openForwarderAddresses(
  options: Pick<ForwarderOptions, 'addressInterface' | 'folder' | 'log'>,
): Promise<Addresses | undefined> {
  const { addressInterface: interfaceName, folder, log } = options;
  if (interfaceName === undefined) return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const disk = folderDisk(join(folder, 'addresses'));
  const instance = instanceName(folder);
  return openAddresses({ interfaceName, instance, disk, boot, now: Date.now, log });
}

/** `sluice forwarder`: a machine that carries one site's traffic. */
export async function runForwarder(settings: ForwarderSettings): Promise<Running> {
  const { ca } = settings;
  const log = createLog(settings.logLevel);
  withholdMemory(log);
  const trust = ca === undefined ? {} : { ca: await readFile(ca, 'utf8') };
  const running = await startForwarder({
    ...settings,
    trust,
    folder: join(settings.dataFolder, 'forwarder'),
    log,
  });
  return { endpoint: settings.endpoints[0]!, trust, stop: (how) => running.close(how) };
}

function haproxyVersion(): string {
  const [, version] =
    /version (\S+)/.exec(execFileSync('haproxy', ['-v'], { encoding: 'utf8' })) ?? [];
  return `haproxy ${version ?? 'unknown'}`;
}
