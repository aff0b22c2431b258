import { keys } from '../../src/store/keys.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { pick } from '../support/random.ts';
import type { End } from './life.ts';
import type { Machine } from './machine.ts';
import type { Plane } from './plane.ts';
import type { Way } from './way.ts';
import { otherSite, site, type World } from './world.ts';

/** How long a fault lasts at most, in milliseconds: longer than every lease and timeout. */
const longestMs = 20_000;

const directions = ['calls', 'answers', 'lines'] as const;
type Direction = (typeof directions)[number];

/** Within this every forwarder has left a control plane that is silent, whatever it still does. */
const failoverMs = 8_000;

const ends: readonly End[] = ['killed', 'host gone'];

/** What may happen in a world, one thing at a time; a fault ends by itself after a while. */
export class Faults {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async step(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const change = Array<() => void>(8).fill(() => world.change());
    const events: (() => unknown)[] = [
      ...change,
      () => world.create(),
      () => world.remove(),
      () => this.#damage(),
      () => this.#repair(),
      () => this.#endAgent((machine) => machine.kill()),
      () => this.#endAgent((machine) => machine.losePower()),
      () => this.#pauseAgent(),
      () => this.#machine().engine.lose('restarted'),
      () => (this.#machine().refusals = random() * 0.8),
      () => (this.#machine().refusals = 0),
      () => (this.#machine().disk.full = random() < 0.3),
      () => this.#endPlane(),
      () => this.#pausePlane(),
      () => this.#pausePlane(),
      () => this.#fail(pick(random, world.planes).toStore),
      () => this.#failLink(),
      () => this.#failLink(),
      () => this.#isolate(),
      () => this.#mendLinks(),
      () => this.#comeBackWithLess(),
      () => world.store.compact(),
      () => this.#outage(),
      () => this.#freeze(random() < 0.5),
      () => this.#claim(random() < 0.5),
      ...(world.changesPolicy ? [() => world.isolate(pick(random, [site, otherSite]))] : []),
    ];
    const event = pick(random, events);
    world.note(String(event).replace(/^\(\) => /, ''));
    await event();
  }

  /** Ends every fault, and gives everything time to come right. */
  async calm(): Promise<void> {
    const world = this.#world;
    world.store.setDown(false);
    this.#mendLinks();
    for (const plane of world.planes) {
      plane.toStore.mend();
      plane.life.resume();
      plane.start();
    }
    for (const machine of world.machines) {
      machine.refusals = 0;
      machine.disk.full = false;
      machine.life.resume();
      this.#start(machine);
    }
    await this.#freeze(false);
    await this.#claim(false);
    await world.pass(45_000);
    await this.#repair();
    await world.pass(5_000);
  }

  /**
   * One of two control planes falls silent for good, in any way, and nothing else fails; after a
   * while the other has all forwarders. With one control plane nothing happens.
   */
  async silenceOne(): Promise<readonly Plane[]> {
    const { planes, random, links } = this.#world;
    if (planes.length < 2) return planes;
    this.#world.loses = false;
    const plane = pick(random, planes);
    const own = links.filter((link) => link.plane === plane);
    const sever = (...directions: readonly Direction[]) => {
      for (const link of own) for (const direction of directions) link[direction].sever();
    };
    const ways: (() => void)[] = [
      () => plane.life.pause(),
      () => plane.end('host gone'),
      () => plane.toStore.sever(),
      () => sever('calls'),
      () => sever('answers'),
      () => sever('lines'),
      () => sever(...directions),
    ];
    const way = pick(random, ways);
    this.#world.note(`${plane.name} falls silent: ${way}`);
    way();
    await this.#world.pass(failoverMs);
    return planes.filter((each) => each !== plane);
  }

  #machine(): Machine {
    return pick(this.#world.random, this.#world.machines);
  }

  /** Runs it after a while: soon mostly, and sometimes after every lease has lapsed. */
  #later(run: () => unknown): void {
    const { clock, random } = this.#world;
    clock.after(random() ** 2 * longestMs, () => void run());
  }

  #endAgent(end: (machine: Machine) => void): void {
    const machine = this.#machine();
    this.#world.note(`  ${machine.name}`);
    end(machine);
    this.#later(() => this.#start(machine));
  }

  #start(machine: Machine): void {
    machine.start().catch((error: unknown) => (this.#world.broken ??= error));
  }

  #pauseAgent(): void {
    const { life } = this.#machine();
    life.pause();
    this.#later(() => life.resume());
  }

  #endPlane(): void {
    const plane = pick(this.#world.random, this.#world.planes);
    plane.end(pick(this.#world.random, ends));
    this.#later(() => plane.start());
  }

  #pausePlane(): void {
    const { life } = pick(this.#world.random, this.#world.planes);
    life.pause();
    this.#later(() => life.resume());
  }

  /** One direction between one forwarder and one control plane, or all. */
  #failLink(): void {
    const { random, links } = this.#world;
    const name = this.#machine().name;
    const own = links.filter(({ machine }) => machine === name);
    const direction = pick(random, directions);
    for (const link of random() < 0.5 ? own : [pick(random, own)]) this.#fail(link[direction]);
  }

  #fail(way: Way): void {
    if (this.#world.random() < 0.3) way.slow(this.#world.random() * 3_000);
    else way.sever();
    this.#later(() => way.mend());
  }

  /** A forwarder reaches no control plane, and none reaches it. */
  #isolate(): void {
    const { name } = this.#machine();
    for (const { machine, calls, answers, lines } of this.#world.links) {
      if (machine !== name) continue;
      for (const way of [calls, answers, lines]) way.sever();
    }
    this.#later(() => this.#mendLinks(name));
  }

  #mendLinks(of?: string): void {
    for (const { machine, calls, answers, lines } of this.#world.links) {
      if (of !== undefined && machine !== of) continue;
      for (const way of [calls, answers, lines]) way.mend();
    }
  }

  /**
   * A machine loses power while what it said last is under way, and comes back knowing less: what
   * its earlier life had said arrives after what it says now.
   */
  async #comeBackWithLess(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const machine = this.#machine();
    const own = world.links.filter(({ machine: name }) => name === machine.name);
    for (const { calls } of own) calls.sever();
    for (let count = 0; count < 4; count++) world.change();
    await world.pass(100 + random() * 200);
    machine.losePower();
    for (const { lines } of own) lines.sever();
    this.#start(machine);
    for (const { calls } of own) calls.mend();
    this.#later(() => this.#mendLinks(machine.name));
  }

  async #damage(): Promise<void> {
    const { truth, random } = this.#world;
    const record = this.#world.some();
    if (record === undefined || record.isDamaged) return;
    if (record.loadBalancer.backends.length === 0) return;
    await unlessAway(truth.damage(record, random() < 0.5));
  }

  #repair(): Promise<void> {
    return unlessAway(this.#world.truth.repair());
  }

  #outage(): void {
    const { store } = this.#world;
    store.setDown(true);
    this.#later(() => store.setDown(false));
  }

  #freeze(frozen: boolean): Promise<void> {
    return this.#world.commit([{ key: keys.freeze, value: JSON.stringify({ v: 1, frozen }) }]);
  }

  /** The other site gets a forwarder of its own (which never comes), or loses it. */
  #claim(claimed: boolean): Promise<void> {
    const key = keys.forwarder(otherSite, 'own');
    return claimed
      ? this.#world.commit([{ key, value: '{"v":1}' }])
      : this.#world.commit([], [key]);
  }
}

async function unlessAway(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}
