import { setTimeout as delay } from 'node:timers/promises';
import type { RpcClient } from '../../src/client.ts';
import { pick } from '../support/random.ts';
import { until } from '../support/wait.ts';
import {
  type Deployment,
  forwarderName,
  type Isolation,
  isServed,
  type Member,
  patience,
  standingsOf,
} from './deployment.ts';
import { forwarders } from './network.ts';
import type { Verdict } from './verdict.ts';

/** What a fault explains: failures of calls, failures through forwarders. */
interface Scope {
  readonly calls: boolean;
  readonly forwarders: readonly number[];
}

/** A process that can fail, and how. */
interface Target {
  readonly name: string;
  readonly scope: Scope;
  /** SIGSTOP, or go on. */
  stop(stopped: boolean): void;
  /** kill -9, and start again. */
  kill(): Promise<void>;
}

interface Window {
  readonly scope: Scope;
  readonly from: number;
  until: number;
}

/**
 * After a fault is over, what began before may fail for this long. Milliseconds. Where a forwarder
 * is to fence: as long as its lease and its engine may take for that.
 */
const graceMs = { forwarder: { serve: 1_000, fence: 3_000 }, calls: 10_000 };

/** A paused process is paused for at most so long: longer than every lease and timeout. */
const longestPauseMs = 9_000;

/** Stops and kills each process in turn, one at a time, and knows what that explains. */
export class Faults {
  readonly #deployment: Deployment;
  readonly #verdict: Verdict;
  readonly #random: () => number;
  readonly #isolation: Isolation;
  readonly #targets: readonly Target[];
  readonly #windows: Window[] = [];
  #current = '';

  constructor(
    deployment: Deployment,
    verdict: Verdict,
    random: () => number,
    isolation: Isolation,
  ) {
    this.#deployment = deployment;
    this.#verdict = verdict;
    this.#random = random;
    this.#isolation = isolation;
    const { etcd, planes, agents } = deployment;
    const process = (member: Member, scope: Scope): Target => ({
      name: member.name,
      scope,
      stop: (stopped) => void member.running.process.kill(stopped ? 'SIGSTOP' : 'SIGCONT'),
      kill: async () => {
        await member.running.kill('SIGKILL');
        await member.restart();
      },
    });
    // One that serves when cut off needs neither its agent nor a control plane.
    const needed = (numbers: readonly number[]) => (isolation === 'fence' ? numbers : []);
    const control = { calls: true, forwarders: needed(forwarders) };
    this.#targets = [
      ...planes.map((each) => process(each, control)),
      ...agents.map((each, index) =>
        process(each, { calls: false, forwarders: needed([index + 1]) }),
      ),
      ...etcd.endpoints.map((_, index) => ({
        name: `etcd ${index + 1}`,
        scope: control,
        stop: (stopped: boolean) => etcd.freeze(index, stopped),
        kill: async () => {
          await etcd.kill(index);
          await etcd.start(index);
        },
      })),
      ...forwarders.map((forwarder) => this.#haproxy(forwarder)),
    ];
  }

  /** The target under a fault now, for those who would rather not meet it. */
  get current(): string {
    return this.#current;
  }

  /** True when a fault explains that what went through a forwarder since `begun` has failed. */
  explains(forwarder: number, begun: number): boolean {
    const grace = graceMs.forwarder[this.#isolation];
    return this.#isWithin(begun, grace, ({ forwarders }) => forwarders.includes(forwarder));
  }

  explainsCall(begun: number): boolean {
    return this.#isWithin(begun, graceMs.calls, ({ calls }) => calls);
  }

  /** Callers of the control planes that are not under a fault now. */
  wellClients(): readonly RpcClient[] {
    const { clients, planes } = this.#deployment;
    return clients.filter((_, index) => planes[index]?.name !== this.#current);
  }

  /** One fault after the other until `signal` aborts; each process in turn, in another order. */
  async run(signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted; round++) {
      const order = [...this.#targets].sort(() => this.#random() - 0.5);
      for (const [index, target] of order.entries()) {
        if (signal.aborted) return;
        const pauses = (round + index) % 2 === 0;
        await this.#fault(target, pauses);
        await delay(1_000 + this.#random() * 2_000, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #fault({ name, scope, stop, kill }: Target, pauses: boolean): Promise<void> {
    const window: Window = { scope, from: performance.now(), until: Number.POSITIVE_INFINITY };
    this.#windows.push(window);
    this.#current = name;
    this.#verdict.count('faults', `${pauses ? 'SIGSTOP' : 'kill'} ${name}`);
    try {
      if (pauses) {
        stop(true);
        await delay(500 + this.#random() * longestPauseMs);
        stop(false);
      } else {
        await kill();
      }
      await this.#recovered();
    } catch (error) {
      this.#verdict.fail('not recovered', `${name}: ${error}`);
    }
    this.#current = '';
    window.until = performance.now();
  }

  /** Every forwarder is live and serves. */
  async #recovered(): Promise<void> {
    const { clients, balancers } = this.#deployment;
    const live = async () => {
      const standings = await standingsOf(pick(this.#random, clients));
      const well = standings.filter(({ live, state }) => live && state === 'live');
      const names = well.map(({ forwarder }) => forwarder);
      return forwarders.every((number) => names.includes(forwarderName(number)));
    };
    await until(live, { what: 'all forwarders live', timeoutMs: patience });
    for (const number of forwarders) {
      const served = () => isServed(balancers[0]!.address, number);
      await until(served, { what: `answers through forwarder ${number}`, timeoutMs: patience });
    }
  }

  #haproxy(forwarder: number): Target {
    const all = () => this.#deployment.haproxies(forwarder);
    return {
      name: `HAProxy ${forwarder}`,
      scope: { calls: false, forwarders: [forwarder] },
      stop: (stopped) => {
        for (const pid of all()) process.kill(pid, stopped ? 'SIGSTOP' : 'SIGCONT');
      },
      kill: async () => {
        const master = await this.#deployment.haproxyMaster(forwarder);
        const workers = all().filter((pid) => pid !== master);
        process.kill(this.#random() < 0.5 ? master : (workers.at(-1) ?? master), 'SIGKILL');
      },
    };
  }

  #isWithin(begun: number, grace: number, applies: (scope: Scope) => boolean): boolean {
    const now = performance.now();
    return this.#windows.some(
      ({ scope, from, until: to }) => applies(scope) && from <= now && begun <= to + grace,
    );
  }
}
