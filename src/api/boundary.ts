import { type Block, formatAddress, parseBlock, sizeOf } from '../elb/cidr.ts';
import {
  backendProblem,
  isAssignable,
  type OwnEndpoint,
  ownEndpointAt,
  poolProblem,
} from '../elb/grounds.ts';
import { Refusal } from '../elb/refusal.ts';
import type { BackendServer, LoadBalancer } from '../elb/types.ts';

export interface BoundaryOptions {
  /** Networks that pools may be of besides the first account's loopback; empty: all but that. */
  readonly poolNetworks: readonly Block[];
  /** Networks that servers may be in; empty: as pools. */
  readonly backendNetworks: readonly Block[];
  /** Where Sluice itself listens, and its store. */
  readonly endpoints: () => readonly OwnEndpoint[];
  /** Addresses that the machine of this process's forwarder has for itself. */
  readonly machine: () => ReadonlySet<string>;
}

/** What keeps load balancers off the machine, off Sluice, and off what the operator withholds. */
export class Boundary {
  readonly #options: BoundaryOptions;

  constructor(options: BoundaryOptions) {
    this.#options = options;
  }

  /** @throws Refusal InvalidParameter.AddressPool */
  checkPool(text: string, isOperator: boolean): void {
    const pool = parseBlock(text)!;
    const { poolNetworks, machine } = this.#options;
    const isMachines = sizeOf(pool) === 1n && machine().has(formatAddress(pool.bits, pool.first));
    const problem =
      poolProblem(pool, { networks: poolNetworks }, isOperator) ??
      (isMachines && poolNetworks.length === 0 ? machinesOwn : undefined);
    if (problem !== undefined) throw new Refusal('InvalidParameter.%s', 'AddressPool', problem);
  }

  /** @throws Refusal InvalidParameter.PrivateIpAddress */
  checkServer(address: string, isOperator: boolean): void {
    const { backendNetworks, machine } = this.#options;
    const problem =
      backendProblem(address, { networks: backendNetworks }, isOperator) ??
      (machine().has(address) && backendNetworks.length === 0 ? machinesOwn : undefined);
    if (problem !== undefined) {
      throw new Refusal('InvalidParameter.%s', 'PrivateIpAddress', problem);
    }
  }

  /** Addresses that no load balancer gets, unless the operator has listed the pools' networks. */
  withheld(): ReadonlySet<string> {
    const { poolNetworks, machine } = this.#options;
    return poolNetworks.length === 0 ? machine() : new Set();
  }

  /**
   * Lets a change pass that puts neither a listener nor a server where Sluice itself is, nor a
   * server where none may be. What was so before stays: a removal is never refused for it.
   * @throws Refusal InvalidParameter.ListenerPort or .BackendServers
   */
  checkChange(before: LoadBalancer, after: LoadBalancer): void {
    const known = new Set(this.#faults(before).map(({ key }) => key));
    const fault = this.#faults(after).find(({ key }) => !known.has(key));
    if (fault !== undefined) {
      throw new Refusal('InvalidParameter.%s', fault.subject, fault.detail);
    }
  }

  #faults({ address, listeners, backends }: LoadBalancer): Fault[] {
    const own = (host: string, port: number) => {
      const { endpoints, machine } = this.#options;
      return ownEndpointAt(host, port, endpoints(), (each) => machine().has(each));
    };
    const taken = listeners.flatMap(({ port }) => {
      const name = own(address, port);
      const detail = `${address}:${port} is ${name} of Sluice.`;
      return name === undefined ? [] : [{ key: detail, subject: 'ListenerPort', detail }];
    });
    const reached = backends.flatMap((server) => [
      ...(isAssignable(server.ip) ? [] : [faultOf(server, 'is no address of a server')]),
      ...portsOf(server, listeners).flatMap((port) => {
        const name = own(server.ip, port);
        return name === undefined ? [] : [faultOf(server, `would reach ${name} at port ${port}`)];
      }),
    ]);
    return [...taken, ...reached];
  }
}

interface Fault {
  /** The same for what was so before. */
  readonly key: string;
  readonly subject: string;
  readonly detail: string;
}

const machinesOwn = 'The machine has this address for itself.';

function faultOf({ serverId, ip }: BackendServer, what: string): Fault {
  const detail = `${serverId} (${ip}) ${what}.`;
  return { key: detail, subject: 'BackendServers', detail };
}

/** The ports that a server is reached at, by any listener. */
function portsOf({ port }: BackendServer, listeners: LoadBalancer['listeners']): number[] {
  if (port !== 0) return [port];
  const ports = listeners.map((each) => ('backendPort' in each && each.backendPort) || each.port);
  return [...new Set(ports)];
}
