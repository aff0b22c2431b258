import type { LoadBalancer } from '../../elb/types.ts';
import { carried, type Pool, pools, renderFrame, type Slot } from './render.ts';

/** A server as HAProxy reports it. */
export interface Actual {
  readonly name: string;
  readonly maintenance: boolean;
  readonly weight: number;
}

/**
 * Runtime commands that bring one pool from what HAProxy has to what is wanted. A slot that is no
 * longer wanted rests in maintenance: its sessions go on, new ones go elsewhere.
 */
export function poolCommands({ name, servers }: Pool, actual: readonly Actual[]): string[] {
  const present = new Map(actual.map((slot) => [slot.name, slot]));
  const wanted = new Set(servers.map((slot) => slot.name));
  const leave = actual
    .filter((slot) => !wanted.has(slot.name) && !slot.maintenance)
    .map((slot) => `set server ${name}/${slot.name} state maint`);
  // New servers come before old ones leave, so that a pool is never empty on the way.
  return [...servers.flatMap((slot) => slotCommands(name, slot, present.get(slot.name))), ...leave];
}

function slotCommands(pool: string, slot: Slot, actual: Actual | undefined): string[] {
  const path = `${pool}/${slot.name}`;
  if (actual === undefined) {
    return [
      ['add server', path, slot.address, 'weight', slot.weight, slot.options]
        .filter((word) => word !== '')
        .join(' '),
      ...(slot.options.includes('check ') ? [`enable health ${path}`] : []),
      ...(slot.maintenance ? [] : [`enable server ${path}`]),
    ];
  }
  return [
    ...(actual.weight === slot.weight ? [] : [`set server ${path} weight ${slot.weight}`]),
    ...(actual.maintenance === slot.maintenance
      ? []
      : [`set server ${path} state ${slot.maintenance ? 'maint' : 'ready'}`]),
  ];
}

/** True when HAProxy has what is wanted of a pool and nothing else takes connections. */
export function poolMatches({ servers }: Pool, actual: readonly Actual[]): boolean {
  return (
    servers.every((slot) => {
      const found = actual.find(({ name }) => name === slot.name);
      return found?.maintenance === slot.maintenance && found.weight === slot.weight;
    }) &&
    actual.every(({ name, maintenance }) => maintenance || servers.some((s) => s.name === name))
  );
}

/**
 * What a forwarder does to get from one state of a load balancer to the next: the runtime commands
 * in order, or the reload that listeners and their parameters need. Undefined = not there.
 */
export function planCommands(
  before: LoadBalancer | undefined,
  after: LoadBalancer | undefined,
): string[] {
  const frame = (value: LoadBalancer | undefined) =>
    value === undefined ? '' : renderFrame(value, carried(value));
  if (frame(before) !== frame(after)) {
    const id = (after ?? before)?.id;
    return [after === undefined ? `delete ${id}.cfg` : `write ${id}.cfg`, 'reload'];
  }
  if (before === undefined || after === undefined) return [];
  const had = new Map(pools(before, carried(before)).map((pool) => [pool.name, pool.servers]));
  return pools(after, carried(after)).flatMap((pool) =>
    poolCommands(pool, had.get(pool.name) ?? []),
  );
}
