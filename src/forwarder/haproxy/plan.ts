import type { LoadBalancer } from '../../elb/types.ts';
import { serverName } from './names.ts';
import { carry, type Slot, slotWords } from './render.ts';

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
      // A server that comes while HAProxy runs has no mark for cookies until it is told to.
      ...(slot.sticky ? [`enable dynamic-cookie backend ${pool}`] : []),
      ...(slot.probed ? [`enable health ${path}`] : []),
      ...(slot.maintenance ? [] : [`enable server ${path}`]),
    ];
  }
  const [, ip, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(slot.address)!;
  return [
    ...(actual.address === slot.address ? [] : [`set server ${path} addr ${ip} port ${port}`]),
    ...(actual.weight === slot.weight || slot.maintenance
      ? []
      : [`set server ${path} weight ${slot.weight}`]),
    ...(slot.probed && !actual.probing ? [`enable health ${path}`] : []),
    ...(actual.maintenance === slot.maintenance
      ? []
      : [`set server ${path} state ${slot.maintenance ? 'maint' : 'ready'}`]),
  ];
}

/** The runtime commands from one state to the next, and whether listeners need a reload. */
export interface Plan {
  readonly runtime: readonly string[];
  readonly reload: boolean;
}

/** Undefined = not there. A drain counts as under way; one that is no longer listed is cut. */
export function plan(before: LoadBalancer | undefined, after: LoadBalancer | undefined): Plan {
  const had = asReported(before);
  const next = after === undefined ? [] : carry(after).flatMap(({ pools }) => pools);
  const kept = next.filter(({ name }) => had.has(name));
  const gone = slotNames(before).difference(slotNames(after));
  const servers = kept.flatMap(({ name, slots }) => [
    ...poolCommands(name, slots, had.get(name)!),
    ...[...gone].flatMap((server) => [
      `shutdown sessions server ${name}/${server}`,
      `del server ${name}/${server}`,
    ]),
  ]);
  const runtime = [...certificateCommands(before, after), ...servers];
  return { runtime, reload: next.length !== had.size || kept.length !== next.length };
}

/** Another certificate is served at once where the listener stays as it is. */
function certificateCommands(
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): string[] {
  const had = new Map(
    (before === undefined ? [] : carry(before)).map((each) => [each.prefix, each.certificate?.id]),
  );
  return (after === undefined ? [] : carry(after)).flatMap(({ prefix, certificate }) =>
    certificate === undefined || !had.has(prefix) || had.get(prefix) === certificate.id
      ? []
      : [`set ssl cert ${certificate.file}`, `commit ssl cert ${certificate.file}`],
  );
}

/** What HAProxy would report of each pool of a load balancer that is as wanted. */
function asReported(loadBalancer: LoadBalancer | undefined): Map<string, Actual[]> {
  if (loadBalancer === undefined) return new Map();
  const { backends, draining } = loadBalancer;
  const leaving = new Set(draining.map((server) => serverName(server)));
  const pools = carry({ ...loadBalancer, backends: [...backends, ...draining] });
  return new Map(
    pools.flatMap((listener) =>
      listener.pools.map(({ name, slots }) => [
        name,
        slots.map(({ probed, maintenance, ...slot }) => {
          const isAtRest = maintenance || leaving.has(slot.name);
          return { ...slot, probing: probed, maintenance: isAtRest };
        }),
      ]),
    ),
  );
}

/** What a forwarder runs to get from one state of a load balancer to the next. */
export function planCommands(
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): string[] {
  const { runtime, reload } = plan(before, after);
  return reload ? [...runtime, 'reload'] : [...runtime];
}

/** The slots that a load balancer has: attached servers and those whose sessions may end. */
function slotNames(loadBalancer: LoadBalancer | undefined): Set<string> {
  const { backends = [], draining = [] } = loadBalancer ?? {};
  return new Set([...backends, ...draining].map((server) => serverName(server)));
}
