import assert from 'node:assert/strict';
import { certificateUses } from '../../src/elb/certificates.ts';
import type { LoadBalancer } from '../../src/elb/types.ts';
import type { Confirmation } from '../../src/fleet/fleet.ts';
import { everyLoadBalancer } from '../../src/fleet/protocol.ts';
import { keys } from '../../src/store/keys.ts';
import { type Commit, StoreUnavailable } from '../../src/store/store.ts';
import { SimulatedClock } from '../support/clock.ts';
import { httpsListeners, loadBalancer, server } from '../support/load-balancers.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { pick, seeded } from '../support/random.ts';
import { Machine, versionOf } from './machine.ts';
import { type Link, linkTransport, makeLink } from './network.ts';
import { lookEveryMs, Plane } from './plane.ts';
import { AnsweredPromise } from './promise.ts';
import { type Record, Truth } from './truth.ts';

export const site = 'site-1';
export const otherSite = 'site-2';
const certificateIds = ['1', '2', '3', '4', '5'];

/** Milliseconds that calls let an answer wait for forwarders. */
const confirmWaits = [0, 1_000, 1_000, 5_000];

/**
 * Three forwarders of one site and one of the sites that have none, under two control planes on
 * one store (as with etcd) or one that has a store of its own (as with SQLite); all on one clock
 * and one seed. `check` holds what must be true at any moment, `checkQuiet` what must be true once
 * all faults are over. What may happen is in `faults.ts`.
 */
export class World {
  readonly clock = new SimulatedClock();
  readonly random: () => number;
  readonly store: MemoryStore;
  readonly truth: Truth;
  readonly planes: readonly Plane[];
  readonly machines: readonly Machine[];
  readonly links: readonly Link[];
  /** The isolation policy of sites changes while they run, and not only from world to world. */
  readonly changesPolicy = process.env.POLICY === 'changing';
  /** Connections break and answers are lost now and then. */
  loses = true;
  /** What a check outside the test's own path found. */
  broken: unknown;
  /** Answers that were waited for to the end. */
  answers = 0;
  readonly #note: (text: string) => void;
  readonly #promise = new AnsweredPromise();
  #version = 0;
  #created = 0;

