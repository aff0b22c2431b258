import { appendFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The few files of one folder, as a journal needs them. */
export interface Disk {
  list(): Promise<readonly string[]>;
  /** Undefined when there is no such file. Any other trouble throws. */
  read(name: string): Promise<string | undefined>;
  /**
   * In the system's hands when it resolves, so that a killed process loses nothing; on disk soon
   * after, by a sync that begins after it.
   */
  append(name: string, text: string): Promise<void>;
  /** Whole and on disk when it resolves; until then the old file stands. */
  replace(name: string, text: string): Promise<void>;
  /** Both are on disk when they resolve. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

/** A folder of the file system; made when first written to. */
export function folderDisk(folder: string): Disk {
  return new FolderDisk(folder);
}

class FolderDisk implements Disk {
  readonly #folder: string;
  readonly #open = new Map<string, FileHandle>();
  readonly #syncing = new Map<string, Promise<void>>();
  /** Files that were appended to since their last sync began. */
  readonly #unsynced = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(): Promise<readonly string[]> {
    return (await orAbsent(readdir(this.#folder))) ?? [];
  }

  read(name: string): Promise<string | undefined> {
    return orAbsent(readFile(join(this.#folder, name), 'utf8'));
  }

  async append(name: string, text: string): Promise<void> {
    let file = this.#open.get(name);
    if (file === undefined) {
      file = await open(join(this.#folder, name), 'a', 0o600);
      this.#open.set(name, file);
    }
    // Into the page cache, which takes less time than another thread would to be asked.
    appendFileSync(file.fd, text);
    this.#unsynced.add(name);
    if (!this.#syncing.has(name)) this.#syncing.set(name, this.#sync(name, file));
  }

  /** Until a sync has begun after the last append. */
  async #sync(name: string, file: FileHandle): Promise<void> {
    // A failed sync loses nothing that the process can still say: the next replace says it whole.
    while (this.#unsynced.delete(name)) await file.datasync().catch(() => {});
    this.#syncing.delete(name);
  }

  async replace(name: string, text: string): Promise<void> {
    await this.#release(name);
    const path = join(this.#folder, name);
    const temporary = `${path}.new`;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#release(from);
    await rename(join(this.#folder, from), join(this.#folder, to));
    await syncFolder(this.#folder);
  }

  async remove(name: string): Promise<void> {
    await this.#release(name);
    try {
      await unlink(join(this.#folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return;
    }
    await syncFolder(this.#folder);
  }

  async close(): Promise<void> {
    for (const name of [...this.#open.keys()]) await this.#release(name);
  }

  async #release(name: string): Promise<void> {
    const file = this.#open.get(name);
    this.#open.delete(name);
    await this.#syncing.get(name);
    await file?.close();
  }
}

/** A rename is durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
