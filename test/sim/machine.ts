import assert from 'node:assert/strict';
import { certificateUses } from '../../src/elb/certificates.ts';
import type { LoadBalancer } from '../../src/elb/types.ts';
import type { WatchMessage } from '../../src/fleet/protocol.ts';
import { type Agent, createAgent } from '../../src/forwarder/agent.ts';
import { Certificates } from '../../src/forwarder/certificates.ts';
import type { Engine } from '../../src/forwarder/engine.ts';
import { MemoryEngine } from '../../src/forwarder/memory-engine.ts';
import type { Transport } from '../../src/forwarder/transport.ts';
import type { SimulatedClock } from '../support/clock.ts';
import { silent } from '../support/log.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { Life, never } from './life.ts';

export interface MachineOptions {
  readonly site: string;
  readonly name: string;
  readonly clock: SimulatedClock;
  readonly random: () => number;
  /** The network as this machine's agent sees it: a way to each control plane. */
  readonly controlPlanes: readonly Transport[];
}

/** The number of the change that made a load balancer what it is: its name says it. */
export function versionOf({ name }: LoadBalancer): number {
  return Number(name);
}

/** A forwarder's machine: the engine and the disk outlive the agent. */
export class Machine {
  readonly name: string;
  readonly site: string;
  readonly disk = new MemoryDisk();
  readonly engine: MemoryEngine;
  agent: Agent | undefined;
  life: Life;
  accessKey = { accessKeyId: 'first', accessKeySecret: 'secret' };
  certificates = new Certificates(this.accessKey);
  /** Chance that the engine refuses a verb. */
  refusals = 0;
  /** What a check outside the test's own path found. */
  broken: unknown;
  /** Load balancer -> the highest version the engine was ever seen to carry. */
  readonly reached = new Map<string, number>();
  /** Times that it lost power. */
  powerLosses = 0;
  /** When a control plane first took what this life of the agent says; Infinity = none has. */
  knownAt = Number.POSITIVE_INFINITY;
  readonly #options: MachineOptions;
  readonly #skewMs: number;
  #lives = 0;
  /** This life began with a journal: without one it cannot know what a pool has lost. */
  #remembers = false;
  readonly #appliedInLife = new Set<string>();
  #floors = new Map<string, number>();