  /** @param note takes what happens, for those who look for the cause of a failure */
  constructor(seed: number, note: (text: string) => void = () => {}) {
    const { clock } = this;
    const begun = clock.now();
    this.#note = (text) => note(`${clock.now() - begun} ms: ${text}`);
    const random = seeded(seed);
    this.random = random;
    const ownStore = seed % 3 === 0;
    const store = new MemoryStore(clock, { leasedApart: ownStore });
    this.store = store;
    this.truth = new Truth(store);
    this.planes = (ownStore ? ['only'] : ['first', 'second']).map(
      (name) => new Plane({ name, store, clock, random, ownStore }),
    );
    const names = ['a', 'b', 'c'].map((name) => [site, name] as const);
    const made = [...names, ['*', 'up'] as const].map(([of, name]) => this.#machine(of, name));
    this.machines = made.map(({ machine }) => machine);
    this.links = made.flatMap(({ links }) => links);
  }

  /** Tells what happens. */
  note(text: string): void {
    this.#note(text);
  }

  async start(): Promise<void> {
    const records = this.machines.map((each) => keys.forwarder(each.site, each.name));
    await this.commit(records.map((key) => ({ key, value: '{"v":1}' })));
    for (const each of [site, otherSite]) await this.isolate(each);
    await this.commit(
      certificateIds.map((id) => ({
        key: keys.certificate(id),
        value: JSON.stringify({ v: 1, id, chain: `chain ${id}`, notAfter: 0, key: `key ${id}` }),
      })),
    );
    for (const plane of this.planes) plane.start();
    await this.clock.advance(500);
    for (const machine of this.machines) await machine.start();
    for (let count = 0; count < 4; count++) this.create();
    await this.clock.advance(1_000);
  }

  async close(): Promise<void> {
    for (const machine of this.machines) machine.kill();
    for (const plane of this.planes) await plane.close();
    await this.clock.advance(0);
  }

  /** Lets time pass, checking all along. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= lookEveryMs) {
      await this.clock.advance(Math.min(left, lookEveryMs));
      for (const plane of this.planes) plane.look();
      this.check();
    }
  }

  /** What forwarders of a site do when they reach no control plane: serve, or be fenced. */
  isolate(of: string): Promise<void> {
    const isolation = pick(this.random, ['serve', 'fence', 'fence']);
    const whenAllIsolated = pick(this.random, ['none', 'last-serves']);
    const value = JSON.stringify({ v: 1, isolation, whenAllIsolated });
    this.note(`${of}: ${isolation}, ${whenAllIsolated}`);
    return this.commit([{ key: keys.site(of), value }]);
  }

  /** Changes all load balancers, at any control plane that runs. */
  changeAll(): void {
    for (const { key, revision, loadBalancer } of this.truth.records()) {
      this.#put(key, revision, this.#next(loadBalancer));
    }
  }

  create(): void {
    const of = pick(this.random, [site, site, otherSite]);
    const id = `lb-${this.#created++}`;
    const listeners = this.#listeners();
    const next = this.#next(loadBalancer(id, ['i-1', 'i-2'], { site: of, listeners }));
    this.#put(keys.loadBalancer(of, id), 0, next);
  }

  /**
   * One batch: servers come or go, and all that are attached get the same new weight. Now and then
   * the listeners change too, and their certificates.
   */
  change(): void {
    const record = this.some();
    if (record === undefined) return;
    const weight = 1 + Math.floor(this.random() * 100);
    const count = Math.floor(this.random() * 4);
    const backends = Array.from({ length: count }, (_, index) => server(`i-${index}`, weight));
    const { emptiedBy: _, ...rest } = record.loadBalancer;
    const why = { emptiedBy: { action: 'RemoveBackendServers', requestId: 'r' } };
    const listeners = this.random() < 0.3 ? this.#listeners() : rest.listeners;
    const next = this.#next({ ...rest, listeners, backends, ...(count === 0 ? why : {}) });
    this.#put(record.key, record.revision, next);
  }

  remove(): void {
    const record = this.some();
    // The API finds nothing to delete where the record has vanished.
    if (record === undefined || record.isDamaged || this.truth.records().length < 3) return;
    const { key, revision, loadBalancer } = record;
    const tombstone = { key: keys.tombstone(loadBalancer.site, loadBalancer.id), value: '{"v":1}' };
    const ifRevision = new Map([[key, revision]]);
    this.#call({ ifRevision, puts: [tombstone], deletes: [key] }, loadBalancer, Infinity);
  }

  some(): Record | undefined {
    const records = this.truth.records();
    return records.length === 0 ? undefined : pick(this.random, records);
  }

  /** Writes what no load balancer is. */
  async commit(puts: Commit['puts'], deletes: Commit['deletes'] = []): Promise<void> {
    try {
      await this.store.commit({ ifRevision: new Map(), puts, deletes });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  /** What must be true at any moment. */
  check(): void {
    if (this.broken !== undefined) throw this.broken;
    for (const machine of this.machines) machine.check(this.store.revision);
    this.#promise.check(this.machines);
  }

  /** Every engine carries what its site should be, and these control planes know it. */
  async checkQuiet(planes: readonly Plane[]): Promise<void> {
    for (const machine of this.machines) {
      const of = machine.site === '*' ? otherSite : machine.site;
      const wanted = this.truth
        .records()
        .map((record) => record.loadBalancer)
        .filter((each) => each.site === of);
      const carried = [...machine.engine.carried.values()];
      assert.deepEqual(summary(carried), summary(wanted), `the engine of ${machine.name}`);
      const uses = wanted.flatMap(certificateUses).map(({ certificate }) => certificate);
      for (const id of certificateIds) {
        const key = machine.certificates.find(id)?.key;
        const due = uses.includes(id) ? `key ${id}` : undefined;
        assert.equal(key, due, `certificate ${id} of ${machine.name}`);
      }
      for (const { name, fleet } of planes) {
        const revision = Math.min(...fleet!.forwarders(of).map((each) => each.revision));
        for (const each of wanted) {
          const confirmation = fleet!.progress(of, revision, each.id);
          const count = machine.site === '*' ? 1 : 3;
          const all = { applied: count, counted: count, live: count, missing: [] };
          assert.deepEqual(confirmation, all, `${each.id} at ${name}`);
        }
      }
    }
  }

  /** A forwarder's machine, and its links to the control planes. */
  #machine(of: string, name: string) {
    const { clock, random } = this;
    const loses = () => this.loses;
    const parts = { clock, random, loses, machine: (): Machine => machine };
    const links = this.planes.map((plane) => makeLink(name, plane, parts));
    const ways = links.map((link) => linkTransport(link, parts));
    const controlPlanes = random() < 0.5 ? ways : ways.reverse();
    const machine = new Machine({ site: of, name, clock, random, controlPlanes });
    return { machine, links };
  }

  #listeners() {
    return httpsListeners(...certificateIds.filter(() => this.random() < 0.3));
  }

  #next(current: LoadBalancer): LoadBalancer {
    this.#version += 1;
    return { ...current, name: String(this.#version) };
  }

  #put(key: string, revision: number, next: LoadBalancer): void {
    const puts = [{ key, value: JSON.stringify(next) }];
    this.#call(
      { ifRevision: new Map([[key, revision]]), puts, deletes: [] },
      next,
      versionOf(next),
    );
  }

