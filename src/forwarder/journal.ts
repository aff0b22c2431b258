import type { WatchMessage } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';
import { reasonOf } from '../log.ts';
import type { Disk } from './disk.ts';
import { parseMessage } from './messages.ts';
import { SiteState } from './site-state.ts';

const suffix = '.ndjson';

/** Absent, read (perhaps a site without load balancers) and unreadable are three things. */
export type JournalContent =
  | { readonly kind: 'absent' }
  | { readonly kind: 'read'; readonly state: SiteState }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Sites that have a journal on this disk; other files are none of ours. */
export async function journalSites(disk: Disk): Promise<readonly string[]> {
  const names = new Set(await disk.list());
  const sites = [...names].filter((name) => name.endsWith(suffix)).map(siteOf);
  return sites.filter((site) => names.has(nameOf(site)));
}

function nameOf(site: string): string {
  return `${encodeURIComponent(site)}${suffix}`;
}

function siteOf(name: string): string {
  const encoded = name.slice(0, -suffix.length);
  try {
    return decodeURIComponent(encoded);
  } catch {
    // Not a name of ours, and as a site it has another name on disk.
    return encoded;
  }
}

/**
 * What a forwarder was last told of a site, as the lines it was told in: a snapshot and the
 * changes since. It is written before anything is applied, so that a forwarder starts from it
 * with no control plane.
 */
export class Journal {
  readonly #site: string;
  readonly #disk: Disk;
  readonly #name: string;
  #grownBytes = 0;
  /** The file lacks something that was told: only a whole one may follow. */
  #incomplete = false;

  constructor(site: string, disk: Disk) {
    this.#site = site;
    this.#disk = disk;
    this.#name = nameOf(site);
  }

  /** Reads the journal back. An unreadable one is kept aside as `….unreadable`. */
  async load(): Promise<JournalContent> {
    try {
      const text = await this.#disk.read(this.#name);
      if (text === undefined) return { kind: 'absent' };
      const { state, complete } = replay(this.#site, text);
      this.#incomplete = !complete;
      return { kind: 'read', state };
    } catch (error) {
      const reason = `the journal of ${this.#site} is unreadable: ${reasonOf(error)}`;
      return { kind: 'unreadable', reason: `${reason}${await this.#setAside()}` };
    }
  }

  /**
   * Keeps a message that `state` has taken.
   * @throws when the disk does not take it; the next write then writes all
   */
  async write(message: WatchMessage, line: string, state: SiteState): Promise<void> {
    if (message.type !== 'change' || this.#incomplete) return this.rewrite(state);
    this.#incomplete = true;
    const text = `${line.trimEnd()}\n`;
    await this.#disk.append(this.#name, text);
    this.#incomplete = false;
    this.#grownBytes += text.length;
  }

  /** True when it is time to write the journal anew. */
  get grown(): boolean {
    return this.#grownBytes > limits.journalGrowthBytes;
  }

  /** @throws when the disk does not take it; the old file stands */
  async rewrite(state: SiteState): Promise<void> {
    this.#incomplete = true;
    const lines = state.messages().map((message) => `${JSON.stringify(message)}\n`);
    await this.#disk.replace(this.#name, lines.join(''));
    this.#incomplete = false;
    this.#grownBytes = 0;
  }

  remove(): Promise<void> {
    return this.#disk.remove(this.#name);
  }

  async #setAside(): Promise<string> {
    const aside = `${this.#name}.unreadable`;
    try {
      await this.#disk.rename(this.#name, aside);
      return ` (kept as ${aside})`;
    } catch (error) {
      return ` (and cannot be set aside: ${reasonOf(error)})`;
    }
  }
}

/**
 * Plays the lines back. The last line may be torn: it was being written when the machine stopped,
 * and nothing that follows from it was applied.
 * @throws when any other line is no message, or does not follow from the ones before it
 */
function replay(site: string, text: string): { state: SiteState; complete: boolean } {
  const state = new SiteState(site);
  const lines = text.split('\n');
  const complete = lines.at(-1) === '';
  if (complete) lines.pop();
  for (const [index, line] of lines.entries()) {
    let message: WatchMessage;
    try {
      message = parseMessage(line);
    } catch (error) {
      if (index === lines.length - 1 && index > 0) return { state, complete: false };
      throw new Error(`line ${index + 1}: ${reasonOf(error)}`, { cause: error });
    }
    if (message.type === 'release' || message.site !== site) throw new Error('of another site');
    const step = state.take(message);
    if (step.kind === 'lost') throw new Error(`line ${index + 1}: ${step.reason}`);
  }
  if (state.revision === undefined) throw new Error('it holds no snapshot');
  return { state, complete };
}
