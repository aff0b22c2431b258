import assert from 'node:assert/strict';
import { certificateUses } from '../../src/elb/certificates.ts';
import type { Certificate, LoadBalancer } from '../../src/elb/types.ts';
import { createFleet } from '../../src/fleet/create-fleet.ts';
import type { Confirmation, Fleet } from '../../src/fleet/fleet.ts';
import { certificateContext } from '../../src/fleet/protocol.ts';
import type { Transport } from '../../src/forwarder/transport.ts';
import { forwarderSeal } from '../../src/sealing.ts';
import { keys } from '../../src/store/keys.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { SimulatedClock } from '../support/clock.ts';
import { httpsListeners, loadBalancer, server } from '../support/load-balancers.ts';
import { silent } from '../support/log.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { pick, seeded } from '../support/random.ts';
import { Machine, versionOf } from './machine.ts';

const site = 'site-1';
const otherSite = 'site-2';
const certificateIds = ['1', '2', '3', '4', '5'];

/**
 * Two control planes on one store, three forwarders of one site and one of the sites that have
 * none, all on one clock and one seed. Everything that happens is a method; `check` holds what
 * must be true at any moment, `checkQuiet` what must be true once all troubles are over.
 */
export class World {
  readonly clock = new SimulatedClock();
  readonly store = new MemoryStore(this.clock);
  readonly machines: readonly Machine[];
  readonly #random: () => number;
  #planes: Fleet[] = [];
  /** Forwarders that reach no control plane. */
  readonly #cut = new Set<string>();
  /** What a check outside the test's own path found. */
  #broken: unknown;
  #version = 0;
  #created = 0;
  /** Load balancers by key as they should be; those damaged on purpose as they were before. */
  readonly #good = new Map<string, LoadBalancer>();
  readonly #damaged = new Set<string>();

  constructor(seed: number) {
    this.#random = seeded(seed);
    const names = ['a', 'b', 'c'].map((name) => [site, name] as const);
    this.machines = [...names, ['*', 'up'] as const].map(
      ([of, name]) =>
        new Machine({
          site: of,
          name,
          clock: this.clock,
          random: this.#random,
          controlPlanes: [0, 1].map((plane) => this.#network(name, plane)),
        }),
    );
  }

  async start(): Promise<void> {
    const records = this.machines.map((each) => keys.forwarder(each.site, each.name));
    const sites = [keys.site(site), keys.site(otherSite)];
    await this.#commit([...records, ...sites].map((key) => ({ key, value: '{"v":1}' })));
    await this.#commit(
      certificateIds.map((id) => ({
        key: keys.certificate(id),
        value: JSON.stringify({ v: 1, id, chain: `chain ${id}`, notAfter: 0, key: `key ${id}` }),
      })),
    );
    const { store, clock } = this;
    const { now } = clock;
    const options = {
      store,
      now,
      monotonic: now,
      timers: clock,
      random: this.#random,
      log: silent,
    };
    for (const _ of [1, 2]) this.#planes.push(await createFleet(options));
    for (const machine of this.machines) await machine.start();
    for (let count = 0; count < 4; count++) await this.create();
    await this.clock.advance(1_000);
  }

