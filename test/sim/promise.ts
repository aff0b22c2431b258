import assert from 'node:assert/strict';
import type { LoadBalancer } from '../../src/elb/types.ts';
import { type Machine, versionOf } from './machine.ts';

/** A change that an answer spoke of. */
export interface Claim {
  readonly site: string;
  readonly loadBalancerId: string;
  /** The oldest version that may still be served; Infinity = none, it was deleted. */
  readonly version: number;
}

interface Floor {
  readonly version: number;
  /** How often the machine had lost power by then. */
  readonly powerLosses: number;
}

/**
 * The promise at the centre: a forwarder that an answer vouched for, because it was counted as
 * applied or not counted at all, serves nothing older than the answered change from then on.
 */
export class AnsweredPromise {
  readonly #floors = new Map<Machine, Map<string, Floor>>();

  /**
   * An answer vouched for these machines.
   * @param knewAt the control plane that gave it knew what all others had been told by then
   */
  answered(
    { site, loadBalancerId, version }: Claim,
    vouchedFor: Iterable<Machine>,
    knewAt: number,
  ): void {
    for (const machine of vouchedFor) {
      // It lost power, and what it came back with could not be known there yet.
      if (machine.powerLosses > 0 && machine.knownAt > knewAt) continue;
      const floors = this.#floors.get(machine) ?? new Map<string, Floor>();
      this.#floors.set(machine, floors);
      const before = floors.get(loadBalancerId);
      const { powerLosses } = machine;
      if (before?.powerLosses !== powerLosses || before.version < version) {
        floors.set(loadBalancerId, { version, powerLosses });
      }
      for (const served of machine.served(site)) this.#checkServed(machine, served);
    }
  }

  /** Holds what is served now against all that was answered. */
  check(machines: Iterable<Machine>): void {
    for (const machine of machines) {
      for (const served of machine.served()) this.#checkServed(machine, served);
    }
  }

  #checkServed(machine: Machine, served: LoadBalancer): void {
    const floor = this.#floors.get(machine)?.get(served.id);
    // What was not on disk yet when the power went may come back undone.
    if (floor === undefined || floor.powerLosses < machine.powerLosses) return;
    const what = `${machine.name} serves ${served.id} version ${versionOf(served)}`;
    assert.ok(versionOf(served) >= floor.version, `${what}, answered was ${floor.version}`);
  }
}
