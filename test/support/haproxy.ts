import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type {
  BackendServer,
  HttpListener,
  HttpsListener,
  LoadBalancer,
  TcpListener,
} from '../../src/elb/types.ts';
import { renderBase } from '../../src/forwarder/haproxy/base.ts';
import { type HaproxyEngine, openHaproxyEngine } from '../../src/forwarder/haproxy/engine.ts';
import { boundsFrom, type OldWorkerBounds } from '../../src/forwarder/haproxy/old-worker-bounds.ts';
import { makeFolders, pathsOf } from '../../src/forwarder/haproxy/paths.ts';
import { RuntimeSocket } from '../../src/forwarder/haproxy/runtime.ts';
import { parseProcesses } from '../../src/forwarder/haproxy/tables.ts';
import { leaseClock } from '../../src/forwarder/lease-clock.ts';
import { makeCertificate } from './certificates.ts';
import { loadBalancer } from './load-balancers.ts';
import { silent } from './log.ts';

/** An engine of a test's own, and what its HAProxy says. */
export interface EngineUnderTest {
  readonly engine: HaproxyEngine;
  readonly folder: string;
  /** What has come, by id. */
  readonly certificates: Map<string, { readonly cert: string; readonly key: string | undefined }>;
  /** Another life of the agent on the same folder; the one before must be closed. */
  again(bounds?: Partial<OldWorkerBounds>): Promise<HaproxyEngine>;
  /** Sends one command to HAProxy's master. */
  master(command: string): Promise<string>;
  processes(): Promise<ReturnType<typeof parseProcesses>>;
}

/**
 * Opens an engine whose HAProxy ends with the test, however that ends.
 * @param prepare called with the folder first; resolves with the program to run as HAProxy
 */
export async function openEngine(
  t: TestContext,
  subfolder = '',
  bounds?: Partial<OldWorkerBounds>,
  prepare?: (folder: string) => Promise<string>,
): Promise<EngineUnderTest> {
  const root = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const folder = join(root, subfolder);
  const program = await prepare?.(folder);
  const engines: HaproxyEngine[] = [];
  const certificates: EngineUnderTest['certificates'] = new Map();
  const certificateOf = (id: string) => {
    const found = certificates.get(id);
    return found && { chain: found.cert, key: found.key };
  };
  const again = async (bounds: Partial<OldWorkerBounds> = {}) => {
    const engine = await openHaproxyEngine({
      folder,
      certificateOf,
      oldWorkers: { ...boundsFrom({ memoryBytes: undefined, ageMs: 86_400_000 }), ...bounds },
      now: Date.now,
      leaseNow: leaseClock,
      log: silent,
      ...(program === undefined ? {} : { haproxyPath: program }),
    });
    engines.push(engine);
    return engine;
  };
  t.after(async () => {
    await engines.at(-1)?.close({ stopTraffic: true });
    rmSync(root, { recursive: true });
  });
  const engine = await again(bounds);
  const socket = new RuntimeSocket(pathsOf(folder).master);
  const master = async (command: string) => (await socket.run([command]))[0] ?? '';
  return {
    engine,
    folder,
    certificates,
    again,
    master,
    processes: async () => parseProcesses(await master('show proc')),
  };
}

const common = {
  running: true,
  createTime: '2026-11-24T00:00:00Z',
  scheduler: 'wrr',
  health: {
    enabled: true,
    kind: 'tcp',
    timeoutSeconds: 1,
    intervalSeconds: 1,
    healthyThreshold: 2,
    unhealthyThreshold: 2,
  },
} as const;

export function tcp(port: number, more: Partial<TcpListener> = {}): TcpListener {
  const own = { establishedTimeoutSeconds: 900, persistenceTimeoutSeconds: 0, eipTransmit: false };
  return { ...common, ...own, protocol: 'tcp', port, ...more };
}

export function http(port: number, more: Partial<HttpListener> = {}): HttpListener {
  const own = { idleTimeoutSeconds: 15, requestTimeoutSeconds: 60, forwardedFor: false };
  return { ...common, ...own, protocol: 'http', port, ...more };
}

/** With certificate 1. */
export function https(port: number, more: Partial<HttpsListener> = {}): HttpsListener {
  const own = { idleTimeoutSeconds: 15, requestTimeoutSeconds: 60, certificateId: '1' };
  return { ...common, ...own, protocol: 'https', port, ...more };
}

/** Attached servers from backends that listen. */
export function attached(
  backends: readonly { readonly name: string; readonly ip: string; readonly port: number }[],
  weight = 100,
): BackendServer[] {
  return backends.map(({ name, ip, port }) => ({ serverId: name, type: 'ens', ip, port, weight }));
}

/** A load balancer on loopback. */
export function balancer(id: string, parts: Partial<LoadBalancer>): LoadBalancer {
  return { ...loadBalancer(id, []), address: '127.0.0.1', ...parts };
}

/** What HAProxy says of a configuration: nothing when it would load it without a warning. */
export function verdict(sections: string): string {
  const root = mkdtempSync(join(tmpdir(), 'verdict-'));
  const paths = pathsOf(root);
  try {
    makeFolders(paths, undefined);
    const base = renderBase({
      paths,
      generation: 1,
      connections: 100,
      hardStopSeconds: 60,
      user: undefined,
    });
    writeFileSync(paths.base, `${base}\n${sections}`);
    const files = sections.matchAll(/SLUICE_CERTIFICATES}\/([^"]+)"/g);
    for (const [, file = ''] of files) {
      const { cert, key } = makeCertificate();
      writeFileSync(join(paths.certificates, file), `${cert}${key}`);
    }
    const found = execFileSync('haproxy', ['-c', '-f', paths.base, '-dW'], { stdio: 'pipe' });
    return found.toString().replace('Configuration file is valid', '').trim();
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr ?? error);
  } finally {
    rmSync(root, { recursive: true });
    rmSync(paths.handover, { recursive: true, force: true });
  }
}
