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
  /** Its last line is not whole: nothing may follow it. */
  #torn = false;
  /** It lacks something that was told, and was set aside. */
  #outdated = false;

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
      this.#torn = !complete;
      return { kind: 'read', state };
    } catch (error) {
      const reason = `the journal of ${this.#site} is unreadable: ${reasonOf(error)}`;
      return { kind: 'unreadable', reason: `${reason}${await this.#setAside('unreadable')}` };
    }
  }

  /**
   * Keeps a message that `state` has taken. A journal that lacks one is set aside: who starts from
   * it would undo a change that was confirmed.
   * @throws when the disk does not take it
   */
  async write(message: WatchMessage, line: string, state: SiteState): Promise<void> {
    try {
      if (message.type !== 'change' || !this.#appendable) return await this.#rewrite(state);
      const text = `${line.trimEnd()}\n`;
      await this.#disk.append(this.#name, text);
      this.#grownBytes += text.length;
    } catch (error) {
      if (!this.#outdated) await this.#setAside('outdated');
      this.#outdated = true;
      throw error;
    }
  }

  /**
   * Writes the journal anew when it has grown, or when an earlier message did not get into it.
   * @throws when the disk does not take it; what stands there stays
   */
  async tidy(state: SiteState): Promise<void> {
    if (this.#appendable && this.#grownBytes <= limits.journalGrowthBytes) return;
    this.#grownBytes = 0;
    await this.#rewrite(state);
  }

  remove(): Promise<void> {
    return this.#disk.remove(this.#name);
  }

  /** A restart does not read it, until it is put back. */
  setAside(): Promise<void> {
    return this.#disk.rename(this.#name, `${this.#name}.aside`);
  }

  putBack(): Promise<void> {
    return this.#disk.rename(`${this.#name}.aside`, this.#name);
  }

  async #rewrite(state: SiteState): Promise<void> {
    const lines = state.messages().map((message) => `${JSON.stringify(message)}\n`);
    await this.#disk.replace(this.#name, lines.join(''));
    this.#torn = false;
    this.#outdated = false;
    this.#grownBytes = 0;
  }

  get #appendable(): boolean {
    return !this.#torn && !this.#outdated;
  }

  async #setAside(why: 'unreadable' | 'outdated'): Promise<string> {
    const aside = `${this.#name}.${why}`;
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
