import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { idToken, parseSection } from './names.ts';

/** A server that a load starts at rest, and what it shall be woken as. */
export interface RestingServer {
  readonly loadBalancerId: string;
  readonly pool: string;
  readonly server: string;
  readonly weight: number;
}

const ending = '.cfg';

/**
 * The folder with one file per load balancer, and what is in it. Every change is on disk, whole,
 * when its call returns; a change costs the same however many files there are.
 */
export class SectionFiles {
  readonly #folder: string;
  readonly #texts = new Map<string, string>();

  /** Reads what an earlier life left. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const name of readdirSync(folder)) {
      if (!name.endsWith(ending)) continue;
      this.#texts.set(name.slice(0, -ending.length), readFileSync(join(folder, name), 'utf8'));
    }
  }

  ids(): string[] {
    return [...this.#texts.keys()];
  }

  /**
   * Makes `text` the file of a load balancer; empty = no file.
   * @throws when the disk does not take it; then the text before stands
   */
  put(id: string, text: string): void {
    if ((this.#texts.get(id) ?? '') === text) return;
    // First the file: a text that is not on disk would pass for written when it is put again.
    this.#write(id, text);
    if (text === '') this.#texts.delete(id);
    else this.#texts.set(id, text);
  }

  /** Takes the sections of one listener out. @returns its pool's name; undefined: had none */
  leaveOut(id: string, prefix: string): string | undefined {
    const names = (block: string) => parseSection(nameOf(block));
    const blocks = blocksOf(this.#texts.get(id) ?? '');
    const own = blocks.filter((block) => names(block)?.prefix === prefix);
    this.put(id, textOf(blocks.filter((block) => !own.includes(block))));
    const pool = own.find((block) => names(block)?.role === 'pool');
    return pool && nameOf(pool);
  }

  /** The listener that a line of a file belongs to. */
  listenerAt(id: string, line: number) {
    const above = (this.#texts.get(id) ?? '').split('\n').slice(0, line);
    const head = above.findLast((text) => /^(frontend|backend) /.test(text));
    return head === undefined ? undefined : parseSection(nameOf(head));
  }

  /**
   * Writes files in which servers known to be down rest, so that a load sends them nothing.
   * @param down `<section prefix>/<server>`
   */
  writeResting(down: ReadonlySet<string>): RestingServer[] {
    const ids = new Set([...down].map((path) => path.slice(0, path.indexOf('.'))));
    return [...ids].flatMap((id) => {
      const resting: RestingServer[] = [];
      const blocks = blocksOf(this.#texts.get(id) ?? '').map((block) => {
        const pool = nameOf(block);
        const section = parseSection(pool);
        if (section?.role !== 'pool') return block;
        return block.replace(serverLines, (line, server: string, weight: string) => {
          if (!down.has(`${section.prefix}/${server}`) || line.endsWith(' disabled')) return line;
          resting.push({ loadBalancerId: id, pool, server, weight: Number(weight) });
          return `${line} disabled`;
        });
      });
      if (resting.length > 0) this.#write(id, textOf(blocks));
      return resting;
    });
  }

  /** Writes the files as they should be again. */
  restore(resting: readonly RestingServer[]): void {
    for (const id of new Set(resting.map(({ loadBalancerId }) => loadBalancerId))) {
      this.#write(id, this.#texts.get(id) ?? '');
    }
  }

  #write(id: string, text: string): void {
    const path = join(this.#folder, `${idToken(id)}${ending}`);
    if (text === '') rmSync(path, { force: true });
    else replaceFile(path, text);
  }
}

const serverLines = /^ {2}server (\S+) \S+ weight (\d+).*$/gm;

/** Sections are set apart by an empty line. */
function blocksOf(text: string): string[] {
  return text === '' ? [] : text.trimEnd().split('\n\n');
}

function textOf(blocks: readonly string[]): string {
  return blocks.length === 0 ? '' : `${blocks.join('\n\n')}\n`;
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
