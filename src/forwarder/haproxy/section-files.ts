import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { idToken, parseSection, type SectionName } from './names.ts';
import { leasesFile } from './paths.ts';

/** A server that a load starts at rest, and what it shall be woken as. */
export interface RestingServer {
  readonly pool: string;
  readonly server: string;
  readonly weight: number;
}

/** What a load starts from. */
export interface Settled {
  readonly resting: readonly RestingServer[];
  /** Sockets that it listens at. */
  readonly listening: number;
}

const ending = '.cfg';

/** A line that tells whose sections follow. */
const ownerLine = /^# ([A-Za-z0-9-]+)$/;

/**
 * The folder of load balancers' sections, which HAProxy loads as it stands: whoever loads or starts
 * it, and whenever, a change that a call returned from is in it. Several share a file. With one
 * each, HAProxy would keep all their names in one environment variable, and that ends a master with
 * some 2,000 of them (E2BIG, seen with 2.6.12); with one for all, a removal would write them all.
 */
export class SectionFiles {
  readonly #folder: string;
  /** Sections by load balancer. */
  readonly #texts = new Map<string, string>();
  /** Load balancers by file. */
  readonly #owners = new Map<string, Set<string>>();
  /** What is on disk, by file. */
  readonly #written = new Map<string, string>();
  /** Servers that start at rest: `<section prefix>/<server>`. */
  #down: ReadonlySet<string> = new Set();
  /** The load balancers that have any of those. */
  #sick: ReadonlySet<string> = new Set();

  /** Reads what an earlier life left; what is not in its place goes when files are settled. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const file of readdirSync(folder)) {
      if (!file.endsWith(ending) || file === leasesFile) continue;
      const text = readFileSync(join(folder, file), 'utf8');
      this.#written.set(file, text);
      for (const [id, sections] of partsOf(text)) {
        if (fileOf(id) === file) this.#set(id, sections);
      }
    }
  }

  ids(): Iterable<string> {
    return this.#texts.keys();
  }

  /**
   * Makes `text` the sections of a load balancer, on disk when it returns; empty = none.
   * @throws when the disk does not take it; then the text before stands
   */
  put(id: string, text: string): void {
    const before = this.#texts.get(id) ?? '';
    this.#set(id, text);
    try {
      // A folder that was deleted took the files of the others along.
      if (existsSync(this.#folder)) this.#write(fileOf(id));
      else this.#writeAll();
    } catch (error) {
      this.#set(id, before);
      throw error;
    }
  }

  /** Takes the sections of one listener out. @returns its pool's name; undefined: had none */
  leaveOut(id: string, prefix: string): string | undefined {
    const blocks = blocksOf(this.#texts.get(id) ?? '');
    const own = blocks.filter((block) => sectionOf(block)?.prefix === prefix);
    this.put(id, textOf(blocks.filter((block) => !own.includes(block))));
    const pool = own.find((block) => sectionOf(block)?.role === 'pool');
    return pool && nameOf(pool);
  }

  /**
   * Brings every file to what was put, for a load. Servers known to be down rest in them, so that
   * it sends them nothing.
   * @param down `<section prefix>/<server>`
   */
  settle(down: ReadonlySet<string>): Settled {
    this.#down = down;
    this.#sick = new Set([...down].map((path) => path.slice(0, path.indexOf('.'))));
    this.#writeAll();
    const texts = [...this.#texts.values()];
    return {
      resting: [...this.#sick].flatMap((id) => this.#rest(id).resting),
      listening: texts.reduce((sum, text) => sum + (text.match(/^ {2}bind /gm)?.length ?? 0), 0),
    };
  }

  /** What a line of a file belongs to. */
  whatIsAt(
    file: string,
    line: number,
  ): { id: string; section: SectionName | undefined } | undefined {
    const above = (this.#written.get(file) ?? '').split('\n').slice(0, line);
    const owner = above.findLastIndex((text) => ownerLine.test(text));
    const [, id] = ownerLine.exec(above[owner] ?? '') ?? [];
    if (id === undefined) return undefined;
    const head = above.slice(owner).findLast((text) => /^(frontend|backend) /.test(text));
    return { id, section: head === undefined ? undefined : sectionOf(head) };
  }

  #set(id: string, text: string): void {
    const file = fileOf(id);
    const owners = this.#owners.get(file) ?? new Set();
    this.#owners.set(file, owners);
    if (text === '') {
      this.#texts.delete(id);
      owners.delete(id);
    } else {
      this.#texts.set(id, text);
      owners.add(id);
    }
  }

  #writeAll(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const file of new Set([...this.#written.keys(), ...this.#owners.keys()])) {
      this.#write(file);
    }
  }

  /** Brings one file to what was put, also when it was deleted meanwhile. */
  #write(file: string): void {
    const owners = [...(this.#owners.get(file) ?? [])];
    const text = owners.map((id) => `# ${id}\n${this.#rest(id).text}`).join('\n');
    const path = join(this.#folder, file);
    const isThere = text === '' || existsSync(path);
    if (isThere && (this.#written.get(file) ?? '') === text) return;
    if (text === '') rmSync(path, { force: true });
    else replaceFile(path, text);
    if (text === '') this.#written.delete(file);
    else this.#written.set(file, text);
  }

  /** The sections of a load balancer, with the servers at rest that are down. */
  #rest(id: string): { readonly text: string; readonly resting: readonly RestingServer[] } {
    const text = this.#texts.get(id) ?? '';
    const resting: RestingServer[] = [];
    if (!this.#sick.has(id)) return { text, resting };
    const blocks = blocksOf(text).map((block) => {
      const section = sectionOf(block);
      if (section?.role !== 'pool') return block;
      return block.replace(/^ {2}server (\S+) \S+ weight (\d+).*$/gm, (line, server, weight) => {
        const isDown = this.#down.has(`${section.prefix}/${server}`);
        if (!isDown || line.endsWith(' disabled')) return line;
        resting.push({ pool: nameOf(block), server, weight: Number(weight) });
        return `${line} disabled`;
      });
    });
    return { text: resting.length === 0 ? text : textOf(blocks), resting };
  }
}

/** `lb-1` -> `3f.cfg`: 256 files at most. */
function fileOf(id: string): string {
  return `${createHash('sha256').update(idToken(id)).digest('hex').slice(0, 2)}${ending}`;
}

/** Sections by load balancer; what is before the first owner's line is nobody's. */
function partsOf(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(/^(?=# )/m)) {
    const end = part.indexOf('\n');
    const [, id] = ownerLine.exec(part.slice(0, end)) ?? [];
    if (id !== undefined) parts.set(id, part.slice(end + 1).replace(/\n+$/, '\n'));
  }
  return parts;
}

/** Sections are set apart by an empty line. */
function blocksOf(text: string): string[] {
  return text === '' ? [] : text.trimEnd().split('\n\n');
}

function textOf(blocks: readonly string[]): string {
  return blocks.length === 0 ? '' : `${blocks.join('\n\n')}\n`;
}

function sectionOf(block: string): SectionName | undefined {
  return parseSection(nameOf(block));
}

function nameOf(block: string): string {
  return /^\S+ (\S+)/.exec(block)?.[1] ?? '';
}

/**
 * Makes `text` the whole of a file, at once: a reader sees the one before or this one. No fsync:
 * what a power cut loses is written again from the forwarder's journal.
 */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