  constructor(options: MachineOptions) {
    this.#options = options;
    this.name = options.name;
    this.site = options.site;
    const { clock, random } = options;
    // The clocks of two machines are never compared.
    this.#skewMs = Math.round((random() - 0.5) * 120_000);
    this.engine = new MemoryEngine({ now: this.#now, leaseNow: this.#leaseNow });
    this.life = new Life(clock, random);
    this.life.finish('host gone');
  }

  readonly #now = () => this.#options.clock.now() + this.#skewMs;
  readonly #leaseNow = () => this.#options.clock.now() - this.#skewMs;

  async start(): Promise<void> {
    if (!this.life.end.aborted) return;
    const { clock, random, site, controlPlanes } = this.#options;
    const life = new Life(clock, random);
    this.life = life;
    this.knownAt = Number.POSITIVE_INFINITY;
    this.#lives += 1;
    this.#floors = new Map();
    this.#remembers = [...this.disk.files.keys()].some((name) => name.endsWith('.ndjson'));
    this.#appliedInLife.clear();
    // Now and then it is registered anew: what was sealed for it before is closed to it.
    if (random() < 0.3) {
      const life = `${this.name} ${this.#lives}`;
      this.accessKey = { accessKeyId: life, accessKeySecret: `secret ${life}` };
    }
    this.certificates = new Certificates(this.accessKey);
    const agent = await createAgent({
      site,
      engine: this.#reachedBy(life),
      certificates: this.certificates,
      engineName: 'memory',
      controlPlanes: controlPlanes.map((each) => this.#heardBy(life, each)),
      disk: this.disk,
      now: this.#now,
      leaseNow: this.#leaseNow,
      timers: life.timers,
      random,
      log: silent,
    });
    if (!life.end.aborted) this.agent = agent;
  }

  /** kill -9 of the agent: the engine goes on with what it has. */
  kill(): void {
    this.life.finish('killed');
    this.agent = undefined;
  }

  /** The machine loses power: the engine forgets, and so does the disk what was not synced. */
  losePower(): void {
    this.life.finish('host gone');
    this.agent = undefined;
    this.powerLosses += 1;
    this.knownAt = Number.POSITIVE_INFINITY;
    this.engine.lose('power');
    this.reached.clear();
    this.disk.losePower(this.#options.random);
  }

  /** What it serves, of one site or of all. */
  served(site?: string): readonly LoadBalancer[] {
    const { serving } = this.engine;
    return site === undefined ? serving : serving.filter((each) => each.site === site);
  }

  /**
   * Nothing broke at the engine. A revision that was told, or is known to be applied, never goes
   * down in an agent's life.
   */
  check(storeRevision: number): void {
    if (this.broken !== undefined) throw this.broken;
    for (const { site, held = 0, revision } of this.agent?.sites() ?? []) {
      for (const [what, value] of [
        ['held', held],
        ['applied', revision],
      ] as const) {
        const key = `${what} ${site}`;
        const floor = this.#floors.get(key) ?? 0;
        assert.ok(value >= floor, `${this.name}: ${key} went from ${floor} down to ${value}`);
        this.#floors.set(key, value);
      }
      assert.ok(held <= storeRevision, `${this.name}: ${held} is beyond the store`);
      assert.ok(revision <= held, `${this.name}: applied ${revision} is beyond held ${held}`);
    }
  }

  /** Should the site come back, it begins anew. */
  #released(site: string): void {
    this.#floors.delete(`held ${site}`);
    this.#floors.delete(`applied ${site}`);
  }

  /**
   * The engine as one life of the agent reaches it: slow, and refusing now and then. What it was
   * sent is done while the agent is paused.
   */
  #reachedBy(life: Life): Engine {
    const { clock, random } = this.#options;
    const { engine } = this;
    const verb = async <T>(run: () => Promise<T>): Promise<T> => {
      await new Promise<void>((resolve) => clock.after(random() * 40, resolve));
      if (life.end.aborted) return never();
      try {
        const result = await run();
        await life.taken();
        return result;
      } catch (error) {
        // An agent copes with an engine that throws; the test must not.
        this.broken ??= error;
        throw error;
      }
    };
    const refused = () => random() < this.refusals;
    return {
      apply: (wanted) =>
        verb(async () => {
          if (refused()) return [{ loadBalancerId: wanted.id, reason: 'refused' }];
          const lacking = this.#lacking(wanted);
          if (lacking !== undefined) return [{ loadBalancerId: wanted.id, reason: lacking }];
          this.#checkStep(wanted);
          return engine.apply(wanted);
        }),
      remove: async (id) => {
        if (await verb(async () => refused() || engine.remove(id))) throw new Error('refused');
      },
      prune: (wanted) => verb(() => engine.prune(wanted)),
      drains: () => engine.drains(),
      health: () => engine.health(),
      counters: () => engine.counters(),
      traffic: (ids) => engine.traffic(ids),
      guard: (leases) => verb(() => engine.guard(leases)),
      renew: (site, until) => verb(() => engine.renew(site, until)),
      notices: () => engine.notices(),
      onLost: (listener) =>
        engine.onLost((reason) => void life.taken().then(() => listener(reason))),
      close: async () => {},
    };
  }

  /** A control plane as one life of the agent reaches it. */
  #heardBy(life: Life, transport: Transport): Transport {
    const released = (site: string) => this.#released(site);
    return {
      ...transport,
      watch: async function* (request, signal, onRead) {
        for await (const line of transport.watch(request, signal, onRead)) {
          await life.taken();
          if (line.startsWith('{"type":"release"')) {
            released((JSON.parse(line) as Extract<WatchMessage, { type: 'release' }>).site);
          }
          yield line;
        }
      },
      report: async (site, report, signal) => {
        try {
          return await transport.report(site, report, signal);
        } finally {
          await life.taken();
        }
      },
    };
  }

  /** As with a real engine, a listener without its certificate is a failure. */
  #lacking(wanted: LoadBalancer): string | undefined {
    const uses = certificateUses(wanted).map(({ certificate }) => certificate);
    const id = uses.find((each) => this.certificates.find(each)?.key !== `key ${each}`);
    return id && `certificate ${id} has not come`;
  }

  /** No older state over a newer one, no half batch, no pool emptied for no reason. */
  #checkStep(wanted: LoadBalancer): void {
    const version = versionOf(wanted);
    const before = this.reached.get(wanted.id) ?? 0;
    const step = `${this.name}: ${wanted.id} from version ${before} to ${version}`;
    assert.ok(version >= before, `${step} goes back`);

    const weights = new Set(wanted.backends.map(({ weight }) => weight));
    assert.ok(weights.size <= 1, `${step} is half a batch`);
    const had = this.engine.carried.get(wanted.id)?.backends.length ?? 0;
    const explained = wanted.emptiedBy !== undefined || wanted.backends.length > 0;
    const unaware = !this.#remembers && !this.#appliedInLife.has(wanted.id);
    assert.ok(explained || had === 0 || unaware, `${step} empties the pool for no reason`);
    this.#appliedInLife.add(wanted.id);
    this.reached.set(wanted.id, version);
  }
}