  /** A call of the API, at any control plane that runs: its commit, and its answer. */
  #call(commit: Commit, changed: LoadBalancer, version: number): void {
    const running = this.planes.filter(({ fleet, life }) => fleet !== undefined && life.running);
    if (running.length === 0) return;
    const plane = pick(this.random, running);
    const wait = { ms: pick(this.random, confirmWaits), forFence: this.random() < 0.5 };
    const run = async () => {
      const { fleet, store } = plane;
      const committed = await store.commit(commit);
      if (!committed.committed) return;
      const { revision } = committed;
      this.note(`${changed.id} version ${version} is revision ${revision}`);
      const confirmation = await fleet!.confirm(changed.site, revision, changed.id, wait);
      this.#answered(plane, changed, version, confirmation);
    };
    run().catch((error: unknown) => {
      if (!(error instanceof StoreUnavailable)) this.broken ??= error;
    });
  }

  #answered(plane: Plane, changed: LoadBalancer, version: number, { missing }: Confirmation): void {
    this.answers += 1;
    const short = new Set(missing.map(({ forwarder }) => forwarder));
    this.note(`${plane.name} answered ${changed.id} version ${version}, missing ${[...short]}`);
    // Where the store did not say who may serve, only those that are counted were vouched for.
    const counted = new Set(
      short.has(everyLoadBalancer)
        ? plane.fleet
            ?.standings(changed.site)
            .flatMap((each) => (each.counted ? each.forwarder : []))
        : this.machines.map(({ name }) => name),
    );
    const machines = this.machines.filter(({ name }) => counted.has(name) && !short.has(name));
    const claim = { site: changed.site, loadBalancerId: changed.id, version };
    this.#promise.answered(claim, machines, plane.knewAt);
  }
}

/** What a difference is read from: `lb-3 version 14: 2 servers`. */
function summary(loadBalancers: readonly LoadBalancer[]): readonly string[] {
  return loadBalancers
    .map(({ id, name, backends }) => `${id} version ${name}: ${backends.length} servers`)
    .sort();
}
