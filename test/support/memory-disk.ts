import type { Disk } from '../../src/forwarder/disk.ts';

/** A folder in memory: it can fail, and it can lose the end of what was not synced. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, string>();
  /** Every write throws. */
  full = false;
  /** Every read of a file that exists throws. */
  unreadable = false;
  /** File -> how much of it is certain to survive a power loss. */
  readonly #synced = new Map<string, number>();

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()];
  }

  async read(name: string): Promise<string | undefined> {
    const text = this.files.get(name);
    if (text !== undefined && this.unreadable) throw new Error('EIO: i/o error, read');
    return text;
  }

  async append(name: string, text: string): Promise<void> {
    this.#room();
    this.files.set(name, (this.files.get(name) ?? '') + text);
  }

  async replace(name: string, text: string): Promise<void> {
    this.#room();
    this.files.set(name, text);
    this.#synced.set(name, text.length);
  }

  async rename(from: string, to: string): Promise<void> {
    this.files.set(to, this.files.get(from) ?? '');
    this.files.delete(from);
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  async close(): Promise<void> {}

  /** What was not synced survives in part, cut anywhere. */
  losePower(random: () => number): void {
    for (const [name, text] of this.files) {
      const synced = this.#synced.get(name) ?? 0;
      const kept = synced + Math.floor(random() * (text.length - synced + 1));
      this.files.set(name, text.slice(0, kept));
    }
  }

  #room(): void {
    if (this.full) throw new Error('ENOSPC: no space left on device, write');
  }
}
