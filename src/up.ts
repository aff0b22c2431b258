import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AccessKeys } from './api/access-keys.ts';
import { actions, catalogue } from './api/actions/index.ts';
import { Boundary } from './api/boundary.ts';
import { createCalls } from './api/calls.ts';
import { ConsoleSessions } from './api/console-sessions.ts';
import { createDiagnoses } from './api/diagnoses.ts';
import { createDispatch } from './api/dispatch.ts';
import { Identities } from './api/identities.ts';
import { KeyUse } from './api/key-use.ts';
import { createListener, type ListenOptions } from './api/listen.ts';
import { LoadBalancerSites } from './api/load-balancer-sites.ts';
import { Nonces } from './api/nonces.ts';
import { trustedProxies } from './api/peer.ts';
import { PolicyTargets } from './api/policy-targets.ts';
import { openSeal } from './api/seal.ts';
import { openToken } from './api/sessions.ts';
import { Throttle } from './api/throttle.ts';
import { openTls } from './api/tls.ts';
import { recordEndedCalls } from './api/trail/ended-calls.ts';
import { type OpenTrail, openTrail } from './api/trail/open.ts';
import { type Bootstrapped, bootstrap } from './bootstrap.ts';
import { RpcClient, type Trust } from './client.ts';
import { sleep, systemTimers } from './clock.ts';
import type { OwnEndpoint } from './elb/grounds.ts';
import { createFleet } from './fleet/create-fleet.ts';
import type { Fleet } from './fleet/fleet.ts';
import { unclaimedSites } from './fleet/protocol.ts';
import { startForwarder } from './forward.ts';
import { machineAddresses } from './forwarder/machine-addresses.ts';
import { planCommands } from './forwarder/plan.ts';
import { portOwner } from './forwarder/port-owner.ts';
import { limits } from './limits.ts';
import type { Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { withholdMemory } from './private-process.ts';
import { authorise } from './ram/authorise.ts';
import { createLog, type Running } from './running.ts';
import type { Seal } from './sealing.ts';
import type { Settings } from './settings.ts';
import { keys } from './store/keys.ts';
import { etcdEndpoints, openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import { auditSecret } from './upkeep/audit-secret.ts';
import { loadAssets } from './web/assets.ts';
import { type ConsoleOptions, serveConsole } from './web/console.ts';
import { serveDocs } from './web/docs.ts';

const builtConsole = fileURLToPath(new URL('../dist/console', import.meta.url));

/** Undone in reverse when a process stops, or when its start fails half-way. */
type Cleanup = (options: { readonly stopTraffic: boolean }) => Promise<void> | void;

/**
 * Starts a control plane, and in mode `up` the forwarder of all sites that have none of their own
 * beside it, which talks to it over the same door as any other. Resolves when calls can be
 * served and the forwarder is live.
 */
export async function up(settings: Settings, mode: 'up' | 'control-plane'): Promise<Running> {
  const cleanups: Cleanup[] = [];
  const stop = async (options: { readonly stopTraffic: boolean }) => {
    const errors: unknown[] = [];
    for (const cleanup of cleanups.splice(0).reverse()) {
      // One that fails keeps no other from its part: what stays open keeps the process alive.
      await (async () => cleanup(options))().catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) throw errors[0];
  };
  try {
    const log = createLog(settings.logLevel);
    withholdMemory(log);
    const plane = await startControlPlane(settings, mode, log, cleanups);
    if (mode === 'up') await startOwnForwarder(settings, plane, log, cleanups);
    const { endpoint, root, trust } = plane;
    const { fresh, rootAccessKey } = root;
    return {
      endpoint,
      trust,
      stop,
      ...(fresh && rootAccessKey ? { freshRootKey: rootAccessKey } : {}),
    };
  } catch (error) {
    await stop({ stopTraffic: settings.stopTraffic });
    throw error;
  }
}

interface ControlPlane {
  readonly endpoint: string;
  readonly trust: Trust;
  readonly root: Bootstrapped;
  readonly fleet: Fleet;
  readonly store: Store;
}

async function startControlPlane(
  settings: Settings,
  mode: 'up' | 'control-plane',
  log: Log,
  cleanups: Cleanup[],
): Promise<ControlPlane> {
  const { dataFolder, rootAccessKey } = settings;
  const now = Date.now;
  const store = await openStore(settings.store, { dataFolder });
  cleanups.push(() => store.close());
  const endpoints = storeEndpoints(settings.store);
  const seal = await openSeal(dataFolder);
  const given = rootAccessKey && { rootAccessKey };
  const root = await bootstrap({ store, seal, dataFolder, now, ...given });
  warnOfRootKey(root, settings, log);
  const fleet = await createFleet({ store, now, log });
  cleanups.push(() => fleet.close());
  const onFault = faultLog(log);
  const { accessKeys, identities, sessions } = await openViews(store, seal, onFault, cleanups);
  const trail = await openAuditLog(settings, store, seal, log);
  cleanups.push(() => trail.close());
  const metrics = createMetrics(store, fleet, () => trail.figures(), settings.hostNames);
  cleanups.push(() => metrics.close());
  const sites = new LoadBalancerSites(store);
  const diagnoses = createDiagnoses(seal);
  const keyUse = new KeyUse(store, now, onFault);
  const dispatch = createDispatch({
    catalogue,
    accessKeys,
    identities,
    openToken: (token) => openToken(token, seal.open),
    signedIn: (session) => sessions.signedIn(session),
    onKeyUsed: (id) => keyUse.note(id),
    nonces: new Nonces(now),
    throttle: new Throttle(settings.throttle, now),
    holdBack: (left) => sleep(systemTimers, limits.unprovenPause * (0.5 + Math.random()), left),
    authorise,
    sites,
    diagnoses,
    createCall: createCalls({
      store,
      fleet,
      sites,
      identities,
      diagnoses,
      policyTargets: new PolicyTargets(actions),
      now,
      seal: seal.seal,
      resealFor: (id) => accessKeys.resealFor(id),
      settled: settledIn(accessKeys, identities),
      trail,
      boundary: boundaryOf(settings, mode, endpoints),
      confirmWait: settings.confirmWaitMs,
      newSitesIsolation: settings.isolation,
      planCommands: (before, after) => planCommands(settings.l4, before, after),
    }),
    now,
    onFault,
    onAnswer: metrics.answered,
    onCall: recordEndedCalls({ queue: trail.queue, reads: settings.audit === 'reads', now }),
  });
  const assets = await loadAssets(builtConsole);
  const console = { sessions, seal, dispatch, actions, assets, now, timers: systemTimers, onFault };
  const options = { dispatch, onFault, console, isReady: () => canRead(store) };
  const door = await openDoor(settings, options, log);
  cleanups.push(() => door.close());
  const served = await serveMetrics(settings, metrics, log);
  endpoints.push(endpointOf('the API', door.endpoint), ...served);
  return { ...door, root, fleet, store };
}

async function openAuditLog(
  { auditDays, auditMegabytes }: Settings,
  store: Store,
  seal: Seal,
  log: Log,
): Promise<OpenTrail> {
  return openTrail({
    store,
    secret: await auditSecret(store, seal),
    retentionMs: auditDays * 86_400_000,
    mostBytes: auditMegabytes * 1_000_000,
    now: Date.now,
    timers: systemTimers,
    log,
  });
}

function warnOfRootKey({ refused }: Bootstrapped, settings: Settings, log: Log): void {
  if (refused === undefined) return;
  const key = { accessKeyId: settings.rootAccessKey?.accessKeyId, is: refused };
  log.warn(key, 'the root access key of the settings does not count: set another one');
}

function faultLog(log: Log) {
  return (error: unknown, about: string) =>
    log.error({ about, reason: error instanceof Error ? error.stack : String(error) }, 'fault');
}

/** What is known of who may call: local views that watches keep true. */
async function openViews(
  store: Store,
  seal: Seal,
  onFault: (error: unknown, about: string) => void,
  cleanups: Cleanup[],
) {
  const accessKeys = await AccessKeys.open(store, seal, onFault);
  cleanups.push(() => accessKeys.close());
  const identities = await Identities.open(store, onFault);
  cleanups.push(() => identities.close());
  const views = { store, accessKeys, identities };
  const sessions = await ConsoleSessions.open({ ...views, now: Date.now, onFault });
  cleanups.push(() => sessions.close());
  return { accessKeys, identities, sessions };
}

interface DoorOptions extends ListenOptions {
  readonly console: Omit<ConsoleOptions, 'hostNames'>;
}

/** Listens, with TLS where it is set. */
async function openDoor(settings: Settings, { console, ...options }: DoorOptions, log: Log) {
  const { tls: files, behindProxy, listen, hostNames } = settings;
  const tls = files === undefined ? undefined : await openTls(files, log);
  const trusted = behindProxy.length === 0 ? {} : { proxies: trustedProxies(behindProxy) };
  const listener = createListener({
    ...options,
    ...(tls === undefined ? {} : { tls }),
    ...trusted,
  });
  serveConsole(listener, { ...console, ...trusted, hostNames });
  serveDocs(listener, console.actions);
  const close = async () => {
    tls?.close();
    await listener.close();
  };
  try {
    const trust: Trust = tls === undefined ? {} : { knows: (shown) => tls.shows(shown) };
    return { endpoint: await listener.listen(listen), trust, close };
  } catch (error) {
    await close();
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const owner = isTaken ? portOwner(listen.host, listen.port) : undefined;
    if (owner === undefined) throw error;
    throw new Error(`cannot listen at ${listen.host}:${listen.port}: ${owner} does`);
  }
}

/** Waits until the views that hold what was written go by it. */
function settledIn(accessKeys: AccessKeys, identities: Identities) {
  return async (written: readonly string[], revision: number): Promise<void> => {
    const holds = (prefix: string) => written.some((key) => key.startsWith(prefix));
    if (holds(keys.allAccessKeys)) await accessKeys.reached(revision);
    if (holds(keys.identities)) await identities.reached(revision);
  };
}

async function canRead(store: Store): Promise<boolean> {
  await store.get(keys.rootAccount);
  return true;
}

/** @returns where /metrics listens; none: nowhere */
async function serveMetrics({ metrics: address }: Settings, metrics: Metrics, log: Log) {
  if (address === undefined) return [];
  try {
    const listening = await metrics.listen(address);
    log.info({ address: listening }, 'metrics');
    return [endpointOf('/metrics', listening)];
  } catch (error) {
    // Another Sluice on this machine has the port: calls and traffic matter more.
    log.warn({ reason: String(error), owner: portOwner(address.host, address.port) }, 'no metrics');
    return [];
  }
}

/** Where load balancers and servers may be, as the operator and this machine have it. */
function boundaryOf(
  { poolNetworks, backendNetworks }: Settings,
  mode: 'up' | 'control-plane',
  endpoints: readonly OwnEndpoint[],
): Boundary {
  const machine = () => {
    // Forwarders elsewhere check their own machines when an address comes.
    if (mode === 'control-plane') return new Set<string>();
    const own = [...machineAddresses()].filter(([, { isOwn }]) => isOwn);
    return new Set(own.map(([address]) => address));
  };
  return new Boundary({ poolNetworks, backendNetworks, machine, endpoints: () => endpoints });
}

/** @param url `http://host:port`, or such without a scheme */
function endpointOf(name: string, url: string): OwnEndpoint {
  const { hostname, port } = new URL(url.includes('://') ? url : `http://${url}`);
  const host = hostname === 'localhost' ? '127.0.0.1' : hostname.replace(/^\[(.*)\]$/, '$1');
  return { name, host, port: Number(port) };
}

function storeEndpoints(store: string): OwnEndpoint[] {
  return etcdEndpoints(store).map((url) => endpointOf('etcd', url));
}

const localSite = { EnsRegionId: 'local', AddressPool: '127.0.0.0/24' };

/** Registers this machine's forwarder through the door and starts it. */
async function startOwnForwarder(
  settings: Settings,
  { endpoint, trust, root, fleet, store }: ControlPlane,
  log: Log,
  cleanups: Cleanup[],
): Promise<void> {
  if (root.rootAccessKey === undefined) {
    const why = root.refused === undefined ? 'was made on another machine' : `is ${root.refused}`;
    throw new Error(
      `the root access key ${why}: set another SLUICE_ROOT_ACCESS_KEY_ID and ` +
        'SLUICE_ROOT_ACCESS_KEY_SECRET, or start sluice control-plane',
    );
  }
  const client = new RpcClient({ endpoint: reachable(endpoint), ...root.rootAccessKey, ...trust });
  const forwarder = { EnsRegionId: unclaimedSites, ForwarderName: ownName(settings.dataFolder) };
  try {
    await client.call('Sluice', 'RegisterSite', localSite);
    const { body } = await client.call('Sluice', 'RegisterForwarder', forwarder);
    const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
    const running = await startForwarder({
      endpoints: [reachable(endpoint)],
      site: unclaimedSites,
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
      folder: join(settings.dataFolder, 'forwarder'),
      l4: settings.l4,
      addressInterface: settings.addressInterface,
      oldWorkers: settings.oldWorkers,
      trust,
      log,
    });
    cleanups.push((options) => running.close(options));
    // A site with a forwarder of its own is none of ours, whether that one is live or not.
    const claimed = await store.range(keys.forwarders(localSite.EnsRegionId), { limit: 1 });
    if (claimed.entries.length === 0) await untilLive(fleet);
  } finally {
    await client.close();
  }
}

/** The same for every start on the same data folder, another for every other. */
function ownName(dataFolder: string): string {
  const digest = createHash('sha256').update(resolve(dataFolder)).digest('hex').slice(0, 8);
  return `up-${hostname()
    .replaceAll(/[^A-Za-z0-9-]/g, '-')
    .slice(0, 40)}-${digest}`;
}

/** How this process reaches a door that listens on every address. */
function reachable(endpoint: string): string {
  return endpoint.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

async function untilLive(fleet: Fleet): Promise<void> {
  const deadline = performance.now() + limits.forwarderStart;
  while (fleet.forwarders(localSite.EnsRegionId).length === 0) {
    if (performance.now() > deadline) throw new Error('the forwarder did not come up');
    await new Promise((done) => setTimeout(done, 10));
  }
}
