import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { idToken, parseSection, type SectionName } from './names.ts';

/** A server that a load starts at rest, and what it shall be woken as. */
export interface RestingServer {
  readonly pool: string;
  readonly server: string;
  readonly weight: number;
}

/** All load balancers' sections, for one load. */
export interface Assembled {
  readonly text: string;
  readonly resting: readonly RestingServer[];
  /** Sockets that it listens at. */
  readonly listening: number;
}

const ending = '.cfg';

/**
 * The folder with one file per load balancer, and what is in it. Every change is on disk, whole,
 * when its call returns, and costs the same however many files there are. HAProxy reads them put
 * together: of a folder it would keep all names in one environment variable, and that ends a
 * master with some 2,000 files (E2BIG, seen with 2.6.12).
 */
export class SectionFiles {
  readonly #folder: string;
  readonly #texts = new Map<string, string>();
  /** Where each load balancer begins in what was last assembled, in order. */
  #places: { readonly id: string; readonly line: number }[] = [];

  /** Reads what an earlier life left. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const name of readdirSync(folder)) {
      if (!name.endsWith(ending)) continue;
      this.#texts.set(name.slice(0, -ending.length), readFileSync(join(folder, name), 'utf8'));
    }
  }

  ids(): Iterable<string> {
    return this.#texts.keys();
  }

  /**
   * Makes `text` the file of a load balancer; empty = no file.
   * @throws when the disk does not take it; then the text before stands
   */
  put(id: string, text: string): void {
    if ((this.#texts.get(id) ?? '') === text) return;
    // First the file: a text that is not on disk would pass for written when it is put again.
    const path = join(this.#folder, `${idToken(id)}${ending}`);
    if (text === '') rmSync(path, { force: true });
    else replaceFile(path, text);
    if (text === '') this.#texts.delete(id);
    else this.#texts.set(id, text);
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
   * Puts all files together. Servers known to be down rest in it, so that a load sends them
   * nothing.
   * @param head what comes before
   * @param down `<section prefix>/<server>`
   */
  assemble(head: string, down: ReadonlySet<string>): Assembled {
    const sick = new Set([...down].map((path) => path.slice(0, path.indexOf('.'))));
    const resting: RestingServer[] = [];
    const parts = [head];
    this.#places = [];
    let line = linesIn(head) + 1;
    let listening = 0;
    for (const [id, text] of this.#texts) {
      const part = `\n${sick.has(id) ? withResting(text, down, resting) : text}`;
      this.#places.push({ id, line });
      parts.push(part.endsWith('\n') ? part : `${part}\n`);
      line += linesIn(parts.at(-1)!);
      listening += part.match(/^ {2}bind /gm)?.length ?? 0;
    }
    return { text: parts.join(''), resting, listening };
  }

  /** What a line of the text that was last assembled belongs to. */
  whatIsAt(line: number): { id: string; section: SectionName | undefined } | undefined {
    const place = this.#places.findLast((other) => other.line <= line);
    if (place === undefined) return undefined;
    const above = (this.#texts.get(place.id) ?? '').split('\n').slice(0, line - place.line);
    const head = above.findLast((text) => /^(frontend|backend) /.test(text));
    return { id: place.id, section: head === undefined ? undefined : sectionOf(head) };
  }
}

function withResting(text: string, down: ReadonlySet<string>, resting: RestingServer[]): string {
  const blocks = blocksOf(text).map((block) => {
    const section = sectionOf(block);
    if (section?.role !== 'pool') return block;
    return block.replace(/^ {2}server (\S+) \S+ weight (\d+).*$/gm, (line, server, weight) => {
      if (!down.has(`${section.prefix}/${server}`) || line.endsWith(' disabled')) return line;
      resting.push({ pool: nameOf(block), server, weight: Number(weight) });
      return `${line} disabled`;
    });
  });
  return textOf(blocks);
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

function linesIn(text: string): number {
  return text.split('\n').length - 1;
}

/**
 * Makes `text` the whole of a file, at once: a reader sees the one before or this one. No fsync:
 * what a power cut loses is written again from the forwarder's journal.
 */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
