import { createHash } from 'node:crypto';
import { certificateNumber } from '../../elb/certificates.ts';
import type {
  BackendServer,
  HttpListener,
  HttpsListener,
  Listener,
  LoadBalancer,
  TcpListener,
} from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { peersName } from './base.ts';
import { type LeaseLines, leaseLines, noLease } from './lease-lines.ts';
import {
  certificateFile,
  endpoint,
  numberToken,
  type SectionRole,
  sectionPrefix,
  serverName,
} from './names.ts';
import { backendLines, frontendLines, nextBackendLines, probeOptions } from './settings.ts';

/** A kind of listener that HAProxy carries. */
export type Carriable = TcpListener | HttpListener | HttpsListener;

export function isHttp(listener: Carriable): listener is HttpListener | HttpsListener {
  return listener.protocol !== 'tcp';
}

/** A listener as HAProxy has it. */
export interface Carried {
  /** `tcp:80` */
  readonly name: string;
  /** What all its sections' names begin with, whatever its settings. */
  readonly prefix: string;
  /** `address:port` that it accepts connections at. */
  readonly endpoint: string;
  readonly pools: readonly Pool[];
  /** HTTPS: what it shows its clients. */
  readonly certificate?: { readonly id: string; readonly file: string };
  /** Its sections, servers included. */
  readonly text: string;
}

/** One backend section that has servers. */
export interface Pool {
  readonly name: string;
  readonly role: SectionRole;
  readonly slots: readonly Slot[];
}

/** A server as its section has it. */
export interface Slot {
  readonly name: string;
  readonly address: string;
  /** 1 to 100. */
  readonly weight: number;
  /** No new connections, persistent ones included: weight 0. */
  readonly maintenance: boolean;
  readonly probed: boolean;
  /** Clients stay with it by a cookie. */
  readonly sticky: boolean;
  /** Keywords of `server` and `add server` after address and weight. */
  readonly options: readonly string[];
}

/**
 * What HAProxy carries of a load balancer: its running TCP, HTTP and HTTPS listeners while it is
 * Active.
 * @param isGuarded its site's lease must run for it to take traffic
 * @throws UnsafeValue when a value could be read as something else than what it is
 */
export function carry(loadBalancer: LoadBalancer, isGuarded = false): Carried[] {
  if (loadBalancer.status !== 'Active') return [];
  return loadBalancer.listeners
    .filter((listener) => listener.running)
    .filter((listener) => listener.protocol !== 'udp')
    .map((listener) => carryOne(loadBalancer, listener, isGuarded));
}

export function listenerName({ protocol, port }: Listener): string {
  return `${protocol}:${port}`;
}

/** The whole file of one load balancer. */
export function renderFile(carried: readonly Carried[]): string {
  return carried.map(({ text }) => text).join('\n');
}

/** `server …` as a section has it. */
export function serverLine(slot: Slot): string {
  return `server ${slotWords(slot)}${slot.maintenance ? ' disabled' : ''}`;
}

/** Name, address, weight and options: what `server` and `add server` have in common. */
export function slotWords({ name, address, weight, options }: Slot): string {
  return [name, address, 'weight', numberToken(weight, 1, 100), ...options].join(' ');
}

function carryOne(loadBalancer: LoadBalancer, listener: Carriable, isGuarded: boolean): Carried {
  const prefix = sectionPrefix(loadBalancer.id, listener);
  const lease = isGuarded ? leaseLines(loadBalancer.site, listener) : noLease;
  // The digest is of all that a reload alone can change; servers come and go without one.
  const empty = poolsOf(listener, [], prefix);
  const frame = sections(loadBalancer, listener, `${prefix}.0`, empty, lease);
  const model = slotOptions(listener, true).join(' ');
  const port = listener.backendPort ?? listener.port;
  const digest = createHash('sha256').update(`${frame}\n${model} ${port}`).digest('hex');
  const name = `${prefix}.${digest.slice(0, 12)}`;
  const pools = poolsOf(listener, loadBalancer.backends, name);
  return {
    name: listenerName(listener),
    prefix,
    endpoint: endpoint(loadBalancer.address, listener.port),
    pools,
    ...(listener.protocol === 'https' ? { certificate: certificateFor(listener, prefix) } : {}),
    text: sections(loadBalancer, listener, name, pools, lease),
  };
}