  async close(): Promise<void> {
    for (const machine of this.machines) machine.kill();
    for (const plane of this.#planes) await plane.close();
    await this.clock.advance(0);
  }

  /** Lets time pass, checking all along. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      await this.clock.advance(Math.min(left, 100));
      this.check();
    }
  }

  /** One thing that may happen. */
  async step(): Promise<void> {
    const change = [() => this.change(), () => this.change(), () => this.change()];
    const events = [
      ...change,
      ...change,
      () => this.create(),
      () => this.remove(),
      () => this.damage(),
      () => this.repair(),
      () => this.#restart((machine) => machine.kill()),
      () => this.#restart((machine) => machine.losePower()),
      () => this.#machine().engine.lose('restarted'),
      () => this.#cut.add(this.#machine().name),
      () => this.#cut.clear(),
      () => (this.#machine().refusals = this.#random() * 0.8),
      () => (this.#machine().refusals = 0),
      () => (this.#machine().disk.full = this.#random() < 0.3),
      () => this.store.compact(),
      () => this.#outage(),
      () => this.#freeze(this.#random() < 0.5),
      () => this.#claim(this.#random() < 0.5),
    ];
    await pick(this.#random, events)();
  }

  async create(): Promise<void> {
    const of = pick(this.#random, [site, site, otherSite]);
    const id = `lb-${this.#created++}`;
    const listeners = this.#listeners();
    await this.#put(this.#next(loadBalancer(id, ['i-1', 'i-2'], { site: of, listeners })));
  }

  /**
   * One batch: servers come or go, and all that are attached get the same new weight. Now and then
   * the listeners change too, and their certificates.
   */
  async change(): Promise<void> {
    const current = this.#some();
    if (current === undefined) return;
    const weight = 1 + Math.floor(this.#random() * 100);
    const count = Math.floor(this.#random() * 4);
    const backends = Array.from({ length: count }, (_, index) => server(`i-${index}`, weight));
    const { emptiedBy: _, ...rest } = current;
    const why = { emptiedBy: { action: 'RemoveBackendServers', requestId: 'r' } };
    const listeners = this.#random() < 0.3 ? this.#listeners() : current.listeners;
    await this.#put(this.#next({ ...rest, listeners, backends, ...(count === 0 ? why : {}) }));
  }

  #listeners() {
    return httpsListeners(...certificateIds.filter(() => this.#random() < 0.3));
  }

  async remove(): Promise<void> {
    const current = this.#some();
    if (current === undefined || this.#good.size < 3) return;
    const key = keys.loadBalancer(current.site, current.id);
    // The API finds nothing to delete where the record has vanished.
    if (this.#damaged.has(key)) return;
    const tombstone = { key: keys.tombstone(current.site, current.id), value: '{"v":1}' };
    const revision = await this.#commit([tombstone], [key]);
    if (revision === undefined) return;
    this.#good.delete(key);
    this.#confirm(current, revision);
  }

  /** The store comes to hold what no call has made: an empty pool, or nothing at all. */
  async damage(): Promise<void> {
    const current = this.#some();
    if (current === undefined || current.backends.length === 0) return;
    const key = keys.loadBalancer(current.site, current.id);
    const { emptiedBy: _, ...rest } = current;
    const value = JSON.stringify({ ...rest, backends: [] });
    const revision =
      this.#random() < 0.5 ? await this.#commit([{ key, value }]) : await this.#commit([], [key]);
    if (revision !== undefined) this.#damaged.add(key);
  }

  async repair(): Promise<void> {
    for (const key of this.#damaged) {
      const good = this.#good.get(key);
      if (good === undefined) continue;
      if ((await this.#commit([{ key, value: JSON.stringify(good) }])) === undefined) return;
      this.#damaged.delete(key);
    }
  }

  /** Ends every trouble but the damage, and gives everything time to come right. */
  async calm(): Promise<void> {
    this.store.setDown(false);
    this.#cut.clear();
    for (const machine of this.machines) {
      machine.refusals = 0;
      machine.disk.full = false;
      if (machine.agent === undefined) await machine.start();
    }
    await this.#freeze(false);
    await this.#claim(false);
    await this.pass(45_000);
  }

  /** What must be true at any moment. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
    for (const machine of this.machines) machine.check(this.store.revision);
  }

  /** Every engine carries what its site should be, and every control plane knows it. */
  async checkQuiet(): Promise<void> {
    for (const machine of this.machines) {
      const of = machine.site === '*' ? otherSite : machine.site;
      const wanted = [...this.#good.values()].filter((each) => each.site === of);
      const carried = [...machine.engine.carried.values()];
      assert.deepEqual(summary(carried), summary(wanted), `the engine of ${machine.name}`);
      const uses = wanted.flatMap(certificateUses).map(({ certificate }) => certificate);
      for (const id of certificateIds) {
        const key = machine.certificates.find(id)?.key;
        const due = uses.includes(id) ? `key ${id}` : undefined;
        assert.equal(key, due, `certificate ${id} of ${machine.name}`);
      }
      for (const plane of this.#planes) {
        for (const each of wanted) {
          const confirmation = plane.progress(of, this.#siteRevision(of), each.id);
          const live = machine.site === '*' ? 1 : 3;
          assert.deepEqual(
            confirmation,
            { applied: live, counted: live, live, missing: [] },
            each.id,
          );
        }
      }
    }
  }

  #siteRevision(of: string): number {
    const [plane] = this.#planes;
    return Math.min(...plane!.forwarders(of).map(({ revision }) => revision));
  }

  async #put(next: LoadBalancer): Promise<void> {
    const key = keys.loadBalancer(next.site, next.id);
    const revision = await this.#commit([{ key, value: JSON.stringify(next) }]);
    if (revision === undefined) return;
    this.#good.set(key, next);
    this.#damaged.delete(key);
    this.#confirm(next, revision);
  }

  #next(current: LoadBalancer): LoadBalancer {
    this.#version += 1;
    return { ...current, name: String(this.#version) };
  }

  #some(): LoadBalancer | undefined {
    return this.#good.size === 0 ? undefined : pick(this.#random, [...this.#good.values()]);
  }

  #machine(): Machine {
    return pick(this.#random, this.machines);
  }

  /** Undefined when the store is away: nothing was changed. */
  async #commit(
    puts: readonly { readonly key: string; readonly value: string }[],
    deletes: readonly string[] = [],
  ): Promise<number | undefined> {
    try {
      const result = await this.store.commit({ ifRevision: new Map(), puts, deletes });
      return result.committed ? result.revision : undefined;
    } catch (error) {
      if (error instanceof StoreUnavailable) return undefined;
      throw error;
    }
  }

  /** Whoever is counted as having applied a change has carried it. */
  #confirm(changed: LoadBalancer, revision: number): void {
    const plane = pick(this.#random, this.#planes);
    const key = keys.loadBalancer(changed.site, changed.id);
    const check = (confirmation: Confirmation) => {
      // One that went from the store meanwhile is confirmed by being gone.
      if (this.#good.has(key) && !this.#damaged.has(key))
        this.#checkConfirmation(changed, plane, confirmation);
    };
    plane
      .confirm(changed.site, revision, changed.id, { ms: 1_000, forFence: false })
      .then(check)
      .catch((error: unknown) => (this.#broken = error));
  }

  #checkConfirmation(changed: LoadBalancer, plane: Fleet, { missing }: Confirmation): void {
    for (const { name } of plane.forwarders(changed.site)) {
      if (missing.some(({ forwarder }) => forwarder === name)) continue;
      const machine = this.machines.find((each) => each.name === name)!;
      if (machine.reportsMayLie) continue;
      const reached = machine.reached.get(changed.id) ?? 0;
      assert.ok(
        reached >= versionOf(changed),
        `${name} confirmed ${changed.id} version ${changed.name}, carried ${reached}`,
      );
    }
  }

  async #restart(end: (machine: Machine) => void): Promise<void> {
    const machine = this.#machine();
    end(machine);
    await this.pass(this.#random() * 8_000);
    await machine.start();
  }

  async #outage(): Promise<void> {
    this.store.setDown(true);
    await this.pass(this.#random() * 8_000);
    this.store.setDown(false);
  }

  async #freeze(frozen: boolean): Promise<void> {
    await this.#commit([{ key: keys.freeze, value: JSON.stringify({ v: 1, frozen }) }]);
  }

  /** The other site gets a forwarder of its own (which never comes), or loses it. */
  async #claim(claimed: boolean): Promise<void> {
    const key = keys.forwarder(otherSite, 'own');
    if (claimed) await this.#commit([{ key, value: '{"v":1}' }]);
    else await this.#commit([], [key]);
  }

  /** Lines come in order, after a while each; reports go lost, come late, and come twice. */
  #network(name: string, index: number): Transport {
    const late = (ms: number) =>
      new Promise<void>((resolve) => this.clock.after(this.#random() * ms, resolve));
    const refuse = () => {
      if (this.#cut.has(name)) throw new Error('unreachable');
    };
    const { clock } = this;
    const plane = () => this.#planes[index]!;
    const broken = () => this.#cut.has(name) || this.#random() < 0.005;
    const deliver = ({ id, chain, notAfter, key }: Certificate) => {
      const { accessKey } = this.machines.find((each) => each.name === name)!;
      const sealed = forwarderSeal(accessKey).seal(key, certificateContext(id));
      return { id, chain, notAfter, key: sealed, sealedFor: accessKey.accessKeyId };
    };
    return {
      endpoint: `plane ${index}`,
      drop: () => {},
      watch: async function* ({ site: of, ...said }, signal) {
        refuse();
        const watcher = { name, ...said };
        for await (const line of plane().watchSite(of, signal, deliver, watcher)) {
          await late(20);
          if (broken()) return;
          yield line;
        }
      },
      report: async (of, report) => {
        refuse();
        await late(20);
        if (broken()) throw new Error('connection reset');
        const copy = structuredClone(report);
        if (this.#random() < 0.05) {
          const again = () =>
            void plane()
              .report(of, name, copy)
              .catch(() => {});
          clock.after(this.#random() * 300, again);
        }
        const terms = await plane().report(of, name, copy);
        if (this.#random() < 0.02) throw new Error('the answer was lost');
        return terms;
      },
    };
  }
}

/** What a difference is read from: `lb-3 version 14: 2 servers`. */
function summary(loadBalancers: readonly LoadBalancer[]): readonly string[] {
  return loadBalancers
    .map(({ id, name, backends }) => `${id} version ${name}: ${backends.length} servers`)
    .sort();
}
