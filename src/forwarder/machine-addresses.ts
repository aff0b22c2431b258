import os from 'node:os';

/** An address that an interface of this machine has. */
export interface Owned {
  readonly interfaceName: string;
  /** The name of the Sluice that added it, whole or its beginning; undefined: no Sluice did. */
  readonly mark: string | undefined;
  /** The machine's own: what others reach it by, and no address that was put there to serve. */
  readonly isOwn: boolean;
}

/** The longest name of an interface or label (IFNAMSIZ, less its end). */
const longestLabel = 15;
/** Of a Sluice's name: fewer digits would be no mark. */
const shortestMark = 4;

/**
 * The label that marks an IPv4 address as added by one Sluice: `lo:sl1a2b3c4d`. IPv6 has none.
 * @returns undefined where the interface's name leaves no room
 */
export function labelOf(interfaceName: string, instance: string): string | undefined {
  const room = longestLabel - interfaceName.length - ':sl'.length;
  return room < shortestMark ? undefined : `${interfaceName}:sl${instance.slice(0, room)}`;
}

/** True for the mark of this Sluice; a short one is its beginning. */
export function isMarkOf(mark: string | undefined, instance: string): boolean {
  return mark !== undefined && instance.startsWith(mark);
}

/** All addresses of this machine's interfaces. */
export function machineAddresses(): Map<string, Owned> {
  const found = new Map<string, Owned>();
  const firsts = new Set<string>();
  // getifaddrs(3) tells an IPv4 address by its label, which begins with the interface.
  for (const [label, addresses] of Object.entries(os.networkInterfaces())) {
    const [interfaceName = '', suffix = ''] = label.split(':');
    const [, mark] = /^sl([0-9a-f]{4,8})$/.exec(suffix) ?? [];
    for (const { address, family, internal, cidr } of addresses ?? []) {
      const first = `${interfaceName} ${family}`;
      // Addresses that are put there to serve have a prefix of their own, behind the machine's.
      const isServing = /\/(32|128)$/.test(cidr ?? '') && (firsts.has(first) || family === 'IPv6');
      firsts.add(first);
      found.set(address, {
        interfaceName,
        mark,
        isOwn: !internal && mark === undefined && !isServing,
      });
    }
  }
  return found;
}
