import type { Commit, Entry } from './store.ts';

/**
 * Entries that were read lately, kept in step with what is committed: a read of one costs no
 * look at the file. Only for a store that no other process writes.
 */
export class RecentReads {
  readonly #maxChars: number;
  /** The one that was read first stands first. */
  readonly #entries = new Map<string, Entry>();
  #chars = 0;

  /** @param maxChars of keys and values; past this the earliest reads are forgotten */
  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** An entry as the file has it now. */
  keep(entry: Entry): void {
    this.#forget(entry.key);
    this.#entries.set(entry.key, entry);
    this.#chars += charsOf(entry);
    for (const first of this.#entries.keys()) {
      if (this.#chars <= this.#maxChars) return;
      this.#forget(first);
    }
  }

  /** A commit has happened; to be called for every one, in order. What nobody reads is not kept. */
  follow({ puts, deletes }: Commit, revision: number): void {
    for (const { key, value } of puts) {
      if (this.#entries.has(key)) this.keep({ key, value, revision });
    }
    for (const key of deletes) this.#forget(key);
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#chars -= charsOf(entry);
  }
}

function charsOf({ key, value }: Entry): number {
  return key.length + value.length;
}
