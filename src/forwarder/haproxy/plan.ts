import type { LoadBalancer } from '../../elb/types.ts';
import { serverName } from './names.ts';
import { type Carried, carry, type Pool, type Slot, slotWords } from './render.ts';

/** A server as HAProxy reports it. */
export interface Actual {
  readonly name: string;
  /** As `endpoint` writes it. */
  readonly address: string;
  readonly weight: number;
  readonly maintenance: boolean;
  /** Its probes are switched on. */
  readonly probing: boolean;
}

/**
 * Runtime commands that bring one pool from what HAProxy has to what is wanted; none when it is.
 * A slot that is no longer wanted rests in maintenance: its sessions go on, new ones go elsewhere.
 * @param pool the section's name in the worker that is spoken to
 */
export function poolCommands(
  pool: string,
  slots: readonly Slot[],
  actual: readonly Actual[],
): string[] {
  const present = new Map(actual.map((slot) => [slot.name, slot]));
  const wanted = new Set(slots.map(({ name }) => name));
  const leave = actual
    .filter(({ name, maintenance }) => !maintenance && !wanted.has(name))
    .map(({ name }) => `set server ${pool}/${name} state maint`);
  // Servers come before others leave, so that a pool is never empty on the way.
  return [...slots.flatMap((slot) => slotCommands(pool, slot, present.get(slot.name))), ...leave];
}

function slotCommands(pool: string, slot: Slot, actual: Actual | undefined): string[] {
  const path = `${pool}/${slot.name}`;
  if (actual === undefined) {
    return [
      `add server ${pool}/${slotWords(slot)}`,
      ...(slot.probed ? [`enable health ${path}`] : []),
      ...(slot.maintenance ? [] : [`enable server ${path}`]),
    ];
  }
  const [, ip, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(slot.address)!;
  return [
    ...(actual.address === slot.address ? [] : [`set server ${path} addr ${ip} port ${port}`]),
    ...(actual.weight === slot.weight ? [] : [`set server ${path} weight ${slot.weight}`]),
    ...(slot.probed && !actual.probing ? [`enable health ${path}`] : []),
    ...(actual.maintenance === slot.maintenance
      ? []
      : [`set server ${path} state ${slot.maintenance ? 'maint' : 'ready'}`]),
  ];
}

/** What HAProxy would report of a pool that is as wanted. */
function asReported(slots: readonly Slot[]): Actual[] {
  return slots.map(({ probed, ...slot }) => ({ ...slot, probing: probed }));
}

/** The runtime commands from one state to the next, and whether listeners need a reload. */
export interface Plan {
  readonly runtime: readonly string[];
  readonly reload: boolean;
}

/** Undefined = not there. A drain counts as under way; one that is no longer listed is cut. */
export function plan(before: LoadBalancer | undefined, after: LoadBalancer | undefined): Plan {
  const had = new Map(poolsOf(before).map((pool) => [pool.name, pool]));
  const next = poolsOf(after);
  const kept = next.filter(({ name }) => had.has(name));
  const gone = names(before).difference(names(after));
  const runtime = kept.flatMap(({ name, slots }) => [
    ...poolCommands(name, slots, asReported(had.get(name)!.slots)),
    ...[...gone].flatMap((server) => [
      `shutdown sessions server ${name}/${server}`,
      `del server ${name}/${server}`,
    ]),
  ]);
  return { runtime, reload: next.length !== had.size || kept.length !== next.length };
}

/** What a forwarder runs to get from one state of a load balancer to the next. */
export function planCommands(
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): string[] {
  const { runtime, reload } = plan(before, after);
  return reload ? [...runtime, 'reload'] : [...runtime];
}

function poolsOf(loadBalancer: LoadBalancer | undefined): Pool[] {
  const carried: readonly Carried[] = loadBalancer === undefined ? [] : carry(loadBalancer);
  return carried.flatMap(({ pools }) => pools);
}

/** The slots that a load balancer has: attached servers and those whose sessions may end. */
function names(loadBalancer: LoadBalancer | undefined): Set<string> {
  const { backends = [], draining = [] } = loadBalancer ?? {};
  return new Set([...backends, ...draining].map((server) => serverName(server)));
}
