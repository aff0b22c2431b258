import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadBalancer } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../log.ts';
import { type Paths, renderBase } from './base.ts';
import { parseSection } from './names.ts';
import { type HaproxyProcess, LoadRefused } from './process.ts';
import { carried, listenerName, render, renderFrame } from './render.ts';

export interface LoaderOptions {
  readonly paths: Paths;
  readonly process: HaproxyProcess;
  readonly openFiles: number;
  readonly user: string | undefined;
  readonly log: Log;
}

/** What the running generation was loaded with. */
interface Loaded {
  readonly generation: number;
  /** Load balancer id -> digest of its frame. */
  readonly frames: Readonly<Record<string, string>>;
}

/**
 * The files of HAProxy and what of them is loaded. Load balancers whose frame changed wait for one
 * reload together; a listener that cannot bind is left out and named, so that it keeps nobody
 * else's change from loading.
 */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #wanted = new Map<string, LoadBalancer>();
  /** Load balancer id -> listener -> why it is left out. */
  readonly #refused = new Map<string, Map<string, string>>();
  readonly #bound = new Set<string>();
  #frames = new Map<string, string>();
  #generation = 0;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  /** Counts loads, so that others notice one that came between. */
  epoch = 0;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Takes over a HAProxy that an earlier agent left running, if it is as the files say. */
  async adopt(): Promise<boolean> {
    const { process, paths } = this.#options;
    if (process.runningPid() === undefined) return false;
    let loaded: Loaded;
    try {
      loaded = JSON.parse(readFileSync(paths.loaded, 'utf8')) as Loaded;
    } catch {
      // Never loaded to the end: the first load settles what runs.
      return false;
    }
    this.#generation = loaded.generation;
    if ((await process.generation()) !== loaded.generation) return false;
    this.#frames = new Map(Object.entries(loaded.frames));
    return true;
  }

  /** True while a load is under way or waits. */
  get isLoading(): boolean {
    return this.#queued !== undefined || this.#running !== undefined;
  }

  /** Resolves when no load is under way. */
  async settled(): Promise<void> {
    while (this.isLoading) await (this.#queued ?? this.#running)?.catch(() => undefined);
  }

  /** The listeners of a load balancer that are carried now. */
  listeners(loadBalancer: LoadBalancer) {
    return carried(loadBalancer, new Set(this.#refused.get(loadBalancer.id)?.keys()));
  }

  /** True when a load balancer's frame is not the loaded one. */
  isChanged(loadBalancer: LoadBalancer): boolean {
    return digest(this.#frame(loadBalancer)) !== this.#frames.get(loadBalancer.id);
  }

  /** Listeners left out, and why. */
  refusals(id: string): ReadonlyMap<string, string> {
    return this.#refused.get(id) ?? new Map();
  }

  /**
   * Writes a load balancer's file and loads it when its frame is not the loaded one.
   * @throws LoadRefused when HAProxy cannot load
   */
  async put(loadBalancer: LoadBalancer): Promise<void> {
    const { id } = loadBalancer;
    this.#wanted.set(id, loadBalancer);
    await this.#probe(loadBalancer);
    this.#write(loadBalancer);
    const isNothing = digest(this.#frame(loadBalancer)) === empty && !this.#frames.has(id);
    if (this.isChanged(loadBalancer) && !isNothing) await this.load();
  }

  /** Removes load balancers' files and what is loaded of them. */
  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#wanted.delete(id);
      this.#refused.delete(id);
      rmSync(this.#file(id), { force: true });
    }
    if (ids.some((id) => (this.#frames.get(id) ?? empty) !== empty)) await this.load();
    for (const id of ids) this.#frames.delete(id);
  }

  /** Loads the files: calls that come before it begins share one load. */
  load(): Promise<void> {
    this.#queued ??= this.#enqueue();
    return this.#queued;
  }

  async #enqueue(): Promise<void> {
    await this.#running?.catch(() => undefined);
    await delay(limits.reloadGather);
    this.#queued = undefined;
    this.#running = this.#load().finally(() => {
      this.#running = undefined;
      this.epoch += 1;
    });
    await this.#running;
  }

  async #load(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const frames = new Map(
        [...this.#wanted].map(([id, value]) => [id, digest(this.#frame(value))]),
      );
      try {
        await this.#loadOnce();
        this.#frames = frames;
        this.#remember();
        return;
      } catch (error) {
        const listener = error instanceof LoadRefused ? this.#blame(error) : undefined;
        if (listener === undefined || attempt >= limits.reloadTries) throw error;
        this.#options.log.warn({ ...listener }, 'a listener cannot be carried and is left out');
      }
    }
  }

  async #loadOnce(): Promise<void> {
    const { process, paths, openFiles, user } = this.#options;
    this.#generation += 1;
    const base = renderBase({
      workerSocket: paths.worker,
      generation: this.#generation,
      openFiles,
      user,
    });
    replaceFile(paths.base, base);
    await process.check();
    if (process.runningPid() === undefined) await process.start(this.#generation);
    else await process.reload(this.#generation);
  }

  /** Leaves out the listener that a load failed for; undefined when it names none. */
  #blame({ section, message }: LoadRefused) {
    const file = /([A-Za-z0-9-]+)\.cfg:\d+/.exec(message)?.[1];
    const named = section === undefined ? undefined : parseSection(section);
    const id = named?.loadBalancerId ?? file;
    const loadBalancer = id === undefined ? undefined : this.#wanted.get(id);
    if (loadBalancer === undefined) return undefined;
    const left = named ? [named.listener] : this.listeners(loadBalancer).map(listenerName);
    if (left.length === 0) return undefined;
    for (const listener of left) this.#refuse(loadBalancer.id, listener, message);
    this.#write(loadBalancer);
    return { loadBalancerId: loadBalancer.id, listener: left.join(), reason: message };
  }

  #refuse(id: string, listener: string, reason: string): void {
    const refused = this.#refused.get(id) ?? new Map<string, string>();
    refused.set(listener, reason);
    this.#refused.set(id, refused);
  }

  /**
   * Tries to bind what HAProxy is about to bind for the first time: a load that fails at a bind
   * pauses the listeners of the worker before for a moment, so it is better not begun.
   */
  async #probe(loadBalancer: LoadBalancer): Promise<void> {
    const { id, address } = loadBalancer;
    this.#refused.delete(id);
    for (const listener of carried(loadBalancer)) {
      const name = `${address} ${listener.port}`;
      if (this.#bound.has(name)) continue;
      const known = (this.#frames.get(id) ?? empty) !== empty;
      const reason = await bindProblem(address, listener.port);
      // After adoption our own HAProxy holds the port; the load says whether it may.
      if (reason === undefined || (known && reason.includes('EADDRINUSE'))) this.#bound.add(name);
      else this.#refuse(id, listenerName(listener), reason);
    }
  }

  #frame(loadBalancer: LoadBalancer): string {
    return renderFrame(loadBalancer, this.listeners(loadBalancer));
  }

  #write(loadBalancer: LoadBalancer): void {
    const text = render(loadBalancer, this.listeners(loadBalancer));
    if (text === '') rmSync(this.#file(loadBalancer.id), { force: true });
    else replaceFile(this.#file(loadBalancer.id), text);
  }

  #file(id: string): string {
    return join(this.#options.paths.sections, `${id}.cfg`);
  }

  #remember(): void {
    const frames = Object.fromEntries(this.#frames);
    const loaded: Loaded = { generation: this.#generation, frames };
    replaceFile(this.#options.paths.loaded, JSON.stringify(loaded));
    const held = [...this.#wanted.values()].flatMap((value) =>
      this.listeners(value).map(({ port }) => `${value.address} ${port}`),
    );
    this.#bound.clear();
    for (const name of held) this.#bound.add(name);
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Of a load balancer that has nothing to load. */
const empty = digest('');

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Why an address and port cannot be listened on; undefined when they can. */
function bindProblem(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(`cannot listen on ${host} port ${port}: ${error.code}`),
    );
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