function certificateFor({ certificateId }: HttpsListener, prefix: string) {
  return { id: certificateNumber(certificateId), file: certificateFile(prefix) };
}

function poolsOf(listener: Carriable, servers: readonly BackendServer[], name: string): Pool[] {
  const roles = listener.health.enabled ? (['pool', 'open'] as const) : (['pool'] as const);
  return roles.map((role) => ({
    name: `${name}.${role}`,
    role,
    slots: slotsFor(listener, servers, role === 'pool' && listener.health.enabled),
  }));
}

function slotsFor(listener: Carriable, servers: readonly BackendServer[], probed: boolean): Slot[] {
  const options = slotOptions(listener, probed);
  const ids = usesHash(listener) ? slotIds(servers) : undefined;
  return servers.map((server) => ({
    name: serverName(server),
    address: endpoint(server.ip, server.port || listener.backendPort || listener.port),
    // rr takes servers in turn whatever their weight; a slot that rests keeps a valid weight.
    weight: listener.scheduler === 'rr' || server.weight === 0 ? 1 : server.weight,
    maintenance: server.weight === 0,
    probed,
    sticky: listener.protocol === 'https' && listener.sticky !== undefined,
    options: ids === undefined ? options : [...options, `id ${ids.get(serverName(server))}`],
  }));
}

function slotOptions(listener: Carriable, probed: boolean): string[] {
  return [
    ...(listener.protocol === 'tcp' && listener.eipTransmit ? ['send-proxy-v2'] : []),
    // An idle pooled connection keeps HAProxy from deleting a slot.
    ...(isHttp(listener) ? ['pool-purge-delay 1s'] : []),
    ...(probed && listener.health.enabled ? [probeOptions(listener.health)] : []),
  ];
}

function usesHash({ scheduler }: Carriable): boolean {
  return scheduler !== 'wrr' && scheduler !== 'wlc' && scheduler !== 'rr';
}

/**
 * The place of a server on the hash ring comes from its id, so ids come from names: every
 * forwarder, before and after a reload, sends a client to the same server.
 */
function slotIds(servers: readonly BackendServer[]): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  const taken = new Set<number>();
  for (const name of servers.map((server) => serverName(server)).sort()) {
    let id = 1 + (createHash('sha256').update(name).digest().readUInt32BE() % 0x7fff_fff0);
    while (taken.has(id)) id += 1;
    taken.add(id);
    ids.set(name, id);
  }
  return ids;
}

function sections(
  loadBalancer: LoadBalancer,
  listener: Carriable,
  name: string,
  pools: readonly Pool[],
  lease: LeaseLines,
): string {
  const blocks = [
    [`frontend ${name}.front`, ...frontendLines(loadBalancer, listener, name, lease)],
    ...pools.map((pool) => [
      `backend ${pool.name}`,
      ...backendLines(listener, name, pool.role, stickTable(loadBalancer, listener)),
      ...pool.slots.map(serverLine),
    ]),
    ...(isHttp(listener) ? [[`backend ${name}.next`, ...nextBackendLines(name)]] : []),
    ...stickSection(loadBalancer, listener),
  ];
  return blocks.map((lines) => `${lines.join('\n  ')}\n`).join('\n');
}

/** The section that remembers clients, if the listener does: it keeps its name across settings. */
function stickTable({ id }: LoadBalancer, listener: Carriable): string | undefined {
  if (listener.protocol !== 'tcp' || listener.persistenceTimeoutSeconds === 0) return undefined;
  return `${sectionPrefix(id, listener)}.stick`;
}

function stickSection(loadBalancer: LoadBalancer, listener: Carriable): string[][] {
  const name = stickTable(loadBalancer, listener);
  if (name === undefined || listener.protocol !== 'tcp') return [];
  const kind = loadBalancer.ipVersion === 'ipv6' ? 'ipv6' : 'ip';
  const expire = numberToken(listener.persistenceTimeoutSeconds, 1, 3_600);
  const size = limits.persistentClients;
  return [
    [
      `backend ${name}`,
      `stick-table type ${kind} size ${size} expire ${expire}s peers ${peersName}`,
    ],
  ];
}
